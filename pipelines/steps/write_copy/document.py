"""The copy of a campaign as the steps hand it to one another.

Design:
- `write_copy` makes one `AudienceCopy` for each audience; posters, voice and video only read it.
- The call to action, price and offer are the brief's own words; they travel beside the copy, not inside it, so
  that changing them does not have the copy written again.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Flag(BaseModel):
    """Why a field needs a person's eye."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str
    reason: dict[str, str]  # language tag -> one line


class AudienceCopy(BaseModel):
    """Everything written for one audience.

    `script` is the voice-over, one spoken sentence an item, as people would write it (digits and all).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    audience: str
    language: Literal["zh", "en"]
    headline: str
    subhead: str
    body: str
    hashtags: tuple[str, ...]
    script: tuple[str, ...]
    state: Literal["ok", "needs_review"] = "ok"
    flags: tuple[Flag, ...] = ()
    attempts: int = Field(1, ge=1)
