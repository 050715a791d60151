"""The catalog: reads cards and picks the best one that can run here.

Design:
- Built-in cards lie beside this file, a user's own in `<home>/cards/`; a user's card of the same id replaces the
  built-in one. A card that cannot be read is an error that names the file and the field.
- Choosing looks at files (names and sizes), modules (found, not imported), variables, languages and hardware,
  never at the network, and happens before the work starts. What was passed over, and why, is part of the answer.
- Where the licence forbids commercial use the card runs only when it is asked for by name.
- With `Settings.fakes` the fake of a task goes before everything else: tests and demonstrations want it so even
  where real weights are at hand.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from models import hardware
from models.card import TASKS, BuiltinSource, Card, FolderSource
from models.cards import CARDS, read_card
from models.errors import BadInput, ModelMissing, StudioError, UnsupportedArgument
from models.settings import Settings
from models.sources.manifest import read_manifest

_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Status = Literal["present", "partial", "missing", "corrupt"]


@dataclass(frozen=True)
class CardState:
    """Which of a card's files are on this machine, by name and size (`studio models check` reads the bytes).

    Attributes:
        status: "present", "partial" (some files), "missing" (none), "corrupt" (a file of the wrong size).
        bytes_here, bytes_total: What is there and what belongs there; total 0 = not known before a pull.
        problems: One line for each file that is missing or wrong.
    """

    card_id: str
    status: Status
    folder: Path
    bytes_here: int
    bytes_total: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class PassedOver:
    """A card that ranks higher, and why it was not chosen."""

    card_id: str
    why: str


@dataclass(frozen=True)
class Choice:
    """What runs a task, why, and which better cards cannot."""

    card: Card
    reason: str
    passed_over: tuple[PassedOver, ...] = ()


class Catalog:
    """All cards of this machine. Cheap to make; cards are read at first use and kept."""

    def __init__(self, settings: Settings | None = None, *, folders: Iterable[Path] | None = None) -> None:
        self.settings = settings or Settings.from_env()
        self._folders = tuple(folders) if folders is not None else (CARDS, self.settings.home / "cards")

    @cached_property
    def cards(self) -> Mapping[str, Card]:
        """Cards by id. Raises `BadInput` naming file and field when one cannot be read."""
        found: dict[str, Card] = {}
        for folder in self._folders:
            if folder.is_dir():
                here = {}
                for path in sorted(folder.glob("*.yaml")):
                    card = read_card(path)
                    if card.id in here:
                        raise BadInput(f"{path}: the card id {card.id!r} is used by another file of this folder.")
                    here[card.id] = card
                found.update(here)
        return found

    def get(self, card_id: str) -> Card:
        """The card. Raises `BadInput` with the nearest names for an unknown id."""
        card = self.cards.get(card_id)
        if card is None:
            import difflib

            near = difflib.get_close_matches(card_id, self.cards, n=3, cutoff=0.4)
            hint = f"Did you mean {', '.join(near)}? " if near else ""
            raise BadInput(f"There is no model card {card_id!r}.", hint=f"{hint}See `studio models list`.")
        return card

    def all(self, task: str | None = None, *, fakes: bool = True) -> tuple[Card, ...]:
        """Cards of a task (or of all tasks in their order), best rank first."""
        if task is not None and task not in TASKS:
            raise BadInput(f"There is no task {task!r}.", hint=f"Tasks: {', '.join(TASKS)}.")
        cards = [card for card in self.cards.values() if task in (None, card.task) and (fakes or not card.fake)]
        return tuple(sorted(cards, key=lambda card: (TASKS.index(card.task), -card.rank, card.id)))

    # Choosing

    def choose(self, task: str, *, language: str | None = None, override: str | None = None) -> Choice:
        """The card that runs `task` here.

        Args:
            language: BCP-47 primary tag the model must speak; None = any.
            override: A card id asked for by name; it is taken or the reason why not is raised, never replaced.

        Raises:
            ModelMissing: Nothing can run the task; the hint is the command that helps.
            UnsupportedArgument: `override` cannot be honoured.
        """
        if override is not None:
            return self._asked_for(task, language, override)
        ranked = self.all(task)
        if self.settings.fakes:
            ranked = tuple(sorted(ranked, key=lambda card: not card.fake))
        passed: list[PassedOver] = []
        for card in ranked:
            why = self.why_not(card, language=language)
            if why is None:
                return Choice(card=card, reason=self._reason(card, language), passed_over=tuple(passed))
            passed.append(PassedOver(card.id, why))
        raise self._nothing_runs(task, language, passed)

    def why_not(self, card: Card, *, language: str | None = None, asked: bool = False) -> str | None:
        """One clause why `card` cannot be chosen here, None when it can. `asked` = by name."""
        if not asked:
            if card.fake and not self.settings.fakes:
                return "a fake, used only when asked for"
            if card.non_commercial:
                return f"licence {card.licence.id} forbids commercial use, used only when asked for by name"
            if card.chosen_on == "asked":
                return "used only when asked for by name"
            if card.chosen_on == "gpu" and not self._gpu_mb:
                return "too slow without a GPU, used only when asked for by name"
        if language and card.languages and language not in card.languages:
            return f"does not speak {language!r} (it speaks {', '.join(card.languages)})"
        return self._lacking(card) or self._files_lacking(card)

    def ready(self, card: Card) -> Path:
        """The folder of a card that can be loaded now. Raises `ModelMissing` with the command that helps."""
        lacking = self._lacking(card)
        if lacking:
            raise ModelMissing(f"Model {card.id} cannot run here: {lacking}.", hint=self._remedy(card))
        lacking = self._files_lacking(card)
        if lacking:
            raise ModelMissing(f"Model {card.id} is not ready: {lacking}.", hint=self._remedy(card))
        return self.folder(card)

    def _asked_for(self, task: str, language: str | None, card_id: str) -> Choice:
        card = self.get(card_id)
        if card.task != task:
            raise UnsupportedArgument(
                f"Model {card_id} is for {card.task}, not for {task}.",
                hint=f"For {task} there are: {', '.join(other.id for other in self.all(task))}.",
            )
        if language and card.languages and language not in card.languages:
            raise UnsupportedArgument(
                f"Model {card_id} does not speak {language!r}.", hint=f"It speaks {', '.join(card.languages)}."
            )
        self.ready(card)
        note = f"; licence {card.licence.id} forbids commercial use" if card.non_commercial else ""
        return Choice(card=card, reason=f"asked for by name{note}")

    def _reason(self, card: Card, language: str | None) -> str:
        if card.fake:
            return "fakes are switched on (STUDIO_FAKES)"
        speaks = f" that speaks {language!r}" if language and card.languages else ""
        return f"best {card.task} model{speaks} that can run here"

    def _nothing_runs(self, task: str, language: str | None, passed: list[PassedOver]) -> StudioError:
        speaking = f" in {language!r}" if language else ""
        candidates = [
            card
            for card in self.all(task, fakes=False)
            if not (card.non_commercial or card.chosen_on == "asked" or self._lacking(card))
            and not (language and card.languages and language not in card.languages)
        ]
        candidates.sort(key=lambda card: (not card.embedded, card.chosen_on == "gpu" and not self._gpu_mb))
        if candidates:
            return ModelMissing(f"No model for {task}{speaking} is on this machine.", hint=self._remedy(candidates[0]))
        reasons = "; ".join(f"{item.card_id}: {item.why}" for item in passed)
        return ModelMissing(
            f"No model can do {task}{speaking} here ({reasons or 'no card'}).", hint="See `studio doctor`."
        )

    def _remedy(self, card: Card) -> str:
        modules = [name for name in card.requires if not _importable(name)]
        unset = [name for name in card.environment if not os.environ.get(name)]
        if modules:
            return f"Install what is missing into this Python: {', '.join(modules)}."
        if unset:
            return f"Set {' and '.join(unset)}."
        user_folder = next((source for source in card.sources if isinstance(source, FolderSource)), None)
        if user_folder:
            return f"Put the model into {self.folder(card)}" + (
                f" or set {user_folder.env}." if user_folder.env else "."
            )
        if self.state(card).status == "present":
            return "See `studio doctor`."
        return f"studio models pull {card.id}"

    def _lacking(self, card: Card) -> str | None:
        """What of modules, variables and hardware is lacking."""
        modules = [*card.requires, *(s.module for s in card.sources if isinstance(s, BuiltinSource) and s.module)]
        missing = next((name for name in modules if not _importable(name)), None)
        if missing:
            return f"the Python module {missing!r} is not installed"
        unset = next((name for name in card.environment if not os.environ.get(name)), None)
        if unset:
            return f"{unset} is not set"
        if "network" in card.needs and self.settings.offline and not _local_server(card):
            return "it needs the network, and offline mode is on"
        return self._too_large(card)

    def _too_large(self, card: Card) -> str | None:
        on_gpu = 0 < card.memory.gpu <= self._gpu_mb
        if "cuda" in card.needs and not on_gpu:
            return f"it needs a CUDA GPU with {card.memory.gpu} MiB, this machine has {self._gpu_mb}"
        needed = card.memory.resident + card.memory.working
        if not on_gpu and needed > self.memory_mb:
            return f"it needs {needed} MiB of memory, {self.memory_mb} may be used"
        return None

    def _files_lacking(self, card: Card) -> str | None:
        state = self.state(card)
        if state.status == "present":
            return None
        if state.status == "missing":
            return "its files are not on this machine"
        return state.problems[0]

    @cached_property
    def _gpu_mb(self) -> int:
        return hardware.gpu_mb()

    @cached_property
    def memory_mb(self) -> int:
        """MiB a model may need to be chosen: the setting, or three quarters of the machine's.

        Of the whole, not of what is free this minute: the same brief must find the same models tomorrow.
        """
        return self.settings.memory_mb or hardware.memory_mb()[0] * 3 // 4

    # Files

    def folder(self, card: Card) -> Path:
        """Where the card's files lie: the user's folder where one is named, else `<cache>/models/<card id>`."""
        for source in card.sources:
            if isinstance(source, FolderSource) and source.env and os.environ.get(source.env):
                return Path(os.environ[source.env]).expanduser().resolve()
        return self.settings.models_dir / card.id

    def state(self, card: Card) -> CardState:
        """What of the card is on this machine, by names and sizes."""
        folder = self.folder(card)
        files = [(file.name, file.bytes) for file in card.files]
        if not files and any(source.kind in ("hub", "modelscope") for source in card.sources):
            manifest = read_manifest(folder)
            if manifest is None:
                return CardState(card.id, "missing", folder, 0, 0, ("never pulled",))
            files = [(file.name, file.bytes) for file in manifest.files]
        here, missing, wrong = 0, [], []
        for name, size in files:
            try:
                found = (folder / name).stat().st_size
            except OSError:
                missing.append(f"{name} is missing")
                continue
            here += found
            if size and found != size:
                wrong.append(f"{name} has {found:,} bytes instead of {size:,}")
        status: Status = "present"
        if wrong:
            status = "corrupt"
        elif missing:
            status = "missing" if len(missing) == len(files) else "partial"
        return CardState(card.id, status, folder, here, sum(size for _, size in files), (*wrong, *missing))

    def digest(self, card: Card) -> str:
        """SHA-256 that stands for the model in cache keys: the same digest, the same weights and settings."""
        return hashlib.sha256(json.dumps(self._identity(card), sort_keys=True).encode()).hexdigest()

    def _identity(self, card: Card) -> dict[str, Any]:
        files: list[tuple[str, str]] = [(file.name, file.sha256) for file in card.files if file.sha256]
        if len(files) < len(card.files) or not card.files:
            manifest = read_manifest(self.folder(card))
            if manifest is not None:
                files = [(file.name, file.sha256) for file in manifest.files]
            elif any(isinstance(source, FolderSource) for source in card.sources):
                files = _folder_identity(self.folder(card))
        return {
            "adapter": card.adapter,
            "version": card.version,
            "files": sorted(files),
            "defaults": card.defaults,
            "environment": {name: os.environ.get(name, "") for name in card.environment},
            "packages": sorted(
                f"{source.package}=={_version(source.package)}"
                for source in card.sources
                if isinstance(source, BuiltinSource) and source.package
            ),
        }


_TABLE: Mapping[str, tuple[str, ...]] = {
    "en": ("Card", "Task", "What", "Languages", "MB", "Licence", "Commercial use"),
    "zh": ("卡片", "任务", "模型", "语言", "MB", "许可证", "可否商用"),
}
_TASK_TITLES: Mapping[str, tuple[str, str]] = {
    "text": ("text", "文案"),
    "image": ("image", "图像"),
    "backdrop": ("backdrop", "背景"),
    "matting": ("matting", "抠图"),
    "upscaling": ("upscaling", "放大"),
    "speech": ("speech", "语音"),
    "transcription": ("transcription", "听写"),
}
_ALLOWED: Mapping[str, tuple[str, str]] = {
    "yes": ("yes", "可以"),
    "no": ("**no**", "**禁止**"),
    "conditional": ("with conditions", "有条件"),
    "unknown": ("ask its owner", "请询权利人"),
}


def markdown_table(language: str = "en") -> str:
    """The built-in cards, fakes left out, as a Markdown table in `en` or `zh`. Embedded cards carry a star."""
    catalog = Catalog(Settings(home=Path(), cache=Path()), folders=[CARDS])
    at = 0 if language == "en" else 1
    head = _TABLE[language]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for card in catalog.all(fakes=False):
        summary = card.summary.get(language, "")
        lines.append(
            f"| `{card.id}`{' ★' if card.embedded else ''} | {_TASK_TITLES[card.task][at]} "
            f"| {card.title[language]}{'. ' if at == 0 else '。'}{summary} "
            f"| {', '.join(card.languages) or '–'} | {f'{card.bytes_total / 1e6:,.0f}' if card.bytes_total else '–'} "
            f"| {card.licence.id} | {_ALLOWED[_strictest(card)][at]} |"
        )
    return "\n".join(lines) + "\n"


def _strictest(card: Card) -> str:
    order = ("yes", "conditional", "unknown", "no")
    return max(card.licence.commercial_use, card.licence.commercial_output, key=order.index)


@cache
def _importable(module: str) -> bool:
    top = module.partition(".")[0]
    if importlib.util.find_spec(top) is None:
        return False
    if top == module:
        return True
    # A submodule of our own floor: look at the file, so that nothing is imported.
    if top == "models":
        base = CARDS.parent.joinpath(*module.split(".")[1:])
        return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()
    return importlib.util.find_spec(module) is not None


def _local_server(card: Card) -> bool:
    urls = [os.environ.get(name, "") for name in card.environment if name.endswith("_URL")]
    return bool(urls) and all(urlsplit(url).hostname in _LOOPBACK for url in urls)


@cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _folder_identity(folder: Path) -> list[tuple[str, str]]:
    """A user's folder by names, sizes and times of change: its weights may be gigabytes and nobody signed them."""
    found = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.name.startswith("."):
            facts = path.stat()
            found.append((path.relative_to(folder).as_posix(), f"{facts.st_size}-{facts.st_mtime_ns}"))
    return found
