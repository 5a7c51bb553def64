"""`morello lint` finds what is wrong before a call does."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.engine.configuration import read_configuration
from handlers.engine.lint import lint, summary
from handlers.engine.problems import CODES, Problem

ENTRY = """\
dialects:
  acme:
    path: /generate
    schemas:
      request: schemas.yaml#/request
      response: schemas.yaml#/response
providers:
  a: {type: acme, base_url: "http://localhost:1"}
"""
SCHEMAS = """\
request:
  type: object
  required: [model, turns]
  properties:
    model: {type: string}
    turns: {type: array, items: {type: object, required: [who, text], properties: {who: {enum: [user, bot]}, text: {type: string}}}}
    limit: {type: integer}
response:
  type: object
  required: [id, text, why]
  properties:
    id: {type: string}
    text: {type: string}
    why: {type: string}
    count: {type: integer}
"""
TEMPLATES = {
    "write_request": """\
{% from "_turns.j2" import turn %}
{
  "model": {{ model }},
  "turns": [{% for message in messages %}{{ turn(message) }},{% endfor %}],
  "limit": {{ max_tokens }},
}
""",
    "_turns": """\
{% macro turn(message) %}
{
  "who": {{ "bot" if message.role == "assistant" else "user" }},
  "text": {{ message.parts | text | default("") }},
}
{% endmacro %}
""",
    "read_response": """\
{
  "id": {{ body.id }},
  "model": {{ request.model }},
  "finish_reason": {{ {"end": "stop", "limit": "length"}[body.why] or "other" }},
  "parts": [{"type": "text", "text": {{ body.text }}}],
  "usage": {"output_tokens": {{ body.count }}},
}
""",
    "read_event": '[{% if data.text is string %}{"type": "delta", "part": "text", "text": {{ data.text }}},{% endif %}]\n',
    "read_error": '{"type": "upstream", "message": {{ body.message if body.message is string else "It failed." }}}\n',
}


def home(path: Path, entry: str = ENTRY, **changes: str | None) -> Path:
    """A home with a dialect of its own; `changes` replace templates, None leaves one out."""
    folder = path / "templates" / "acme"
    folder.mkdir(parents=True)
    (path / "providers.yaml").write_text(entry)
    (path / "schemas.yaml").write_text(SCHEMAS)
    for name, text in {**TEMPLATES, **changes}.items():
        if text is not None:
            (folder / f"{name}.j2").write_text(text)
    return path


def found(path: Path) -> list[Problem]:
    """What lint says of the home's own files, but for notes."""
    bundled = ("templates/openai/", "templates/anthropic/", "templates/demo/")
    problems = lint(read_configuration(path, {}))
    return [
        problem
        for problem in problems
        if problem.level != "note" and not problem.file.startswith(bundled) and not problem.file.startswith("/")
    ]


def test_a_right_dialect_has_no_findings(tmp_path: Path) -> None:
    """The example from which the others depart is right."""
    assert found(home(tmp_path)) == []


def change(template: str, old: str, new: str) -> dict[str, str]:
    assert old in TEMPLATES[template]
    return {template: TEMPLATES[template].replace(old, new)}


