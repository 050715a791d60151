"""The built-in cards, one YAML file each, and how a card file is read."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from models.card import Card
from models.errors import BadInput

CARDS = Path(__file__).resolve().parent
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one reads ten times as fast


def read_card(path: Path) -> Card:
    """Read one card. Raises `BadInput` naming the file, the field and what is wrong with it."""
    try:
        value = yaml.load(path.read_bytes(), Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise BadInput(f"{path}{where}: not valid YAML ({getattr(error, 'problem', None) or error}).") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error}).") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path}: a card is a mapping of fields.", hint="See docs/models.md.")
    try:
        return Card.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "card"
        raise BadInput(f"{path}: {field}: {first['msg']}.", hint="See docs/models.md for the fields.") from error
