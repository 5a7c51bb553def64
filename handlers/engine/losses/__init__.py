"""Nothing is lost in silence: what a translation does not carry is found by trying, and told."""

from __future__ import annotations

from .loss import Loss, check, header_value

__all__ = ["Loss", "check", "header_value"]
