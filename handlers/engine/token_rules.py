"""How a dialect's tokens are counted, where its providers do not say themselves: values only."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .picture_sizes import Size


@dataclass(frozen=True, slots=True)
class TokenRule:
    """How a dialect's tokens are counted: by which tokenizer, and what a picture costs.

    A picture costs `base` and `tile` for each square of 512 pixels (after it was made to fit into 2048, and its shorter
    side into 768), or where `pixels` is set one token for each so many pixels; at most `most`.
    """

    encoding: str = "o200k_base"
    pixels: int | None = None
    base: int = 85
    tile: int = 170
    most: int | None = None

    def picture(self, size: Size, detail: str | None) -> int:
        width, height = size
        if self.pixels is not None:
            tokens = math.ceil(width * height / self.pixels)
        elif detail == "low":
            tokens = self.base
        else:
            scale = min(1.0, 2048 / max(width, height, 1))
            scale *= min(1.0, 768 / max(min(width, height) * scale, 1))
            tokens = self.base + self.tile * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
        return tokens if self.most is None else min(tokens, self.most)
