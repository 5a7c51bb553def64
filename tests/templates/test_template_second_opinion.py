"""What the compiler keeps in variables, moves and writes at once changes nothing: random templates against the naive
interpreter."""

from __future__ import annotations

import random
from typing import Any

import pytest
from templates.interpreter import Interpreter
from templates.workbench import compiled

MEMBERS = ("a", "b", "c")


class Writer:
    """Writes a random template. Names are set before they are used; members of one object differ."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0

    def new(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def template(self) -> str:
        macros = []
        for name in ("one", "two"):
            value = self.value(["p", "q", "body"], 2, within_macro=True)
            macros.append(f"{{% macro {name}(p, q) %}}{value}{{% endmacro %}}")
        names = ["body"]
        sets = "".join(self.set(names) for _ in range(self.random.randrange(3)))
        return "\n".join(macros) + sets + self.object(names, 3)

    # ---- expressions

    def path(self, names: list[str]) -> str:
        path = self.random.choice(names)
        for _ in range(self.random.choice((0, 1, 1, 2, 2, 3))):
            path += self.random.choice((".a", ".b", ".c", "[0]", "[1]", '["a"]', f"[{self.random.choice(names)}.c]"))
        return path

    def test(self, names: list[str]) -> str:
        path, other = self.path(names), self.path(names)
        return self.random.choice((
            path, path, f'{path} == "x"', f"{path} in [1, \"a\"]", f"{path} is mapping", f"{path} is defined",
            f"{path} and {other} == 1", f"not {path}", f"{path} == none", f"{path} or {other}",
        ))  # fmt: skip

    def expression(self, names: list[str], depth: int = 2) -> str:
        if depth == 0 or self.random.random() < 0.4:
            return self.path(names)
        left, right, third = (self.expression(names, depth - 1) for _ in range(3))
        return self.random.choice((
            f"({left} or {right})", f"({left} and {right})", f"(not {left})", f"({left} if {self.test(names)} else {third})",
            f"({left} if {right})", f"({left} == {right})", f"({left} is defined)", f"({left} is mapping)",
            f"[{left}, {right}]", f'{{"x": {left}, "y": {right}}}', f'{{"x": 1, "y": "z"}}[{left}]', "1", '"x"', "none",
            f"({left} | or_empty)", f"({left} | default(7))", f"one({left}, {right})", f"two({left}, {right})",
        ) if self.macros else (f"({left} or {right})", f"({left} if {right} else {third})"))  # fmt: skip

    macros = True

    # ---- JSON

    def value(self, names: list[str], depth: int, *, within_macro: bool = False) -> str:
        self.macros = not within_macro
        roll = self.random.random()
        null = " | or_null" if not within_macro and self.random.random() < 0.2 else ""
        if depth == 0 or roll < 0.4:
            found = f"{{{{ {self.expression(names)}{null} }}}}"
        elif roll < 0.5:
            found = self.random.choice(("1", '"text"', "[]", "{}", "true") + (() if within_macro else ("null",)))
        elif roll < 0.7:
            found = self.object(names, depth - 1, within_macro=within_macro)
        elif roll < 0.9:
            found = self.list(names, depth - 1, within_macro=within_macro)
        else:
            found = self.choice(names, depth - 1, within_macro=within_macro)
        self.macros = True
        return found

    def choice(self, names: list[str], depth: int, *, within_macro: bool) -> str:
        def arm() -> str:
            return self.value(list(names), depth, within_macro=within_macro)

        middle = f"{{% elif {self.test(names)} %}}{arm()}" if self.random.random() < 0.5 else ""
        end = f"{{% else %}}{arm()}" if self.random.random() < 0.5 else ""
        return f"{{% if {self.test(names)} %}}{arm()}{middle}{end}{{% endif %}}"

    def set(self, names: list[str]) -> str:
        name = self.random.choice(["s", "t", "u"])
        found = f"{{% set {name} = {self.expression(names)} %}}"
        names.append(name)
        return found

    def object(self, names: list[str], depth: int, *, within_macro: bool = False) -> str:
        items = []
        for _ in range(self.random.randrange(1, 5)):
            roll = self.random.random()
            if roll < 0.15:
                items.append(self.set(names))
            elif roll < 0.25:
                items.append(f"{{{{ {self.path(names)} if {self.path(names)} is mapping }}}},")
            elif roll < 0.45 and depth:
                items.append(self.branches(names, lambda inner: self.member(inner, depth, within_macro)))
            else:
                items.append(self.member(names, depth, within_macro))
        return "{ " + "\n".join(items) + " }"

    def member(self, names: list[str], depth: int, within_macro: bool) -> str:
        return f'"{self.new()}": {self.value(names, depth, within_macro=within_macro)},'

    def list(self, names: list[str], depth: int, *, within_macro: bool = False) -> str:
        items = []
        for _ in range(self.random.randrange(1, 4)):
            roll = self.random.random()
            if roll < 0.15:
                items.append(self.set(names))
            elif roll < 0.3 and depth:
                items.append(
                    self.branches(names, lambda inner: self.value(inner, depth, within_macro=within_macro) + ",")
                )
            elif roll < 0.6 and depth:
                name = self.random.choice(("x", "y", "s"))
                inner = [*names, name]
                test = f" if ({self.test(inner)})" if self.random.random() < 0.3 else ""
                body = self.set(inner) if self.random.random() < 0.3 else ""
                body += self.branches(inner, self.set) if self.random.random() < 0.3 else ""
                body += self.value(inner, depth, within_macro=within_macro) + ","
                source = self.path(names)
                items.append(
                    f"{{% for {name} in {source} if {source} is defined{test.replace(' if', ' and')} %}}{body}{{% endfor %}}"
                )
            else:
                items.append(self.value(names, depth, within_macro=within_macro) + ",")
        return "[" + "\n".join(items) + "]"

    def branches(self, names: list[str], write: Any) -> str:
        """An `if` around items; what it sets is known behind it."""
        arms = []
        for opening in ("if", "elif", "else"):
            if opening == "if" or self.random.random() < 0.5:
                test = "" if opening == "else" else f" {self.test(names)}"
                inner = list(names)
                set_first = self.set(inner) if self.random.random() < 0.4 else ""
                arms.append(f"{{% {opening}{test} %}}{set_first}{write(inner)}")
                names += [name for name in inner if name not in names]
        return "".join(arms) + "{% endif %}"


def some_value(chance: random.Random, depth: int = 3) -> Any:
    roll = chance.random()
    if depth == 0 or roll < 0.25:
        return chance.choice([None, 0, 1, "", "a", "x", True, False])
    if roll < 0.75:
        return {name: some_value(chance, depth - 1) for name in MEMBERS if chance.random() < 0.7}
    return [some_value(chance, depth - 1) for _ in range(chance.randrange(3))]


@pytest.mark.parametrize("seed", range(100))
def test_a_random_template_gives_what_the_naive_interpreter_gives(seed: int) -> None:
    """Same value, same null, same order of what is written out; or both fail."""
    text = Writer(seed).template()
    function, naive = compiled(text).function, Interpreter(text)
    chance = random.Random(seed)
    for _ in range(6):
        given = {"body": {name: some_value(chance) for name in MEMBERS}}
        expected, found = outcome(naive, given), outcome(function, given)
        assert found == expected, text


def outcome(function: Any, given: dict[str, Any]) -> Any:
    """What a function gives, told apart by kind (1 is not True), or that it fails."""
    try:
        return exact(function(given))
    except Exception:
        return "fails"


def exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: exact(member) for name, member in value.items()}
    if isinstance(value, list):
        return [exact(element) for element in value]
    return type(value).__name__, value
