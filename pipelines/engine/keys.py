"""Keys: what decides a step's result, as one SHA-256.

Design:
- A key is the SHA-256 of canonical JSON: step name and version, the validated request, and for each model its
  digest. Python's `hash()` is salted and never used.
- The request is keyed after validation, so `1` for a float field and a left-out default key like what they mean.
- An artifact counts with its digest and its facts, because a step sees both; where its bytes lie does not count.
- A model counts with the digest its catalog gives it (adapter, files, settings), never with its name.
- What cannot be keyed is not cached: when a model has no digest, its steps run anew in every job.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from models.errors import BadInput


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces: the same value always gives the same bytes.

    Pydantic models are dumped in JSON mode. Raises `BadInput` for what JSON cannot say exactly: NaN, infinity,
    keys that are not text, lone surrogates, other types.
    """
    try:
        text = json.dumps(
            _plain(value), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), default=_dump
        )
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(
            f"This value has no exact JSON form: {error}.", hint="Use text, finite numbers, lists."
        ) from error


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, lower-case hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def step_key(*, step: str, version: int, request: BaseModel, models: Mapping[str, str | None]) -> str | None:
    """The key of a step's result, or None when one of its models has no digest.

    Args:
        step: Registered name.
        version: The step's version.
        request: Validated request with every artifact given.
        models: Task -> digest of the model that will be leased for it.
    """
    if any(model is None for model in models.values()):
        return None
    return digest(
        {"step": step, "version": version, "request": request.model_dump(mode="json"), "models": dict(models)}
    )


def _plain(value: Any) -> Any:
    """Reject keys that are not text before `json.dumps` would quietly turn them into text."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"key {key!r} is not text")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _dump(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} is not JSON")