@pytest.mark.parametrize(
    ("changes", "file", "line", "code", "words"),
    [
        pytest.param(
            change("write_request", '{{ model }},\n  "turns"', '{{ model }}\n  "turns"'),
            "write_request.j2", 3, "T010", "comma", id="a missing comma",
        ),
        pytest.param(
            change("write_request", "{{ max_tokens }}", "{{ max_tokens | rounded }}"),
            "write_request.j2", 5, "T013", "rounded", id="an unknown filter",
        ),
        pytest.param(
            change("write_request", "{{ max_tokens }}", "{{ max_token }}"),
            "write_request.j2", 5, "T012", "Did you mean 'max_tokens'?", id="an unknown input",
        ),
        pytest.param(
            change("write_request", "_turns.j2", "_turn.j2"),
            "write_request.j2", 1, "T017", "_turn.j2", id="an unknown import",
        ),
        pytest.param(
            change("write_request", '"limit"', '"model"'),
            "write_request.j2", 5, "T015", "model", id="a duplicate member",
        ),
        pytest.param(
            {"read_event": None}, "providers.yaml", 2, "L001", "templates/acme/read_event.j2 is missing",
            id="a missing file of the eight",
        ),
        pytest.param(
            change("_turns", ' | default("")', ""),
            "_turns.j2", 3, "L002", "requires /turns/*/text, and this can leave it out", id="a required member that can be absent",
        ),
        pytest.param(
            change("write_request", "{{ max_tokens }}", '{{ max_tokens ~ "" }}'),
            "write_request.j2", 5, "L003", "/limit must be an integer, not a string", id="what breaks the dialect's schema",
        ),
        pytest.param(
            change("read_response", '"output_tokens"', '"tokens"'),
            "read_response.j2", 6, "L003", "unknown member 'tokens'", id="what breaks the neutral schema",
        ),
        pytest.param(
            change("read_response", ' or "other"', ""),
            "read_response.j2", 6, "L002", "requires /finish_reason", id="a word of the provider that nobody knows",
        ),
        pytest.param(
            change("read_response", "{{ body.count }}", "{{ body.count + body.id }}"),
            "read_response.j2", 6, "L006", "fails on a specimen", id="a template that fails",
        ),
        pytest.param(
            {"wirte_request": "{}"}, "wirte_request.j2", 0, "L004", "Did you mean 'write_request.j2'", id="an unreachable file",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_a_template_is_found_with_its_line(tmp_path, changes, file, line, code, words) -> None:
    """One mistake, one finding of this code at this line, whatever else follows from it."""
    problems = found(home(tmp_path, **changes))
    matching = [problem for problem in problems if (problem.code, problem.line) == (code, line)]
    assert matching, [str(problem) for problem in problems]
    assert Path(matching[0].file).name == file
    assert any(words in str(problem) for problem in matching), [str(problem) for problem in matching]


def test_a_folder_that_no_dialect_names_is_unreachable(tmp_path: Path) -> None:
    home(tmp_path)
    (tmp_path / "templates" / "acne").mkdir()
    problems = found(tmp_path)
    assert [(problem.file, problem.code) for problem in problems] == [(str(Path("templates/acne")), "L004")]
    assert "Did you mean 'acme'?" in str(problems[0])


def test_a_dialect_without_schemas_is_checked_by_its_form(tmp_path: Path) -> None:
    """Where nothing is known of what a reader gets, what it may leave out is a warning."""
    entry = ENTRY.replace("    schemas:\n      request: schemas.yaml#/request\n      response: schemas.yaml#/response\n", "")
    problems = found(home(tmp_path, entry, **change("read_response", ' or "other"', "")))
    assert [(problem.code, problem.level) for problem in problems] == [("L002", "warning")] * len(problems)
    assert any("'finish_reason'" in problem.sentence for problem in problems)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Several members of one answer that break its schema are several findings, by line; who mends them needs one run."""
    changes = change("write_request", '{{ max_tokens }}', '{{ max_tokens ~ "" }}')
    text = changes["write_request"].replace("{{ model }}", "7").replace("{{ turn(message) }}", '"said"')
    problems = found(home(tmp_path, write_request=text))
    assert [(problem.line, problem.code, problem.sentence.split(": ")[1].split()[0]) for problem in problems
            if problem.code == "L003"] == [(3, "L003", "/model"), (4, "L003", "/turns/*"), (5, "L003", "/limit")]  # fmt: skip


def test_all_that_is_wrong_in_providers_yaml_is_told_at_once_by_line(tmp_path: Path) -> None:
    """A type that is unknown too, in a provider of which more is wrong."""
    (tmp_path / "providers.yaml").write_text(
        "providers:\n  a:\n    type: opnai\n    base_ulr: x\n    models: 7\n  b: {type: openia, base_url: 'http://127.0.0.1:1'}\n"
    )
    problems = [problem for problem in lint(read_configuration(tmp_path, {})) if problem.file == "providers.yaml"]
    assert [(problem.line, problem.code) for problem in problems] == [(3, "P005"), (4, "P003"), (5, "P004"), (6, "P005")]


def test_a_schema_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    problems = found(home(tmp_path, ENTRY.replace("schemas.yaml#/request", "schemas.yaml#/requst")))
    assert [(problem.code, problem.line) for problem in problems] == [("P004", 5)]


def test_what_a_template_does_not_carry_is_a_note(tmp_path: Path) -> None:
    """One note for each template that leaves something behind; notes never fail."""
    problems = lint(read_configuration(home(tmp_path), {}))
    notes = [problem for problem in problems if problem.code == "L005" and "acme" in problem.file]
    assert [problem.level for problem in notes] == ["note"]
    told = str(notes[0])
    assert "temperature" in told, "what stands at the top of a request comes first"
    assert "model" not in told and "depends" not in told


def test_the_bundled_files_have_no_errors_and_no_warnings(tmp_path: Path) -> None:
    """What is shipped passes its own lint, strictly."""
    problems = lint(read_configuration(tmp_path, {}), bundled=True)
    assert [str(problem) for problem in problems if problem.level != "note"] == []


def test_every_code_that_lint_prints_is_explained() -> None:
    """The table of codes is what the documentation shows."""
    engine = Path(__file__).parents[2] / "handlers" / "engine"
    used = {
        code
        for path in [*engine.glob("*.py"), *engine.glob("lint/*.py")]
        for code in CODES
        if f'"{code}"' in path.read_text() and path.name != "problems.py"
    }
    assert used == set(CODES)


def test_the_summary_counts(tmp_path: Path) -> None:
    configuration = read_configuration(home(tmp_path), {})
    assert summary(configuration, lint(configuration)).startswith(f"{len(configuration.dialects)} dialects, 1 provider, ")
