"""Who may know whom, and what a file looks like. The rules are few; each names its exceptions and why they are ones."""

from __future__ import annotations

import ast
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HANDLERS = ROOT / "handlers"
ENGINE = HANDLERS / "engine"
MODULES = sorted(HANDLERS.rglob("*.py"))
ENGINE_MODULES = sorted(ENGINE.rglob("*.py"))

LONGEST_FILE = 320
"""Three hundred lines, and one function more before a file is cut in two."""
LONG_FILES: dict[str, int] = {}
"""None is excused; if one must be: its lines, and why beside it."""
LONGEST_FUNCTION = 45
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "shared", "misc", "tools", "lib", "base", "core", "manager"}
SHORT_NAMES = {"req", "resp", "res", "msg", "msgs", "cfg", "conf", "ctx", "obj", "tmp", "kwargs", "args"}

VENDORS = re.compile(
    r"openai|anthropic|claude|\bgpt|gemini|vertex|google|cohere|bedrock|amazon|azure|ollama|mistral|deepseek|groq|\bxai\b|"
    r"\bgrok|openrouter|lm.?studio|llama|qwen|perplexity|fireworks|\btogether ai\b|huggingface|moonshot|cerebras|nvidia",
    re.IGNORECASE,
)
OVERRIDES = {("engine/guard.py", "msg")}
"""Names that a method has from the one it replaces."""
NAMED_AFTER_AN_API = {"chat.py", "gemini.py", "messages.py", "models.py", "ollama.py", "responses.py"}
"""Handlers whose docstrings say whose API they are; an architecture test for names would else forbid that."""

IMPORTERS = {
    "connexion": {
        "app.py": "puts the stack together",
        "engine/contract/": "is what connexion feeds with the contract",
    },
    "httpx": {
        "engine/upstream.py": "sends requests",
        "engine/upstreams.py": "takes other transports for tests",
        "engine/transports.py": "is a transport",
        "engine/bodies.py": "is the body of such an answer", "engine/connections.py": "raises its errors",
        "engine/pools.py": "raises its errors", "engine/sending.py": "raises its errors",
        "engine/failures.py": "maps its errors", "engine/forwarding.py": "catches its errors",
        "engine/demo.py": "is a provider behind its interface",
        "engine/rehearsal.py": "plays a provider behind its interface",
    },
    "aiohappyeyeballs": {"engine/addresses.py": "connects with it"},
    "httptools": {
        "engine/guard.py": "parses requests with it", "engine/connections.py": "parses answers with it",
        "engine/wire.py": "sets it up",
    },
    "uvicorn": {
        "server.py": "runs it", "engine/guard.py": "extends its protocol", "engine/cycle.py": "speaks as it does",
    },
    "jinja2": {"engine/templates/": "parses templates with it"},
    "jsonschema": {"engine/declarations.py": "checks what operators write"},
    "jsonschema_rs": {
        "engine/contract/": "checks requests", "engine/losses/": "asks whether a request loses nothing",
        "engine/lint/": "holds specimens to their schemas", "engine/patch_reading.py": "compiles conditions of patches",
        "engine/shapes.py": "compiles what answers must look like",
        "engine/declared_losses.py": "compiles conditions of losses",
    },
    "ruamel": {"engine/documents.py": "reads what operators write"},
    "yaml": {
        "engine/contract/document.py": "reads the contract", "engine/losses/schemas.py": "reads the neutral schema",
        "engine/lint/speech.py": "reads a dialect's own schema", "engine/declarations.py": "reads the schema of providers.yaml",
        "engine/shapes.py": "reads what answers must look like, at every start",
    },
    "quicktok": {"engine/token_counting.py": "counts with it"},
    "backports": {"engine/contract/bodies.py": "unpacks bodies"},
    "msgspec": {"engine/contract/": "cuts large bodies", "engine/splicing.py": "cuts bodies that pass through"},
}  # fmt: skip
"""Packages that only some may import, and why those may."""


def name_of(module: Path) -> str:
    return module.relative_to(HANDLERS).as_posix()


@cache
def text_of(module: Path) -> str:
    return module.read_text("utf-8")


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(text_of(module))


@cache
def nodes_of(module: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree_of(module)))


@cache
def imports(module: Path) -> tuple[tuple[int, str], ...]:
    """Level (dots) and name of each import."""
    found: list[tuple[int, str]] = []
    for node in nodes_of(module):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or ""))
    return tuple(found)


def offences(modules: Iterable[Path], look: Callable[[Path], object]) -> dict[str, object]:
    """What `look` finds, by the name of the module it finds it in."""
    return {name_of(module): found for module in modules if (found := look(module))}


# ---- arrows ---------------------------------------------------------------------------------------------------------


def test_imports_of_our_own_are_relative() -> None:
    """The package is `handlers` in a checkout and `morello.handlers` when it is installed."""

    def absolute(module: Path) -> list[str]:
        return [name for level, name in imports(module) if level == 0 and name.split(".")[0] in ("handlers", "morello")]

    assert offences(MODULES, absolute) == {}


def test_the_engine_knows_no_handler() -> None:
    """Arrows go one way: no import of the engine leaves it."""

    def leaving(module: Path) -> list[str]:
        depth = len(module.relative_to(ENGINE).parts)
        return [name for level, name in imports(module) if level > depth]

    assert offences(ENGINE_MODULES, leaving) == {}


