"""What is not carried is found by trying. Each translation here is a plain function with one fault."""

import itertools

import pytest

from handlers.engine.losses import Table

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
COUNT = {"type": "integer", "minimum": 1, "default": 1}


def object_of(required=(), **members):
    return {"type": "object", "properties": members, "required": list(required), "additionalProperties": False}


def told(translate, schema, request):
    return [str(loss) for loss in Table(translate, schema)(request)]


FAULTS = [
    ("never mentioned", lambda r: {"a": r.get("a")}, {"a": TEXT, "b": TEXT}, {"a": "x", "b": "y"}, ["unsupported b"]),
    ("zero dropped by `or`", lambda r: {"t": r.get("t") or 7}, {"t": NUMBER}, {"t": 0}, ["unsupported t"]),
    ("zero dropped, others carried", lambda r: {"t": r.get("t") or 7}, {"t": NUMBER}, {"t": 2}, []),
    ("only that it is there", lambda r: {"a": bool(r.get("a"))}, {"a": TEXT}, {"a": "x"}, ["unsupported a"]),
    ("an enum value without a word", lambda r: {"e": {"low": 1}.get(r.get("e"))}, {"e": {"enum": ["low", "max"]}},
     {"e": "max"}, ["unsupported e"]),
    ("the default is no loss", lambda r: {}, {"n": COUNT}, {"n": 1}, []),
    ("another value than the default is", lambda r: {}, {"n": COUNT}, {"n": 2}, ["unsupported n"]),
    ("needs company, has none", lambda r: {"b": r.get("b")} if r.get("a") else {}, {"a": TEXT, "b": TEXT},
     {"b": "y"}, ["unsupported b"]),
    ("needs company, has it", lambda r: {"b": r.get("b"), "a": r.get("a")} if r.get("a") else {},
     {"a": TEXT, "b": TEXT}, {"a": "x", "b": "y"}, []),
    ("masked by another", lambda r: {"m": r.get("a") or r.get("b")}, {"a": TEXT, "b": TEXT},
     {"a": "x", "b": "y"}, ["unsupported b"]),
    ("masked, but alone", lambda r: {"m": r.get("a") or r.get("b")}, {"a": TEXT, "b": TEXT}, {"b": "y"}, []),
    ("the first only", lambda r: {"stop": (r.get("stop") or [None])[0]}, {"stop": {"type": "array", "items": TEXT}},
     {"stop": ["a", "b"]}, ["unsupported stop[1:]"]),
    ("null and empty are nothing", lambda r: {}, {"a": TEXT, "b": {"type": "array", "items": TEXT}},
     {"a": None, "b": []}, []),
    ("false is a value", lambda r: {"f": True if r.get("f") else None}, {"f": {"type": "boolean"}},
     {"f": False}, ["unsupported f"]),
    ("two words become one, the word that is sent keeps its name",
     lambda r: {"e": {"minimal": "low", "low": "low", "high": "high"}.get(r.get("e"))},
     {"e": {"enum": ["minimal", "low", "high"]}}, {"e": "minimal"}, ["compatibility e"]),
    ("and the other is not reported",
     lambda r: {"e": {"minimal": "low", "low": "low", "high": "high"}.get(r.get("e"))},
     {"e": {"enum": ["minimal", "low", "high"]}}, {"e": "low"}, []),
    ("a merge that is declared", lambda r: {"e": {"minimal": "low", "low": "low"}.get(r.get("e"))},
     {"e": {"enum": ["minimal", "low"], "x-same-as": {"minimal": "low"}}}, {"e": "minimal"}, []),
    ("a clamp that the bounds let one see", lambda r: {"t": min(r["t"], 1) if "t" in r else None},
     {"t": {"type": "number", "minimum": 0, "maximum": 2}}, {"t": 1.7}, ["compatibility t"]),
    ("and a value that it lets through", lambda r: {"t": min(r["t"], 1) if "t" in r else None},
     {"t": {"type": "number", "minimum": 0, "maximum": 2}}, {"t": 1}, []),
    ("dropped above a bound", lambda r: {"t": r.get("t") if r.get("t", 0) <= 1 else None},
     {"t": {"type": "number", "minimum": 0, "maximum": 2}}, {"t": 1.7}, ["unsupported t"]),
    ("needs one company, masked by another", lambda r: {"b": r.get("b") if r.get("a") and not r.get("c") else None, "a": r.get("a"), "c": r.get("c")},
     {"a": TEXT, "b": TEXT, "c": TEXT}, {"a": "x", "b": "y"}, []),
    ("and lost without the one it needs", lambda r: {"b": r.get("b") if r.get("a") and not r.get("c") else None, "a": r.get("a"), "c": r.get("c")},
     {"a": TEXT, "b": TEXT, "c": TEXT}, {"b": "y"}, ["unsupported b"]),
    ("two conditions: lost with a and without b",
     lambda r: {"a": r.get("a"), "b": r.get("b"), "c": None if "a" in r and "b" not in r else r.get("c")},
     {"a": TEXT, "b": TEXT, "c": TEXT}, {"a": "x", "c": "z"}, ["unsupported c"]),
    ("two conditions, met", lambda r: {"a": r.get("a"), "b": r.get("b"), "c": None if "a" in r and "b" not in r else r.get("c")},
     {"a": TEXT, "b": TEXT, "c": TEXT}, {"a": "x", "b": "y", "c": "z"}, []),
    ("both say the same, one is heard", lambda r: {"m": r.get("a") or r.get("b")}, {"a": TEXT, "b": TEXT},
     {"a": "x", "b": "x"}, ["unsupported b"]),
    ("a blank word that is dropped", lambda r: {"a": (r.get("a") or "").strip() or None},
     {"a": {**TEXT, "x-examples": ["x", "y", " "]}}, {"a": "\n"}, ["unsupported a"]),
    ("and one that is not blank", lambda r: {"a": (r.get("a") or "").strip() or None},
     {"a": {**TEXT, "x-examples": ["x", "y", " "]}}, {"a": "z"}, []),
    ("a clamp within the bounds is none", lambda r: {"t": min(r["t"], 1) if "t" in r else None},
     {"t": {"type": "number", "minimum": 0, "maximum": 1}}, {"t": 0.3}, []),
    ("a failure is not silent", lambda r: {"a": 1 / (0 if r.get("a") else 1)}, {"a": TEXT}, {"a": "x"}, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("translate", "members", "request_", "losses"), [one[1:] for one in FAULTS], ids=[one[0] for one in FAULTS]
)
def test_sees(translate, members, request_, losses):
    assert told(translate, object_of(**members), request_) == losses


OPEN_WORD = {"type": "string", "x-extensible-enum": ["low", "high", "max"]}


@pytest.mark.parametrize(("translate", "value", "losses"), [
    (lambda r: {"e": r.get("e")}, "brand-new", []),
    (lambda r: {"e": {"low": 1, "high": 2}.get(r.get("e"))}, "high", []),
    (lambda r: {"e": {"low": 1, "high": 2}.get(r.get("e"))}, "max", ["unsupported e"]),
    (lambda r: {"e": {"low": 1, "high": 2, "max": 3}.get(r.get("e"))}, "brand-new", ["unsupported e"]),
    (lambda r: {"e": "high" if r.get("e") == "max" else r.get("e")}, "max", ["compatibility e"]),
    (lambda r: {}, "low", ["unsupported e"]),
], ids=["all carried", "known, carried", "known, lost", "unheard-of, lost", "merged", "all lost"])  # fmt: skip
def test_sees_in_an_open_enum(translate, value, losses):
    """Known values each by itself, and any other by an unheard-of one."""
    assert told(translate, object_of(e=OPEN_WORD), {"e": value}) == losses


def kind(tag, *required, **members):
    return object_of(["type", *required], type={"enum": [tag]}, **members)


STRANGE_KIND = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"type": "string", "not": {"enum": ["text", "image"]}}},
}
PART = {"oneOf": [kind("text", "text", text=TEXT), kind("image", "url", url=TEXT, detail=TEXT), STRANGE_KIND]}
PARTS = object_of(["parts"], parts={"type": "array", "items": PART})


