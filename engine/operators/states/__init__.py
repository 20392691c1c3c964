"""States of aggregates: what each keeps for all groups. See `base.State` for the contract."""

from __future__ import annotations

from .base import State

__all__ = ["State"]
