"""Why a function may take more than twice the better peer's time. Empty for all that need no excuse."""

from __future__ import annotations

REASONS: dict[str, str] = {}