def parts_of(*known):
    return lambda r: [part for part in r.get("parts", ()) if part["type"] in known]


IMAGE = {"type": "image", "url": "u", "detail": "high"}


@pytest.mark.parametrize(("translate", "parts", "losses"), [
    (parts_of("text", "image"), [{"type": "text", "text": "x"}, IMAGE], []),
    (parts_of("text"), [{"type": "text", "text": "x"}, IMAGE], ["unsupported parts[1]"]),
    (parts_of("text", "image"), [IMAGE, {"type": "video", "v": 1}], ["unsupported parts[1]"]),
    (lambda r: [{"type": one["type"], "url": one.get("url"), "text": one.get("text")} for one in r.get("parts", ())],
     [IMAGE], ["unsupported parts[0].detail"]),
    (lambda r: r, [IMAGE, {"type": "video", "v": 1}], []),
], ids=["carried", "a kind", "an unheard-of kind", "a member of a kind", "as it is"])  # fmt: skip
def test_sees_kinds(translate, parts, losses):
    assert told(translate, PARTS, {"parts": parts}) == losses


def test_sees_unheard_of_members():
    """Where a schema is open, a member that nobody has heard of is tried too."""
    open_object = {"type": "object", "properties": {"a": TEXT, "b": {"type": "object", "properties": {"c": TEXT}}}}

    def translate(request):
        return {**request, "b": {"c": request.get("b", {}).get("c")}}

    assert told(translate, open_object, {"a": "x", "new": 1, "b": {"c": "y", "newer": 2}}) == ["unsupported b.newer"]