@pytest.mark.parametrize("package", IMPORTERS)
def test_who_imports_what(package: str) -> None:
    """A package is known where it is needed, and each who knows it does so for a reason."""
    allowed = IMPORTERS[package]
    found = {name_of(module) for module in MODULES if any(level == 0 and name.split(".")[0] == package for level, name in imports(module))}
    strangers = {name for name in found if not any(name == one or (one.endswith("/") and name.startswith(one)) for one in allowed)}
    assert strangers == set()
    assert [one for one in allowed if not any(name == one or name.startswith(one) for name in found)] == [], "no longer needed"


def test_each_operation_has_a_function_and_each_function_an_operation() -> None:
    """`operationId` in snake_case, in the module named after the tag; nothing else in these modules is asynchronous.

    What the contract only passes through has one function for all.
    """
    document = yaml.safe_load((ROOT / "openapi" / "openapi.yaml").read_text("utf-8"))
    declared = {
        ("services", "pass_through") if "x-pass-through" in operation else
        (operation["tags"][0], re.sub(r"(?<!^)(?=[A-Z])", "_", operation["operationId"]).lower())
        for path in document["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict) and "operationId" in operation
    }
    tags = {tag for tag, _ in declared}
    written = {
        (module.stem, node.name)
        for module in MODULES
        if module.parent == HANDLERS and module.stem in tags
        for node in tree_of(module).body
        if isinstance(node, ast.AsyncFunctionDef)
    }
    assert written == declared


def test_the_template_compiler_stands_alone() -> None:
    """What compiles templates knows of the engine only its errors and its vocabulary: it could leave any day."""
    allowed = {"errors", "vocabulary"}
    for module in (ENGINE / "templates").glob("*.py"):
        outside = {name.split(".")[0] for level, name in imports(module) if level == 2}
        assert outside <= allowed, module.name


def test_nothing_imports_in_a_circle() -> None:
    """Imports at the top of modules make no circle; those for types only, and those inside of functions, do not count."""
    edges: dict[str, set[str]] = {}
    for module in MODULES:
        package = module.relative_to(HANDLERS).with_suffix("").parts
        for node in tree_of(module).body:
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package[: len(package) - node.level]
                targets = [(*base, *(node.module or "").split("."))] if node.module else [(*base, alias.name) for alias in node.names]
                for target in targets:
                    steps = [step for step in target if step]
                    file = HANDLERS.joinpath(*steps)
                    there = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
                    edges.setdefault(name_of(module), set()).add(name_of(there))
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join((*way, name))
        if name not in done:
            for other in sorted(edges.get(name, ())):
                visit(other, (*way, name))
            done.add(name)

    for name in edges:
        visit(name, ())


# ---- names ----------------------------------------------------------------------------------------------------------


def test_the_engine_names_no_vendor() -> None:
    """What depends on a vendor is data: not even a comment names one."""
    assert offences(ENGINE_MODULES, lambda module: VENDORS.findall(module.stem + text_of(module))) == {}


def test_handlers_name_a_vendor_only_where_they_say_whose_api_they_are() -> None:
    """In docstrings, and nowhere else."""

    def named(module: Path) -> list[str]:
        docstrings = {
            node.body[0].lineno
            for node in nodes_of(module)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node)
        }
        with tokenize.open(module) as stream:
            tokens = [token for token in tokenize.generate_tokens(stream.readline) if VENDORS.search(token.string)]
        excused = module.name in NAMED_AFTER_AN_API
        return [token.string for token in tokens if not excused or token.start[0] not in docstrings]

    assert offences([module for module in MODULES if ENGINE not in module.parents], named) == {}


def test_files_say_what_they_are_for() -> None:
    """By a name that is not a drawer, and a docstring."""
    assert offences(MODULES, lambda module: {module.stem, module.parent.name} & EMPTY_NAMES) == {}
    assert offences(MODULES, lambda module: ast.get_docstring(tree_of(module)) is None) == {}


def test_words_are_whole() -> None:
    """No name is cut short."""

    def short(module: Path) -> set[str]:
        names = {node.arg for node in nodes_of(module) if isinstance(node, ast.arg)}
        names |= {node.id for node in nodes_of(module) if isinstance(node, ast.Name)}
        return {name for name in names & SHORT_NAMES if (name_of(module), name) not in OVERRIDES}

    assert offences(MODULES, short) == {}


def test_no_test_file_has_the_name_of_another() -> None:
    """Tests are imported by their names."""
    stems = [path.stem for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(stems) == sorted(set(stems))
    assert not list((ROOT / "tests").rglob("__init__.py"))


# ---- sizes ----------------------------------------------------------------------------------------------------------


def test_files_are_short() -> None:
    lengths = {name_of(module): len(text_of(module).splitlines()) for module in MODULES}
    assert {name: length for name, length in lengths.items() if length > LONG_FILES.get(name, LONGEST_FILE)} == {}
    assert [name for name in LONG_FILES if lengths[name] <= LONGEST_FILE] == [], "no longer long"


def test_functions_are_short() -> None:
    def long(module: Path) -> dict[str, int]:
        functions = [node for node in nodes_of(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
        return {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION}

    assert offences(MODULES, long) == {}


# ---- the front door -------------------------------------------------------------------------------------------------


def tracked() -> list[str]:
    ended = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip("this is no git checkout")
    return ended.stdout.splitlines()


def test_the_top_level_is_bare() -> None:
    """What one sees first is what there is."""
    seen = {path.split("/")[0] for path in tracked() if not path.startswith(".")}
    assert seen <= {"pyproject.toml", "README.md", "handlers", "openapi", "providers.yaml", "templates", "tests",
                    "Makefile", "LICENSE", "CHANGELOG.md"}  # fmt: skip
