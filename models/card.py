"""The card: what we know about one model.

Design:
- Cards are YAML files in `models/cards/`, one model each; a user's own lie in `<home>/cards/`.
- A card says where files come from, how to know they are right (SHA-256), what it needs, what it may be used
  for. Code that runs it (`adapter`) is found by name through the entry-point group `aigc_studio.adapters`.
- Files of a card lie in `<cache>/models/<card id>/<file name>`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

TASKS = ("text", "image", "backdrop", "matting", "upscaling", "speech", "transcription")
Task = Literal["text", "image", "backdrop", "matting", "upscaling", "speech", "transcription"]
Allowed = Literal["yes", "no", "conditional", "unknown"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CardFile(_Part):
    """A file the adapter opens. `sha256` None only for hub folders, where the hub's own digests are used."""

    name: str  # relative to the card's folder, forward slashes
    bytes: int = Field(0, ge=0)
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


class WheelSource(_Part):
    """Files inside wheels. Each item of `take` names a file and the members that joined in order make it."""

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
    allow: tuple[str, ...] = ()  # file patterns; empty = everything but pickles
    take: dict[str, str] = Field(default_factory=dict)  # file name -> path in the repository


class BuiltinSource(_Part):
    """Nothing to fetch: the model comes with an installed package, or is code."""

    kind: Literal["builtin"]
    module: str = ""  # must be importable for the card to run


Source = Annotated[WheelSource | NpmSource | HubSource | BuiltinSource, Field(discriminator="kind")]


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
    only when asked for. `embedded` cards make up the default that `studio models pull` brings.
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
    needs: tuple[Literal["cuda", "network"], ...] = ()
    requires: tuple[str, ...] = ()  # importable modules the adapter needs
    defaults: dict[str, Any] = Field(default_factory=dict)
