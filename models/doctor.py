"""What this machine can do with models, as data: hardware, choices, sources, licences, room, versions.

Design:
- Pure data out, nothing printed: the command line and the app show the same report.
- No runtime is imported: the GPU is asked of its driver, versions of the packages' metadata.
- Sources are asked at the same time and briefly; in offline mode they are not asked at all.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from models import hardware
from models.card import TASKS, Card
from models.catalog import Catalog, PassedOver, Status
from models.errors import StudioError
from models.pool import adapters
from models.settings import Settings
from models.sources.clients import without_credentials
from models.sources.npm import registry

_ANSWER_IN = 4.0  # seconds a source has to answer
_PACKAGES = (
    "torch",
    "diffusers",
    "transformers",
    "xllamacpp",
    "onnxruntime",
    "ncnn",
    "faster-whisper",
    "coqui-tts",
    "hibari-tts",
    "gradio",
    "typst",
    "moviepy",
    "av",
)


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GpuReport(_Report):
    """A GPU by the account of its driver. MiB."""

    name: str
    total_mb: int
    free_mb: int


class MachineReport(_Report):
    """The machine. MiB; `gpu_usable` = the installed torch can use the GPU."""

    system: str
    python: str
    processor: str
    cores: int
    memory_mb: int
    available_mb: int
    budget_mb: int  # what models may take together
    gpus: tuple[GpuReport, ...]
    gpu_usable: bool


class TaskReport(_Report):
    """What runs a task. `card` is None when nothing can; then `reason` says why and `hint` what to do."""

    task: str
    card: str | None
    reason: str
    hint: str = ""
    passed_over: tuple[tuple[str, str], ...] = ()  # (card id, why not)


class SourceReport(_Report):
    """Whether a source answers. `answers` is None when it was not asked (offline)."""

    kind: Literal["wheel", "npm", "hub", "modelscope"]
    address: str
    answers: bool | None
    detail: str = ""


class LicenceReport(_Report):
    """A licence that forbids, or puts conditions on, commercial use."""

    card: str
    licence: str
    commercial_use: str
    commercial_output: str
    note: str
    here: bool  # whether the model is on this machine (of a server: whether one is named)


class DiskReport(_Report):
    """Room. Bytes; `models` is what pulled models take, `lacking` what the embedded ones still need."""

    folder: str
    free: int
    models: int
    lacking: int


class DoctorReport(_Report):
    """Everything `studio doctor` says about models."""

    machine: MachineReport
    tasks: tuple[TaskReport, ...]
    sources: tuple[SourceReport, ...]
    licences: tuple[LicenceReport, ...]
    disk: DiskReport
    packages: tuple[tuple[str, str], ...]  # (name, version or "")
    settings: tuple[tuple[str, str], ...]  # (name, value)

    @property
    def healthy(self) -> bool:
        """Whether each task that has an embedded model can run. Pictures from text need a hub model."""
        return all(task.card for task in self.tasks if task.task != "image")


class CardRow(_Report):
    """A line of `studio models list`. Bytes; `runs` = chosen by default for its task in some language."""

    id: str
    task: str
    title: dict[str, str]
    status: Status
    bytes_here: int
    bytes_total: int
    licence: str
    commercial_use: str
    languages: tuple[str, ...]
    embedded: bool
    rank: int
    memory_mb: int
    chosen: bool
    why_not: str = ""


def report(settings: Settings | None = None, *, catalog: Catalog | None = None) -> DoctorReport:
    """Look at everything. Takes at most a few seconds, nearly all of it waiting for sources."""
    catalog = catalog or Catalog(settings)
    settings = catalog.settings
    with ThreadPoolExecutor(max_workers=4) as workers:
        asked = [workers.submit(probe) for probe in _probes(settings)]
        machine, tasks = _machine(catalog), _tasks(catalog)
        licences, disk = _licences(catalog), _disk(catalog)
        sources = tuple(future.result() for future in asked)
    return DoctorReport(
        machine=machine,
        tasks=tasks,
        sources=sources,
        licences=licences,
        disk=disk,
        packages=tuple((name, _version(name)) for name in _PACKAGES),
        settings=_settings(settings),
    )


def list_rows(catalog: Catalog, *, task: str | None = None, fakes: bool = False) -> tuple[CardRow, ...]:
    """A row for each card, tasks in their order, best rank first."""
    chosen = _chosen(catalog)
    return tuple(_row(catalog, card, chosen=card.id in chosen) for card in catalog.all(task, fakes=fakes))


def _row(catalog: Catalog, card: Card, *, chosen: bool) -> CardRow:
    state = catalog.state(card)
    return CardRow(
        id=card.id,
        task=card.task,
        title=card.title,
        status=state.status,
        bytes_here=state.bytes_here,
        bytes_total=state.bytes_total,
        licence=card.licence.id,
        commercial_use=card.licence.commercial_use,
        languages=card.languages,
        embedded=card.embedded,
        rank=card.rank,
        memory_mb=card.memory.resident + card.memory.working,
        chosen=chosen,
        why_not="" if chosen else catalog.why_not(card) or "a better model is here",
    )


def _chosen(catalog: Catalog) -> set[str]:
    """Cards that run by default, in any language."""
    found = set()
    for task in TASKS:
        languages = {language for card in catalog.all(task) for language in card.languages}
        for language in (None, *sorted(languages)):
            try:
                found.add(catalog.choose(task, language=language).card.id)
            except StudioError:
                continue
    return found


def _machine(catalog: Catalog) -> MachineReport:
    found = hardware.detect()
    return MachineReport(
        system=found.system,
        python=f"{platform.python_version()} ({sys.prefix})",
        processor=found.processor,
        cores=found.cores,
        memory_mb=found.memory_mb,
        available_mb=found.available_mb,
        budget_mb=catalog.memory_mb,
        gpus=tuple(GpuReport(name=gpu.name, total_mb=gpu.total_mb, free_mb=gpu.free_mb) for gpu in found.gpus),
        gpu_usable=found.gpu_usable,
    )


def _tasks(catalog: Catalog) -> tuple[TaskReport, ...]:
    return tuple(_task(catalog, task) for task in TASKS)


def _task(catalog: Catalog, task: str) -> TaskReport:
    try:
        choice = catalog.choose(task)
    except StudioError as error:
        passed = tuple((card.id, catalog.why_not(card) or "") for card in catalog.all(task, fakes=False))
        return TaskReport(task=task, card=None, reason=error.message, hint=error.hint, passed_over=passed)
    if choice.card.adapter not in adapters():
        return TaskReport(
            task=task,
            card=None,
            reason=f"{choice.card.id} needs the adapter {choice.card.adapter!r}, which is not installed",
            hint="Install the studio again, or the package that brings the adapter.",
        )
    return TaskReport(task=task, card=choice.card.id, reason=choice.reason, passed_over=_pairs(choice.passed_over))


def _pairs(passed: Sequence[PassedOver]) -> tuple[tuple[str, str], ...]:
    return tuple((item.card_id, item.why) for item in passed)


def _licences(catalog: Catalog) -> tuple[LicenceReport, ...]:
    return tuple(
        LicenceReport(
            card=card.id,
            licence=card.licence.id,
            commercial_use=card.licence.commercial_use,
            commercial_output=card.licence.commercial_output,
            note=card.licence.note,
            here=catalog.state(card).status == "present" and all(os.environ.get(name) for name in card.environment),
        )
        for card in catalog.all(fakes=False)
        if (card.licence.commercial_use, card.licence.commercial_output) != ("yes", "yes")
    )


def _disk(catalog: Catalog) -> DiskReport:
    folder = catalog.settings.models_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    states = [(card, catalog.state(card)) for card in catalog.all(fakes=False)]
    return DiskReport(
        folder=str(folder),
        free=shutil.disk_usage(existing).free,
        models=sum(state.bytes_here for card, state in states if state.folder.parent == folder),
        lacking=sum(state.bytes_total - state.bytes_here for card, state in states if card.embedded),
    )


def _settings(settings: Settings) -> tuple[tuple[str, str], ...]:
    """The settings by their variables; of a server's key only whether there is one."""
    values = {
        "STUDIO_HOME": settings.home,
        "STUDIO_CACHE": settings.cache,
        "STUDIO_OFFLINE": settings.offline,
        "STUDIO_HUB_ENDPOINT": without_credentials(settings.hub_endpoint),
        "STUDIO_MODELSCOPE_ENDPOINT": without_credentials(settings.modelscope_endpoint),
        "STUDIO_MEMORY_MB": settings.memory_mb,
        "STUDIO_WORKERS": settings.workers,
        "STUDIO_FAKES": settings.fakes,
        "STUDIO_ARTIFACT_GB": settings.artifact_gb,
        "STUDIO_PRODUCER": settings.producer,
        "STUDIO_OPENAI_URL": without_credentials(os.environ.get("STUDIO_OPENAI_URL", "")),
        "STUDIO_OPENAI_MODEL": os.environ.get("STUDIO_OPENAI_MODEL", ""),
        "STUDIO_OPENAI_KEY": "set" if os.environ.get("STUDIO_OPENAI_KEY") else "",
        "STUDIO_COQUI_MODEL": os.environ.get("STUDIO_COQUI_MODEL", ""),
    }
    return tuple((name, str(value)) for name, value in values.items())


