"""What is known of a template without running it, and which line wrote what."""

from __future__ import annotations

from templates.workbench import compiled

from handlers.engine.templates import Shape, build_explained

PARTS = """{% macro write_parts(parts) %}
[
  {% for part in parts or [] %}
  {% if part.type == "text" %}
  {"type": "text", "text": {{ part.text }}},
  {% elif part.type == "tool_result" %}
  {"type": "result", "content": {{ write_parts(part.parts) }}},
  {% endif %}
  {% endfor %}
]
{% endmacro %}"""
REQUEST = """{% from "_parts.j2" import write_parts %}
{% set own = extra[dialect] %}
{
  "model": {{ model }},
  "max": {{ max_tokens or values.limit }},
  "fixed": "x",
  {% if stream %}"a": 1, "b": 2,{% else %}"a": 3,{% endif %}
  "messages": [
    {% for message in messages %}
    {"role": {{ message.role }}, "content": {{ write_parts(message.parts) | or_empty }}},
    {% endfor %}
  ],
  "choice": {"mode": {{ tool_choice.mode | or_null }}},
  {{ own.more }}
}"""


def shape_of(text: str, kind: str = "write_request") -> Shape:
    (shape,) = compiled(text, kind, {"_parts.j2": PARTS}).shapes
    return shape


def test_what_a_template_reads_is_known_as_paths() -> None:
    """Through loops, sets and macros of other files; each path with all its beginnings."""
    reads = compiled(REQUEST, "write_request", {"_parts.j2": PARTS}).reads
    assert reads >= {
        "model", "max_tokens", "values", "values.limit", "stream", "messages", "messages[]", "messages[].role",
        "messages[].parts", "messages[].parts[]", "messages[].parts[].type", "messages[].parts[].text",
        "messages[].parts[].parts", "tool_choice.mode", "extra", "extra.acme", "extra.acme.more", "dialect",
    }  # fmt: skip
    assert not {path for path in reads if path.startswith(("seed", "temperature"))}


def test_the_shape_tells_which_members_can_be_left_out() -> None:
    """A member is optional where its value can be absent, or where a branch does not write it."""
    shape = shape_of(REQUEST)
    assert (shape.kind, shape.open) == ("object", True)
    optional = {name: member.optional for name, member in shape.members.items()}
    assert optional == {
        "model": True, "max": True, "fixed": False, "a": False, "b": True, "messages": True, "choice": False,
    }  # fmt: skip
    assert shape.members["messages"].line == 8


def test_a_test_around_a_member_says_what_is_there() -> None:
    """What a guard has found to be there is no optional member below it; elsewhere, and in a macro, it is."""
    macro = '{% macro part(text) %}{"t": {{ text }}}{% endmacro %}'
    for guard, sure in [
        ("user", True), ("user is string", True), ("user is not none", True), ("user == 'x'", True),
        ("seed and user is defined", True), ("seed or user", False), ("not user", False), ("user is none", False),
        ("seed", False),
    ]:  # fmt: skip
        shape = shape_of(f'{{"a": {{% if {guard} %}}{{"u": {{{{ user | lower }}}}}}{{% else %}}{{"u": 1}}{{% endif %}}}}')
        first = shape.members["a"].shapes[0]
        assert first.members["u"].optional is not sure, guard
    called = shape_of(macro + '{"a": {% if user %}{{ part(user) }}{% endif %}, "u": {{ user }}}')
    assert called.members["a"].shapes[0].members["t"].optional
    assert called.members["u"].optional


def test_the_shape_tells_what_must_be_absent_for_a_member_to_be() -> None:
    """A required input makes a member sure; `lint` knows which inputs are required."""
    members = shape_of(REQUEST).members
    assert members["model"].shapes[0].absent_with == {"model"}
    assert members["max"].shapes[0].absent_with | members["max"].shapes[1].absent_with == {"max_tokens", "values.limit"}
    assert members["fixed"].shapes[0].constant == "x"
    assert [shape.constant for shape in members["a"].shapes] == [1, 3]


def test_the_shape_follows_macros_and_stops_where_they_repeat() -> None:
    """The elements that a macro writes are the elements of the list."""
    (messages,) = shape_of(REQUEST).members["messages"].shapes
    (message,) = messages.elements
    (content,) = message.members["content"].shapes
    text, result = content.elements
    assert text.members["type"].shapes[0].constant == "text"
    assert text.members["text"].shapes[0].absent_with == {"messages[].parts[].text"}
    assert text.file == "acme/_parts.j2"
    inner = result.members["content"].shapes[0].elements[1].members["content"].shapes[0]
    assert (inner.kind, inner.open) == ("value", True)


def test_explain_tells_the_line_of_each_value() -> None:
    """By JSON pointer, through macros of other files and through spreads; what was given as a whole has one line."""
    template = compiled(REQUEST, "write_request", {"_parts.j2": PARTS})
    given = {
        "model": "m",
        "messages": [{"role": "user", "parts": [{"type": "text", "text": "hi"}]}],
        "extra": {"acme": {"more": {"x/y": {"z": 1}}}},
    }
    value, lines = build_explained(template)(given)
    assert value == template.function(given)
    assert lines == {
        "/model": 4,
        "/fixed": 6,
        "/a": 7,
        "/messages": 8,
        "/messages/0": 10,
        "/messages/0/role": 10,
        "/messages/0/content": 10,
        "/messages/0/content/0": 5,
        "/messages/0/content/0/type": 5,
        "/messages/0/content/0/text": 5,
        "/choice": 13,
        "/choice/mode": 13,
        "/x~1y": 14,
    }
    assert lines["/model"].file == "acme/write_request.j2"
    assert lines["/messages/0/content/0"].file == "acme/_parts.j2"
