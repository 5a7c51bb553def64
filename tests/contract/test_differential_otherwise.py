"""The same said otherwise, through both stacks: members spelt in snake_case, and forms.

Where Gemini's members are spelt otherwise, or a member has another name, the fast stack decides as connexion decides of
the contract's own spelling, and the handler is given that. Of a form the fast stack knows the model, and that it is one;
connexion looks at all of it. Each other verdict is a row of FORM_DIFFERENCES.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections import Counter
from typing import Any

import orjson
import pytest
from contract.asgi import BEARER, JSON, ask
from contract.both_stacks import DOCUMENT, StubCall
from contract.generated_bodies import Bodies

from handlers.engine.contract import operations
from handlers.engine.contract.schemas import Schemas

CASES = int(os.environ.get("MORELLO_DIFFERENTIAL_CASES", "2000"))
GENERATE = "/v1beta/models/demo:echo:generateContent"


def spelt_in_snake_case(value: Any, names: set[str], chance: random.Random) -> Any:
    """A body some of whose declared members are spelt in snake_case."""
    if isinstance(value, list):
        return [spelt_in_snake_case(each, names, chance) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name) if name in names and chance.random() < 0.7 else name:
        spelt_in_snake_case(each, names, chance) for name, each in value.items()
    }  # fmt: skip


def test_either_spelling_is_decided_and_handed_over_alike(stacks: Any) -> None:
    """Valid bodies and broken ones, of each of their members now one spelling and now the other."""
    bodies, chance = Bodies(DOCUMENT, 11), random.Random(7)
    root = DOCUMENT["components"]["schemas"]["GenerateContentRequest"]
    places = bodies.places("GenerateContentRequest")
    names = {name for place in places for name in place.schema.get("properties", {})}
    made = [bodies.along(root, place.route, lambda schema: bodies.valid(schema, 2)) for place in places]
    made += [each.body for each in bodies.broken("GenerateContentRequest", Schemas(DOCUMENT).compile(root).is_valid)]
    while len(made) < CASES:
        made += [valid := bodies.valid(root), bodies.mutated(valid)]
    verdicts: Counter[int] = Counter()
    respelt: set[str] = set()

    async def compare(body: Any) -> None:
        other = spelt_in_snake_case(body, names, chance)
        fast, stock = [await posted(app, GENERATE, said) for app, said in zip(stacks, (other, body), strict=True)]
        assert fast == stock, (fast, stock, other)
        verdicts[fast[0]] += 1
        if fast[0] == 200:
            respelt.update(re.findall(r'"([a-z]+(?:_[a-z]+)+)":', orjson.dumps(other).decode()))

    async def compare_all() -> None:
        for body in made:
            await compare(body)

    asyncio.run(compare_all())
    assert verdicts[200] >= 0.3 * len(made), verdicts
    assert verdicts[400] >= 0.3 * len(made), verdicts
    assert {"function_declarations", "thought_signature", "inline_data", "generation_config"} <= respelt


async def posted(app: Any, path: str, body: Any) -> tuple[int, Any]:
    """The verdict, and what the handler was given."""
    StubCall.heard.clear()
    raw = orjson.dumps(body)
    status = (await ask(app, "POST", path, headers=(BEARER, JSON, (b"content-length", b"%d" % len(raw))), body=raw)).status
    return status, list(StubCall.heard)


@pytest.mark.parametrize("path", ["/api/show", "/demo/api/show"])
@pytest.mark.parametrize("more", [{}, {"verbose": True}, {"verbose": "yes"}])
@pytest.mark.parametrize("model", ["demo:echo", "", None, 5])
def test_a_member_with_another_name_is_decided_alike(stacks: Any, path: str, more: dict[str, Any], model: Any) -> None:
    fast = asyncio.run(posted(stacks[0], path, {"name": model, **more}))
    stock = asyncio.run(posted(stacks[1], path, {"model": model, **more}))
    assert fast[0] == stock[0]


def test_where_both_names_stand_the_contracts_own_counts(stacks: Any) -> None:
    for name in (5, "x"):
        assert asyncio.run(posted(stacks[0], "/api/show", {"name": name, "model": "demo:echo"}))[0] == 200


# ---- forms ----------------------------------------------------------------------------------------------------------

FORMS = [path.replace("{provider_id}", "demo") for path, _, _, raw in operations(DOCUMENT)
         if "multipart/form-data" in raw.get("requestBody", {}).get("content", {})]  # fmt: skip
FILE = (b'form-data; name="file"; filename="a.mp3"', b"RIFF\r\n--no\r\n\0\xff")
MODEL = (b'form-data; name="model"', b"demo:echo")
FIELDS = [
    (b'form-data; name="language"', b"en"), (b'form-data; name="temperature"', b"0.5"), (b'form-data; name="stream"', b"true"),
    (b'form-data; name="prompt"', "so far \u2713".encode()), (b'form-data; name="unheard_of"', b""),
]  # fmt: skip
Parts = list[tuple[bytes, bytes]]


def form(parts: Parts, boundary: bytes = b"bound", end: bytes = b"--\r\n") -> bytes:
    pieces = [b"--%b\r\nContent-Disposition: %b\r\n\r\n%b\r\n" % (boundary, head, value) for head, value in parts]
    return b"".join(pieces) + b"--" + boundary + end


def verdict(app: Any, path: str, raw: bytes, kind: bytes = b"multipart/form-data; boundary=bound") -> int:
    headers = (BEARER, (b"content-type", kind), (b"content-length", b"%d" % len(raw)))
    return asyncio.run(ask(app, "POST", path, headers=headers, pieces=[raw[at : at + 40] for at in range(0, len(raw), 40)] or [b""])).status


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("path", FORMS)
def test_forms_are_decided_alike(stacks: Any, path: str) -> None:
    """Fields in any order, with a model and without: what both know is decided alike, and the form goes on as it came."""
    chance = random.Random(3)
    verdicts: Counter[int] = Counter()
    for _ in range(max(60, CASES // 20)):
        parts = [FILE, *chance.sample(FIELDS, chance.randrange(len(FIELDS)))]
        if chance.random() < 0.6:
            parts.append(MODEL)
        chance.shuffle(parts)
        raw = form(parts)
        StubCall.heard.clear()
        fast = verdict(stacks[0], path, raw)
        if fast == 200:
            assert StubCall.heard[0]["sent"] == raw.replace(MODEL[1], b"m")
        assert fast == verdict(stacks[1], path, raw), parts
        verdicts[fast] += 1
    assert verdicts.keys() == {200, 400}
    assert min(verdicts.values()) > 0.2 * verdicts.total()


KIND = b"multipart/form-data; boundary=bound"
GOOD_FORM = form([MODEL, FILE])
FORM_DIFFERENCES = [
    ("no file", form([MODEL]), KIND, 200, 400, "a form goes on while it comes in; its provider misses the file"),
    ("no number", form([MODEL, FILE, (b'form-data; name="temperature"', b"warm")]), KIND, 200, 400, "the same"),
    ("no truth", form([MODEL, FILE, (b'form-data; name="stream"', b"maybe")]), KIND, 200, 400, "the same"),
    ("a model from a file", form([(MODEL[0] + b'; filename="x"', MODEL[1]), FILE]), KIND, 200, 400, "its value is what counts"),
    ("two models", form([MODEL, MODEL, FILE]), KIND, 400, 200, "nobody can know which is meant"),
    ("a model of 3 KB", form([(MODEL[0], b"m" * 3000), FILE]), KIND, 400, 200, "no name is as long"),
    ("no end", form([MODEL, FILE], end=b"\r\n"), KIND, 400, 200, "what was cut off is not whole"),
    ("a preamble", b"look here\r\n" + GOOD_FORM, KIND, 200, 500, "MIME lets it be there"),
    ("no boundary", GOOD_FORM, b"multipart/form-data", 400, 500, "the caller's mistake, not ours"),
    ("another boundary", form([MODEL, FILE], b"other"), KIND, 400, 500, "the same"),
    ("no form", b"hello", KIND, 400, 500, "the same"),
]
FORMS_ALIKE = {
    "an epilogue": (GOOD_FORM + b"more", KIND),
    "a boundary in quotes": (GOOD_FORM, b'multipart/form-data; boundary="bound"'),
    "a type in capitals": (GOOD_FORM, b"Multipart/Form-Data; Boundary=bound"),
    "a file without a name": (form([MODEL, (b'form-data; name="file"', b"x")]), KIND),
    "an empty model": (form([(MODEL[0], b""), FILE]), KIND),
    "nothing": (b"", KIND),
    "cut off": (GOOD_FORM[:-20], KIND),
    "another type": (b"{}", b"application/json"),
}
leaky = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""connexion leaves the files of a form to the collector of garbage."""


@leaky
@pytest.mark.parametrize(("raw", "kind"), FORMS_ALIKE.values(), ids=FORMS_ALIKE)
def test_what_is_around_a_form_is_decided_alike(stacks: Any, raw: bytes, kind: bytes) -> None:
    fast, stock = [verdict(app, FORMS[0], raw, kind) for app in stacks]
    assert fast == stock


@leaky
@pytest.mark.parametrize(("raw", "kind", "fast", "stock"), [row[1:5] for row in FORM_DIFFERENCES], ids=[r[0] for r in FORM_DIFFERENCES])
def test_intended_differences_of_forms(stacks: Any, raw: bytes, kind: bytes, fast: int, stock: int) -> None:
    """Each has its reason in the table. A row that connexion or we have outgrown must go."""
    assert [verdict(app, FORMS[0], raw, kind) for app in stacks] == [fast, stock]
