"""Templates: JSON with holes, compiled to one plain Python function each.

    {"model": {{ model }}, "stop": [{% for word in stop %} {{ word }}, {% endfor %}]}

Jinja reads the tags, `tokens` and `parsing` the JSON between them (the tree is in `skeleton`); `expressions` and
`emit` write Python, which `unit` compiles with the template's own file and lines; `runtime` and `..vocabulary` are all
that it can call.
"""

from .compiler import Compiler, Template
from .explain import build_explained
from .kinds import Kind
from .problems import CODES
from .survey import MemberShape, Shape
from .texts import Text

__all__ = ["CODES", "Compiler", "Kind", "MemberShape", "Shape", "Template", "Text", "build_explained"]