def roles(same_as=None):
    developer = {**kind("developer", "text", text=TEXT), **({"x-same-as": same_as} if same_as else {})}
    return object_of(
        ["parts"], parts={"type": "array", "items": {"oneOf": [developer, kind("system", "text", text=TEXT)]}}
    )


def merging(request):
    return ["system: " + part["text"] for part in request.get("parts", ())]


def test_two_kinds_that_become_one_are_reported_unless_declared():
    """And what they hold is looked at all the same."""
    request = {"parts": [{"type": "system", "text": "x"}, {"type": "developer", "text": "y"}]}
    assert len(Table(merging, roles())(request)) == 1
    assert Table(merging, roles())(request)[0].word == "compatibility"
    assert Table(merging, roles("system"))(request) == []
    assert Table(lambda r: ["system" for _ in r.get("parts", ())], roles("system"))(request)[0].name == "parts[0].text"


RIVALS = {
    "type": "object", "required": ["type"], "additionalProperties": False,
    "properties": {"type": {"const": "file"}, "data": TEXT, "url": TEXT, "title": TEXT},
    "oneOf": [{"required": ["data"]}, {"required": ["url"]}],
}  # fmt: skip


def test_members_that_exclude_each_other_are_kinds():
    def translate(request):
        return [{key: one[key] for key in one if key != "url"} for one in request.get("files", ())]

    schema = object_of(files={"type": "array", "items": RIVALS})
    assert told(translate, schema, {"files": [{"type": "file", "data": "x", "title": "t"}]}) == []
    assert told(translate, schema, {"files": [{"type": "file", "url": "x"}]}) == ["unsupported files[0].url"]


def test_a_container_is_lost_as_one_only_if_all_of_it_is():
    schema = object_of(audio=object_of(voice=TEXT, format=TEXT))
    given = {"audio": {"voice": "v", "format": "f"}}
    assert told(lambda r: {}, schema, given) == ["unsupported audio"]
    assert told(lambda r: r.get("audio", {}).get("voice"), schema, given) == ["unsupported audio.format"]


