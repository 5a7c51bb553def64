"""The README's figures are those of a run that is kept beside its plots."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BENCH = ROOT / "tests" / "bench"
FIGURES = BENCH / "plots" / "figures.json"


@pytest.mark.skipif(not FIGURES.is_file(), reason="no run has been kept yet: make bench ARGS='--full --readme'")
def test_the_figures_are_those_of_the_run_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the marks stands what the bench made of its JSON, and each plot it shows is there, small."""
    monkeypatch.syspath_prepend(str(BENCH))
    import report  # noqa: PLC0415 - the bench is no package

    text = (ROOT / "README.md").read_text("utf-8")
    made = report.readme(json.loads(FIGURES.read_text("utf-8"))).strip()
    assert made in text
    shown = [line.partition("](")[2].rstrip(")") for line in made.splitlines() if line.startswith("![")]
    for plot in shown:
        assert (ROOT / plot).is_file(), plot
        assert (ROOT / plot).stat().st_size < 40_000
    sys.modules.pop("report", None)
