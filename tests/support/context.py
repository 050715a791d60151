"""A `StepContext` for step tests: artifacts in a folder, models given, everything recorded. No engine, no process.

Example:
    context = MemoryContext(tmp_path, models={"text": FakeText()})
    photo = context.put_bytes(png, "image", ".png", facts={"width": 8, "height": 8})
    outputs = prepare_photo(PreparePhotoRequest(photo=photo), context)
    context.read_json(outputs["report"]), context.path(outputs["cutout"]), context.progress, context.events
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.control import CancelToken, Control
from pipelines.engine.artifacts import Artifact, ArtifactKind
from pipelines.engine.keys import canonical_json


class MemoryContext:
    """Stands in for the engine while one step runs.

    Attributes:
        progress: Every (fraction, note) the step told, in order.
        events: Every `emit(**data)` of the step, in order.
        leases: Tasks leased, in order.
        cancel_after: Cancel by itself once this many progress reports came (None = never).
    """

    def __init__(
        self, folder: Path, *, models: Mapping[str, Any] | None = None, cancel_after: int | None = None
    ) -> None:
        self._folder = folder / "artifacts"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._scratch = folder / "scratch"
        self._scratch.mkdir(exist_ok=True)
        self._models = dict(models or {})
        self.cancel_after = cancel_after
        self.token = CancelToken()
        self.progress: list[tuple[float, str]] = []
        self.events: list[dict[str, Any]] = []
        self.leases: list[str] = []
        self._control = Control(cancel=self.token, progress=self._on_progress)

    @property
    def control(self) -> Control:
        return self._control

    @property
    def scratch(self) -> Path:
        return self._scratch

    def path(self, artifact: Artifact) -> Path:
        path = self._folder / f"{artifact.sha256}{artifact.suffix}"
        assert path.exists(), f"no such artifact in this context: {artifact}"
        return path

    def put_file(self, path: Path, kind: ArtifactKind, *, facts: Mapping[str, Any] | None = None) -> Artifact:
        data = path.read_bytes()
        artifact = self.put_bytes(data, kind, path.suffix.lower(), facts=facts)
        path.unlink()
        return artifact

    def put_bytes(
        self, data: bytes, kind: ArtifactKind, suffix: str, *, facts: Mapping[str, Any] | None = None
    ) -> Artifact:
        canonical_json(facts or {})  # facts must be exact JSON, as in the engine
        artifact = Artifact(
            sha256=hashlib.sha256(data).hexdigest(), kind=kind, suffix=suffix, bytes=len(data), facts=dict(facts or {})
        )
        (self._folder / f"{artifact.sha256}{suffix}").write_bytes(data)
        return artifact

    def put_json(self, value: Any, *, facts: Mapping[str, Any] | None = None) -> Artifact:
        return self.put_bytes(canonical_json(value), "json", ".json", facts=facts)

    def read_json(self, artifact: Artifact) -> Any:
        import json

        return json.loads(self.path(artifact).read_bytes())

    @contextmanager
    def lease(self, task: str) -> Iterator[Any]:
        assert task in self._models, f"the test gave no model for task {task!r}"
        self.leases.append(task)
        yield self._models[task]

    def emit(self, **data: Any) -> None:
        canonical_json(data)
        self.events.append(data)

    def add_file(self, path: Path, kind: ArtifactKind, *, facts: Mapping[str, Any] | None = None) -> Artifact:
        """Copy a file of the test into the context (`put_file` moves)."""
        copy = self._scratch / path.name
        shutil.copyfile(path, copy)
        return self.put_file(copy, kind, facts=facts)

    def _on_progress(self, fraction: float, note: str = "") -> None:
        assert 0.0 <= fraction <= 1.0, f"progress {fraction} is outside 0..1"
        self.progress.append((fraction, note))
        if self.cancel_after is not None and len(self.progress) >= self.cancel_after:
            self.token.cancel()