def test_a_map_is_tried_with_a_key_of_its_own():
    schema = object_of(metadata={"type": "object", "additionalProperties": TEXT})
    assert told(lambda r: r, schema, {"metadata": {"k": "v"}}) == []
    assert told(lambda r: {}, schema, {"metadata": {"k": "v"}}) == ["unsupported metadata"]


RECURSIVE = {
    "$ref": "#/$defs/part",
    "$defs": {"part": {"oneOf": [
        kind("text", "text", text=TEXT),
        object_of(["type", "parts"], type={"const": "group"}, parts={"type": "array", "items": {"$ref": "#/$defs/part"}}, name=TEXT),
    ]}},
}  # fmt: skip


def test_a_schema_that_contains_itself_ends():
    def translate(part):
        return [translate(one) for one in part["parts"]] if "parts" in part else part.get("text")

    group = {"type": "group", "name": "n", "parts": [{"type": "text", "text": "x"}]}
    assert told(translate, RECURSIVE, group) == ["unsupported name"]


BLIND = [
    ("three conditions at once: lost with a and b and without d",
     lambda r: {**{k: r.get(k) for k in "abd"}, "c": None if "a" in r and "b" in r and "d" not in r else r.get("c")},
     {"a": TEXT, "b": TEXT, "c": TEXT, "d": TEXT}, {"a": "x", "b": "y", "c": "z"}),
    ("a value nobody tried", lambda r: {"t": min(r.get("t", 0), 8)}, {"t": NUMBER}, {"t": 9}),
    ("a kind of URL nobody tried", lambda r: {"u": u if (u := r.get("u", "")).find("ftp") else None}, {"u": TEXT}, {"u": "ftp://x"}),
    ("cut short", lambda r: {"t": r.get("t", "")[:8]}, {"t": TEXT}, {"t": "a long text"}),
    ("order", lambda r: {"s": sorted(r.get("s", []))}, {"s": {"type": "array", "items": TEXT}}, {"s": ["b", "a"]}),
    ("the third of three", lambda r: {"s": r.get("s", [])[:2]}, {"s": {"type": "array", "items": TEXT}},
     {"s": ["a", "b", "c"]}),
    ("the wrong place", lambda r: {"user": r.get("key"), "key": r.get("user")}, {"user": TEXT, "key": TEXT},
     {"user": "u", "key": "k"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("translate", "members", "request_"), [one[1:] for one in BLIND], ids=[one[0] for one in BLIND]
)
def test_is_blind_to(translate, members, request_):
    """The limits of the method, so that nobody trusts it beyond them. Stories and validation see these."""
    assert told(translate, object_of(**members), request_) == []


def test_refuses_what_is_not_a_function_of_its_input():
    count = itertools.count()
    with pytest.raises(ValueError, match="pure"):
        Table(lambda r: {"id": next(count)}, object_of(a=TEXT))


def test_each_trial_can_be_watched():
    """So that lint can hold each output against the provider's own schema."""
    seen = []
    table = Table(
        lambda r: {"a": r.get("a")}, object_of(a=TEXT), watch=lambda request, output: seen.append((request, output))
    )
    assert len(seen) == table.runs > 0
    assert ({"a": "s"}, {"a": "s"}) in seen


def test_a_long_conversation_costs_no_more_to_ask():
    """A trial at run time is made with the element in question only."""
    sizes = []

    def translate(request):
        sizes.append(len(request.get("m", ())))
        return [{"b": one.get("b")} if one.get("a") else {} for one in request.get("m", ())]

    table = Table(translate, object_of(m={"type": "array", "items": object_of(a=TEXT, b=TEXT)}))
    sizes.clear()
    losses = table({"m": [{"a": "x", "b": "y"}] * 500 + [{"b": "y"}]})
    assert [str(loss) for loss in losses] == ["unsupported m[*].a", "unsupported m[500].b"]
    assert losses[0].times == 500
    assert max(sizes) == 1
    assert len(sizes) < 400
