"""What the conformance suites run on: every adapter, by its card and entry point, or built on the spot.

Design:
- A subject is loaded the way the pool does it: the card, the card's folder, the factory of its entry point.
- A new adapter is added here in one line and has to pass the checks of its task as they are.
- Real weights are marked `acceptance`; a subject is loaded once for all the checks of its task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from models.card import Card
from models.catalog import Catalog


@dataclass(frozen=True)
class Subject:
    """An adapter under test.

    Attributes:
        card: Id of the card it is loaded by.
        acceptance: Needs real weights.
        make: Brings what it needs and returns folder and options; None = the card's own folder.
    """

    card: str
    acceptance: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    make: Callable[[Path], tuple[Path, dict[str, Any]]] | None = None
    name: str = ""


def card_of(card_id: str) -> Card:
    return Catalog().get(card_id)


def open_model(subject: Subject, scratch: Path) -> Any:
    """The loaded model of a subject."""
    catalog = Catalog()
    card = catalog.get(subject.card)
    folder, options = subject.make(scratch) if subject.make else (catalog.folder(card), {})
    (entry,) = metadata.entry_points(group="aigc_studio.adapters", name=card.adapter)
    return entry.load()(
        card, folder, options={**card.defaults, "threads": 2, "device": "cpu", **subject.options, **options}
    )


def _tiny_llm(scratch: Path) -> tuple[Path, dict[str, Any]]:
    from tests.support.tiny import tiny_language_model

    return tiny_language_model(scratch / "llm"), {"dtype": "float32", "threads": 1}


def _tiny_sd(scratch: Path) -> tuple[Path, dict[str, Any]]:
    from tests.support.tiny import tiny_diffusion_pipeline

    return tiny_diffusion_pipeline(scratch / "sd"), {
        "width": 64,
        "height": 64,
        "steps": 2,
        "variant": None,
        "threads": 1,
    }


SUBJECTS: dict[str, tuple[Subject, ...]] = {
    "text": (
        Subject("fake-text"),
        Subject("qwen3-4b-instruct", make=_tiny_llm, name="transformers-tiny"),
        Subject("openai-compatible", name="openai-local"),
        Subject("qwen2.5-coder-0.5b", acceptance=True),
        Subject("qwen2.5-coder-1.5b", acceptance=True),
    ),
    "image": (Subject("fake-image"), Subject("sd-1.5", make=_tiny_sd, name="diffusers-tiny")),
    "backdrop": (Subject("fake-backdrop"), Subject("backdrop-painter")),
    "matting": (Subject("fake-matting"), Subject("u2netp-modnet", acceptance=True)),
    "upscaling": (Subject("fake-upscaling"), Subject("realesrgan", acceptance=True)),
    "speech": (Subject("fake-speech"), Subject("kokoro-82m", acceptance=True), Subject("hibari", acceptance=True)),
    "transcription": (Subject("fake-transcription"), Subject("whisper-base", acceptance=True)),
}


def params(task: str) -> list[Any]:
    """The subjects of a task as pytest parameters."""
    return [
        pytest.param(
            subject, id=subject.name or subject.card, marks=[pytest.mark.acceptance] if subject.acceptance else []
        )
        for subject in SUBJECTS[task]
    ]


@contextmanager
def opened(subject: Subject, scratch: Path) -> Iterator[Any]:
    """A loaded model, closed at the end; the OpenAI subject gets a server of its own."""
    from tests.support.openai_server import OpenAIServer

    if subject.card != "openai-compatible":
        model = open_model(subject, scratch)
        yield model
        model.close()
        return
    with OpenAIServer() as server:
        options = {"url": server.url, "model": "local", "key": "k"}
        model = open_model(Subject(subject.card, options=options), scratch)
        yield model
        model.close()
