"""The base of all sections of a series file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Knows its keys, refuses others, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
