"""The README and its second page, on templates, as data: their fenced blocks, their tables, their paragraphs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "templates/README.md")
TEXT = "\n".join((ROOT / page).read_text("utf-8") for page in PAGES)
ADDRESS = "http://127.0.0.1:23333"
"""What the README writes for the address of the server."""

FENCE = re.compile(r"^```(?P<language>\w+)(?: (?P<what>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
WORD = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Block:
    """One fenced block. `what` is what stands behind its language: a file's name, or a word for these tests."""

    language: str
    what: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"line {self.line} {self.language} {self.what}".strip()


def blocks(*languages: str) -> list[Block]:
    """The blocks of some languages (all, if none is named), in the README's order."""
    found = [
        Block(fence["language"], fence["what"] or "", fence["text"], TEXT.count("\n", 0, fence.start()) + 1)
        for fence in FENCE.finditer(TEXT)
    ]
    return [block for block in found if not languages or block.language in languages]


def files_before(block: Block) -> dict[str, str]:
    """The files that whoever follows the README has in his home when he comes to `block`, it and those beside it included.

    A providers.yaml begins a home of its own.
    """
    home: dict[str, str] = {}
    after = False
    for one in blocks():
        after = after or one == block
        if "." not in one.what:
            if after and one != block:
                break
            continue
        if one.what == "providers.yaml":
            if after and one != block:
                break
            home = {}
        home[one.what] = one.text
    return home


def table(name: str) -> list[list[str]]:
    """The cells of the table under the comment `<!-- table: name -->`, without its head."""
    _, marker, rest = TEXT.partition(f"<!-- table: {name} -->\n")
    assert marker, f"the README has no table {name!r}"
    rows = []
    for line in rest.splitlines():
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows[2:]


def words(cell: str) -> list[str]:
    """What stands between backticks."""
    return WORD.findall(cell)


def shape(text: str) -> re.Pattern[str]:
    """A pattern for output as the README shows it: `…` is anything, alone in a line any number of lines."""
    lines = []
    for line in text.strip("\n").splitlines():
        if line.strip() == "…":
            lines.append(r"(?:.*\n)*?")
            continue
        words = (".*".join(map(re.escape, word.split("…"))) for word in line.split())
        lines.append(r"[^\S\n]*" + r"[^\S\n]+".join(words) + r"[^\S\n]*\n")
    return re.compile("".join(lines))
