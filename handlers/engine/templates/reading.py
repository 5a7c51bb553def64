"""How a template reads: names, members and elements as Python, and what is remembered of them.

Reading a member never fails and has no effect, so a path that is read more than once is kept in a local variable by
its first reader (`:=`), wherever that reader is certain to run before the others.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from typing import TYPE_CHECKING

from jinja2 import nodes

from .problems import nearest
from .scope import Constant, Known, Local, Macro, Path, Scope, constant_value

if TYPE_CHECKING:
    from .unit import Unit

NAME = re.compile(r"[A-Za-z_]\w*")
NAMED = re.compile(r"\((\w+) := ")


class Reading:
    """Writes the names and members of one function. Everything wrong is noted, and written as None, so that the rest
    of the file is looked at too."""

    def __init__(self, unit: Unit, scope: Scope, paths: Counter[str], depth: str) -> None:
        self.unit = unit
        self.scope = scope
        self.paths = paths  # how often each path is written in this function
        self.depth = depth  # Python for the depth of the macros called from here
        self.known = Known()

    def note(self, code: str, sentence: str, node: nodes.Node, hint: str = "") -> str:
        self.unit.problems.note(code, sentence, node.lineno, hint)
        return "None"

    def text(self, node: nodes.Node, *, null: bool = False) -> str:
        """Python for an expression. `null`: where it may give NULL for a null that `or_null` asks for."""
        raise NotImplementedError

    def name(self, node: nodes.Name) -> str:
        meaning = self.scope.names.get(node.name)
        if isinstance(meaning, Local):
            return meaning.python
        if isinstance(meaning, Constant):
            if not meaning.nameable:
                hint = 'Look something up in it: name["key"].'
                return self.note("T012", f"`{node.name}` has names that are no texts, so it is no JSON", node, hint)
            return meaning.copied
        if isinstance(meaning, Macro):
            return self.note("T013", f"`{node.name}` is a macro", node, f"Call it: {node.name}(…).")
        if node.name not in self.unit.inputs:
            return self.unknown(node)
        if node.name == "dialect":
            return repr(self.unit.dialect)
        return self.remembered(node, f"given.get({node.name!r})")

    def unknown(self, node: nodes.Name) -> str:
        if node.name == "loop":
            return self.note("T014", "`loop` has no place here", node, "Nothing needs it: commas are forgiven.")
        known = [*self.unit.inputs, *(name for name in self.scope.names if name not in self.unit.inputs)]
        return self.note("T012", f"`{node.name}` is not known here", node, nearest(node.name, known))

    def member(self, node: nodes.Getattr | nodes.Getitem) -> str:
        path = self.path(node)
        if path is not None and path in self.known:
            return self.known[path]
        table = self.table(node.node)
        key = self.key(node)
        if table is not None:
            found = self.looked_up(table, node)
        elif type(key) is str:
            found = self.got(node.node, key)
        elif type(key) is int and key >= -1:
            test, local = self.held(node.node)
            enough = local if key < 1 else f"len({local}) > {key}"
            found = f"({local}[{key}] if type({test}) is list and {enough} else None)"
        else:
            found = f"get({self.text(node.node)}, {self.key_text(node)})"
        return self.remembered(node, found)

    def got(self, node: nodes.Node, key: str) -> str:
        """A member of what may be an object. Where several members are read, its kind is asked for once: a second
        variable holds the object, or an empty one in place of anything else."""
        test, local = self.held(node)
        if test in self.known.objects:
            return f"{local}.get({key!r})"
        if local in self.known.readers:
            return f"{self.known.readers[local]}.get({key!r})"
        if self.paths[f"{spelling(node)}."] < 2:
            return f"({local}.get({key!r}) if type({test}) is dict else None)"
        reader = self.known.readers[local] = self.unit.temporary("m")
        return f"({reader} := {local} if type({test}) is dict else NOTHING).get({key!r})"

    def key(self, node: nodes.Getattr | nodes.Getitem) -> str | int | None:
        """The key of a member access, where it is known."""
        if isinstance(node, nodes.Getitem) and names_dialect(node.arg) and "dialect" not in self.scope.names:
            return self.unit.dialect
        return key_of(node)

    def key_text(self, node: nodes.Getattr | nodes.Getitem) -> str:
        return repr(node.attr) if isinstance(node, nodes.Getattr) else self.text(node.arg)

    def looked_up(self, table: Constant, node: nodes.Getattr | nodes.Getitem) -> str:
        """A member of a constant."""
        key = self.key_text(node)
        if type(table.value) is dict and not isinstance(self.key(node), str):
            test, local = self.hold(key)
            found = f"({table.python}.get({local}) if type({test}) is str else get({table.python}, {local}))"
        else:
            found = f"get({table.python}, {key})"
        return found if table.flat else f"fresh({found})"

    def table(self, node: nodes.Node) -> Constant | None:
        """The constant that an expression stands for, to look something up in it."""
        if isinstance(node, nodes.Name):
            meaning = self.scope.names.get(node.name)
            return meaning if isinstance(meaning, Constant) else None
        if isinstance(node, nodes.Dict | nodes.List):
            try:
                return self.unit.constant(constant_value(node))
            except ValueError:
                return None
        return None

    def held(self, node: nodes.Node) -> tuple[str, str]:
        """Python that gives a value and leaves it in a local variable, and that variable."""
        path, written = self.path(node), self.text(node)
        test, local = self.hold(written)
        if path is not None:
            self.known[path] = local
        return test, local

    def hold(self, written: str) -> tuple[str, str]:
        if NAME.fullmatch(written) and not keyword.iskeyword(written):
            return written, written
        named = NAMED.match(written)
        if named and written in self.unit.named:
            return written, named[1]
        local = self.unit.temporary("v")
        return f"{local} := {written}", local

    def remembered(self, node: nodes.Node, written: str) -> str:
        """Keeps what a path gives in a local variable, if it is read again."""
        path = self.path(node)
        if path is None:
            return written
        if path in self.known:
            return self.known[path]
        if self.paths[spelling(node)] < 2:
            return written
        local = self.known[path] = self.unit.temporary("v")
        written = f"({local} := {written})"
        self.unit.named.add(written)
        return written

    def path(self, node: nodes.Node) -> Path | None:
        if isinstance(node, nodes.Name):
            meaning = self.scope.names.get(node.name)
            if meaning is None:
                return ("given", node.name)
            return (meaning.python,) if isinstance(meaning, Local) else None
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            key = self.key(node)
            base = self.path(node.node) if type(key) in (str, int) else None
            return None if base is None else (*base, key)
        return None


def key_of(node: nodes.Getattr | nodes.Getitem) -> str | int | None:
    """The key of a member access, where it is written out."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    key = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return key if type(key) in (str, int) else None


def names_dialect(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "dialect"


def spelling(node: nodes.Node) -> str:
    """How a path is written, to count its readers; "" for what is no path."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        key, base = key_of(node), spelling(node.node)
        if isinstance(node, nodes.Getitem) and names_dialect(node.arg):
            key = "[dialect]"
        return f"{base}.{key}" if base and key is not None else ""
    return ""
