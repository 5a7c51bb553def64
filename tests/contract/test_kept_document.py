"""The contract is kept as JSON, and read from there only as long as it is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.engine.contract import kept_document, load_document
from handlers.engine.errors import ConfigurationError
from handlers.engine.resources import BUNDLED

TEXT = "openapi: 3.0.3\ninfo: {title: t, version: '1', x-day: 2024-01-01}\npaths: {}\n"


def test_what_is_kept_is_the_contract(tmp_path: Path) -> None:
    """Read from YAML or from JSON, it is the same to the last member and their order."""
    contract = BUNDLED / "openapi" / "openapi.yaml"
    first, second = (kept_document(contract, tmp_path / "state" / "contract.json") for _ in range(2))
    assert repr(first) == repr(second) == repr(load_document(contract))


def test_it_is_read_from_there(tmp_path: Path) -> None:
    contract, file = tmp_path / "openapi.yaml", tmp_path / "contract.json"
    contract.write_text(TEXT)
    kept_document(contract, file)
    file.write_bytes(file.read_bytes().replace(b'"title":"t"', b'"title":"kept"'))
    assert kept_document(contract, file)["info"] == {"title": "kept", "version": "1", "x-day": "2024-01-01"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"digest":"other","document":{}}'])
def test_what_cannot_be_used_is_written_anew(tmp_path: Path, content: bytes) -> None:
    """Another contract, a file that is none: then YAML is what counts, as on the first start."""
    contract, file = tmp_path / "openapi.yaml", tmp_path / "contract.json"
    contract.write_text(TEXT)
    file.write_bytes(content)
    assert kept_document(contract, file)["info"]["title"] == "t"
    contract.write_text(TEXT.replace("title: t", "title: changed"))
    assert kept_document(contract, file)["info"]["title"] == "changed"
    assert kept_document(contract, file)["info"]["title"] == "changed"


def test_where_nothing_can_be_kept_the_start_only_takes_longer(tmp_path: Path) -> None:
    contract = tmp_path / "openapi.yaml"
    contract.write_text(TEXT)
    assert kept_document(contract, contract / "below" / "contract.json")["info"]["title"] == "t"


def test_a_contract_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        kept_document(tmp_path / "none.yaml", tmp_path / "contract.json")
