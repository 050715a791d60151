"""Where things lie and what the machine may use, read from the environment once.

Design:
- Environment variables only; no configuration file to go out of step. `studio doctor` prints them all.
- Paths are absolute. Nothing is created here; who writes creates.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "assets"

_TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True)
class Settings:
    """Every setting of the studio.

    Attributes:
        home: Workspace: journal, artifacts, logs (`STUDIO_HOME`).
        cache: Downloaded model files under `cache/models/<card id>/` (`STUDIO_CACHE`).
        offline: Never use the network (`STUDIO_OFFLINE`, or `HF_HUB_OFFLINE`).
        hub_endpoint: Hugging Face hub or a mirror of it (`STUDIO_HUB_ENDPOINT`, or `HF_ENDPOINT`).
        modelscope_endpoint: ModelScope address (`STUDIO_MODELSCOPE_ENDPOINT`).
        memory_mb: Budget for loaded models in MiB, 0 = three quarters of what is there (`STUDIO_MEMORY_MB`).
        workers: Worker processes, 0 = chosen from the cores (`STUDIO_WORKERS`).
        fakes: Let the catalog choose fake adapters; for tests and demonstrations (`STUDIO_FAKES`).
        artifact_gb: Size limit of the artifact store in GiB (`STUDIO_ARTIFACT_GB`).
        journal: Database of the journal in SQLAlchemy's form, "" = SQLite in `home` (`STUDIO_JOURNAL`).
        producer: Operator's `ContentProducer` code for AIGC labels, ASCII (`STUDIO_PRODUCER`).
    """

    home: Path
    cache: Path
    offline: bool = False
    hub_endpoint: str = "https://huggingface.co"
    modelscope_endpoint: str = "https://modelscope.cn"
    memory_mb: int = 0
    workers: int = 0
    fakes: bool = False
    artifact_gb: float = 20.0
    journal: str = ""
    producer: str = ""

    @classmethod
    def from_env(cls) -> Settings:
        """Read the environment. Bad numbers raise `BadInput` naming the variable."""
        env = os.environ
        return cls(
            home=_path(env.get("STUDIO_HOME"), "data"),
            cache=_path(env.get("STUDIO_CACHE"), "cache"),
            offline=_flag(env.get("STUDIO_OFFLINE")) or _flag(env.get("HF_HUB_OFFLINE")),
            hub_endpoint=env.get("STUDIO_HUB_ENDPOINT") or env.get("HF_ENDPOINT") or cls.hub_endpoint,
            modelscope_endpoint=env.get("STUDIO_MODELSCOPE_ENDPOINT") or cls.modelscope_endpoint,
            memory_mb=int(_number("STUDIO_MEMORY_MB", 0)),
            workers=int(_number("STUDIO_WORKERS", 0)),
            fakes=_flag(env.get("STUDIO_FAKES")),
            artifact_gb=_number("STUDIO_ARTIFACT_GB", cls.artifact_gb),
            journal=env.get("STUDIO_JOURNAL", ""),
            producer=env.get("STUDIO_PRODUCER", ""),
        )

    @cached_property
    def models_dir(self) -> Path:
        return self.cache / "models"


def _path(value: str | None, kind: str) -> Path:
    if value:
        return Path(value).expanduser().resolve()
    from platformdirs import user_cache_dir, user_data_dir

    where = user_data_dir if kind == "data" else user_cache_dir
    return Path(where("aigc-studio", appauthor=False))


def _flag(value: str | None) -> bool:
    return (value or "").strip().lower() in _TRUE


def _number(name: str, default: float) -> float:
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if number < 0:
        from models.errors import BadInput

        raise BadInput(f"{name}={value!r} is not a number of zero or more.", hint=f"Unset {name} or give a number.")
    return number
