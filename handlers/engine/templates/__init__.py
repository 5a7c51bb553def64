"""Templates: JSON with holes, compiled to one plain Python function each.

    {"model": {{ model }}, "stop": [{% for word in stop %} {{ word }}, {% endfor %}]}

From text to function: `tokens` and `parsing` read the JSON between Jinja's tags into the tree of `skeleton`;
`reading`, `expressions` and `emit` write Python, knowing what names stand for (`scope`), what is never absent
(`certainty`) and what the truth of a test tells (`facts`); `unit` does it for one file, `compiler` for all, and
`assembly` compiles it with the template's own file and lines. `runtime`, `arithmetic` and `..vocabulary` are all that
compiled code can call. Beside the way: `problems`, `duplicates` and `unused` say what is wrong, `survey` what is read
and written, `explain` which line wrote it; `blind` runs a template on values that it cannot look at.
"""

from .blind import SHRED, UNREAD, holds
from .compiler import Compiler, Template
from .explain import build_explained
from .kinds import Kind
from .problems import CODES
from .survey import MemberShape, Shape
from .texts import Text

__all__ = [
    "CODES", "SHRED", "UNREAD", "Compiler", "Kind", "MemberShape", "Shape", "Template", "Text", "build_explained",
    "holds",
]  # fmt: skip
