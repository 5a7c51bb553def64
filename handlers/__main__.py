"""`python -m handlers` in a checkout does what `morello` does."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