# Sources


def _probes(settings: Settings) -> list[Callable[[], SourceReport]]:
    return [
        lambda: _probe_pip(settings),
        lambda: _probe("npm", registry(), settings),
        lambda: _probe("hub", settings.hub_endpoint, settings),
        lambda: _probe("modelscope", settings.modelscope_endpoint, settings),
    ]


def _probe(kind: Literal["wheel", "npm", "hub", "modelscope"], address: str, settings: Settings) -> SourceReport:
    """Whether anything answers at an address; any answer but a server's failure counts."""
    import httpx

    shown = without_credentials(address)
    if settings.offline:
        return SourceReport(kind=kind, address=shown, answers=None, detail="not asked: offline mode is on")
    if urlsplit(address).scheme == "file":
        here = Path(urlsplit(address).path).exists()
        return SourceReport(kind=kind, address=shown, answers=here, detail="" if here else "no such folder")
    try:
        response = httpx.head(address, timeout=_ANSWER_IN, follow_redirects=True)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = without_credentials(str(error)) or type(error).__name__
        return SourceReport(kind=kind, address=shown, answers=False, detail=reason)
    good = response.status_code < 500 and response.status_code != httpx.codes.PROXY_AUTHENTICATION_REQUIRED
    return SourceReport(kind=kind, address=shown, answers=good, detail="" if good else f"HTTP {response.status_code}")


def _probe_pip(settings: Settings) -> SourceReport:
    """The index pip is set to, or the folders it is confined to."""
    links = os.environ.get("PIP_FIND_LINKS", "").split()
    if os.environ.get("PIP_NO_INDEX", "").lower() in ("1", "true", "yes", "on"):
        here = any(Path(link.removeprefix("file://")).exists() for link in links)
        detail = "" if here else "pip may use no index and has no folder of wheels"
        return SourceReport(kind="wheel", address=" ".join(links), answers=here, detail=detail)
    if settings.offline:
        return _probe("wheel", "pip's index", settings)
    address = os.environ.get("PIP_INDEX_URL") or _pip_setting("index-url") or "https://pypi.org/simple"
    return _probe("wheel", address, settings)


def _pip_setting(name: str) -> str:
    command = [sys.executable, "-m", "pip", "config", "get", f"global.{name}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
