"""What every door of the app does, in one place: the page, the JSON API and the brief panel call this.

Design:
- Thin over the engine, the recipes and the catalog; it adds names, pictures and addresses, and keeps no state of a
  job: everything is read from the journal, so any number of tabs and a restart see the same.
- Files are found through a job or by a checked name, never by a path from outside.
- A seed that nobody chose is drawn here and told in the job, so that every job can be made again.
"""

from __future__ import annotations

import json
import mimetypes
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from models.catalog import Catalog
from models.errors import BadInput
from models.settings import Settings
from pipelines.engine.artifacts import Artifact
from pipelines.engine.engine import Engine
from pipelines.engine.events import Partial
from pipelines.engine.plan import Plan
from pipelines.engine.views import JobView
from pipelines.recipes.fields import BadBrief, Problem, validate_brief
from pipelines.recipes.making import MakeRequest, get_recipe, plan_request, recipes
from studio.api import doctor
from studio.api.errors import NotNow, NotThere
from studio.api.kits import Kits, zip_chunks, zip_name
from studio.api.pictures import Pictures
from studio.api.views import JobFacts, job_view
from studio.api.waves import peaks, vtt

_NEWEST = 500  # jobs looked at for the versions of a title


@dataclass(frozen=True)
class Sent:
    """A file to send. `name`: as the browser saves it, "" = shown, never saved. `forever`: never changes."""

    path: Path
    media_type: str
    name: str = ""
    inline: bool = False
    forever: bool = False


class Service:
    """The studio behind its doors."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = Engine(settings)
        self.catalog = Catalog(settings)
        self.pictures = Pictures(settings)
        self.kits = Kits(self.engine, self.catalog, settings.home / "kits")
        self._plans = lru_cache(maxsize=64)(self._read_plan)
        self._briefs = lru_cache(maxsize=64)(self._portable_brief)
        self._heard: dict[str, _Heard] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the workers; unfinished jobs of the journal go on."""
        self.engine.start_workers()

    def stop(self) -> None:
        """Stop the workers and close the journal."""
        self.engine.close()

    # -- recipes and briefs -------------------------------------------------------------------------------------------

    def recipes(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "title": recipe.title, "summary": recipe.summary, "parts": recipe.parts}
            for name, recipe in sorted(recipes().items())
        ]

    def schema(self, name: str) -> dict[str, Any]:
        return get_recipe(name).brief.model_json_schema()

    def samples(self, name: str) -> list[dict[str, Any]]:
        """Sample briefs with what a card of them shows."""
        samples: Mapping[str, Path] = getattr(get_recipe(name), "samples", dict)()
        return [_sample(sample, path) for sample, path in samples.items()]

    def check(self, recipe: str, brief: Mapping[str, Any]) -> Sequence[Problem]:
        """Complaints about a brief, files included."""
        try:
            validate_brief(get_recipe(recipe).brief, brief, base=self.pictures.folder)
        except BadBrief as error:
            return error.problems
        return ()

    # -- jobs ---------------------------------------------------------------------------------------------------------

    def submit(
        self,
        *,
        recipe: str,
        brief: Mapping[str, Any],
        seed: int | None = None,
        only: Sequence[str] = (),
        models: Mapping[str, str] | None = None,
    ) -> str:
        """Plan a brief and queue it. Raises `BadBrief`, `BadInput` or `ModelMissing` before anything starts."""
        if seed is not None and not 0 <= seed < 2**32:
            raise BadInput("The seed is a whole number from 0 to 4294967295.")
        request = MakeRequest(
            recipe=recipe,
            brief=brief,
            base=self.pictures.folder,
            seed=secrets.randbelow(10_000) if seed is None else seed,
            only=tuple(only),
            models=dict(models or {}),
        )
        return self.engine.submit(plan_request(request, self.engine, self.catalog, self.settings))

    def require(self, job: str) -> JobView:
        """The job. Raises `NotThere`."""
        try:
            return self.engine.job(job)
        except BadInput as error:
            raise NotThere(error.message, hint=error.hint) from error

    def ended(self, job: str) -> bool:
        return self.require(job).ended

    def running(self) -> list[str]:
        """Ids of the jobs that are under way, the oldest first."""
        jobs = [*self.engine.jobs(state="running"), *self.engine.jobs(state="queued")]
        return [job.id for job in sorted(jobs, key=lambda job: job.created)]

    def jobs(self, *, limit: int) -> list[dict[str, Any]]:
        """The newest jobs first, as rows of the history."""
        found = self.engine.jobs(limit=limit)
        numbers = {item["id"]: item["version"] for item in _versions(found)}
        return [self._row(job, numbers[job.id]) for job in found]

    def _row(self, job: JobView, version: int) -> dict[str, Any]:
        plan = self._plans(job.id)
        return {
            "id": job.id,
            "recipe": job.recipe,
            "title": job.title,
            "language": plan.meta.get("language", "en"),
            "state": "cancelling" if job.cancelling else job.state,
            "fraction": round(job.fraction, 3),
            "seed": job.seed,
            "version": version,
            "created": job.created,
            "started": job.started,
            "finished": job.finished,
            "cover": _cover(job),
        }

    def view(self, job_id: str) -> dict[str, Any]:
        """The document of one job."""
        job = self.require(job_id)
        newest = self.engine.jobs(limit=_NEWEST)
        same = [item for item in newest if (item.recipe, item.title) == (job.recipe, job.title)]
        facts = JobFacts(
            job=job,
            plan=self._plans(job_id),
            brief=self._briefs(job_id),
            read_json=self._read_json,
            peaks=lambda artifact: peaks(self.engine.path(artifact)),
            partials={} if job.ended else self._partials(job),
            versions=_versions(same),
        )
        return job_view(facts)

    def cancel(self, job: str) -> None:
        self.require(job)
        self.engine.cancel(job)

    def retry(self, job: str) -> None:
        if self.require(job).state not in {"failed", "cancelled"}:
            raise NotNow("Only a failed or cancelled job can be tried again.")
        self.engine.retry(job)

    def remove(self, job: str) -> None:
        """Forget an ended job and its kit; what was made stays in the cache for the next one."""
        import shutil

        if not self.require(job).ended:
            raise NotNow("The job is under way.", hint="Cancel it first.")
        self.engine.clean(jobs=[job])
        shutil.rmtree(self.kits.folder / job, ignore_errors=True)
        self._plans.cache_clear()
        self._briefs.cache_clear()

    def events(self, job: str, after: int) -> list[dict[str, Any]]:
        """What happened after event number `after`."""
        return [event.model_dump(mode="json") for event in self.engine.events(job, after=after, limit=500)]

    # -- works --------------------------------------------------------------------------------------------------------

    def kit_file(self, job_id: str, path: str) -> Sent:
        """A file of the kit: a delivered work as soon as it is made, the page and list once the job is done."""
        job = self.require(job_id)
        if path in {"index.html", "kit.json"}:
            kind = "text/html; charset=utf-8" if path.endswith(".html") else "application/json"
            return Sent(self.kits.write(job_id) / path, kind, name=path, inline=True)
        ref = job.deliver.get(path)
        artifact = _output(job, ref) if ref else None
        if artifact is None:
            raise NotThere(f"The kit has no file {path!r} yet.")
        return Sent(self.engine.path(artifact), _media_type(path), name=Path(path).name, inline=True)

    def kit_zip(self, job_id: str) -> tuple[str, Iterator[bytes]]:
        """Name and bytes of the packed kit."""
        job = self.require(job_id)
        if job.state != "done":
            raise NotNow("The kit is not finished yet.")
        return zip_name(job.title, job.id), zip_chunks(self.kits.write(job_id))

    def work(self, job_id: str, ref: str, *, width: int = 0) -> Sent:
        """A picture a step has made, whole or at most `width` px wide."""
        artifact = self._work(job_id, ref, "image")
        path = self.engine.path(artifact)
        if not width:
            return Sent(path, _media_type(artifact.suffix), forever=True)
        return Sent(self.pictures.small(path, key=artifact.sha256, width=width), "image/webp", forever=True)

    def captions(self, job_id: str, ref: str) -> str:
        """Captions as WebVTT."""
        return vtt(self.engine.path(self._work(job_id, ref, "subtitle")).read_text("utf-8"))

    def _work(self, job_id: str, ref: str, kind: str) -> Artifact:
        artifact = _output(self.require(job_id), ref)
        if artifact is None or artifact.kind != kind:
            raise NotThere(f"The job has no {kind} {ref!r} yet.")
        return artifact

    def picture(self, name: str, *, width: int) -> Sent:
        """A small copy of a brief's picture."""
        path = self.pictures.find(name)
        key = f"upload-{path.stem}" if path.parent == self.pictures.folder else f"sample-{path.stem}"
        return Sent(self.pictures.small(path, key=key, width=width), "image/webp")

    def models(self) -> dict[str, Any]:
        return doctor.report(self.catalog)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _read_plan(self, job_id: str) -> Plan:
        return self.engine.plan(job_id)

    def _portable_brief(self, job_id: str) -> dict[str, Any]:
        """The brief of a job with its pictures by the names of this workspace, without what is empty."""
        import copy

        brief = copy.deepcopy(dict(self._plans(job_id).meta.get("brief", {})))
        for part, name in (("product", "photo"), ("brand", "logo")):
            if isinstance(brief.get(part), dict):
                brief[part][name] = self.pictures.portable(str(brief[part].get(name, "")))
        return brief

    def _read_json(self, artifact: Artifact) -> Any:
        return json.loads(self.engine.path(artifact).read_bytes())

    def _partials(self, job: JobView) -> dict[str, list[Mapping[str, Any]]]:
        """What the running steps have emitted, read on from where the last look ended."""
        with self._lock:
            heard = self._heard.setdefault(job.id, _Heard({}))
            if len(self._heard) > 32:
                self._heard.pop(next(iter(self._heard)))
            while events := self.engine.events(job.id, after=heard.after):
                heard.after = events[-1].seq
                for event in events:
                    if isinstance(event, Partial):
                        heard.partials.setdefault(event.step, []).append(event.data)
            return {step: list(said) for step, said in heard.partials.items()}


@dataclass
class _Heard:
    """Partial results of one job, up to event number `after`."""

    partials: dict[str, list[Mapping[str, Any]]]
    after: int = 0


def _output(job: JobView, ref: str) -> Artifact | None:
    step, _, name = ref.rpartition(".")
    return next((item.outputs.get(name) for item in job.steps if item.id == step), None)


def _cover(job: JobView) -> str:
    """Address of a small picture that stands for the job: its first poster, else the first video's cover."""
    from urllib.parse import urlencode

    for kind, name in (("lay_out", "png"), ("cut", "cover")):
        for step in job.steps:
            if step.step == kind and name in step.outputs:
                query = {"ref": f"{step.id}.{name}", "width": 480, "v": step.outputs[name].sha256[:12]}
                return f"api/jobs/{job.id}/works?{urlencode(query)}"
    return ""


def _versions(jobs: Sequence[JobView]) -> list[dict[str, Any]]:
    """Jobs numbered within their recipe and title from the oldest on; newest first, as given."""
    counts: dict[tuple[str, str], int] = {}
    numbered = []
    for job in reversed(jobs):
        kind = (job.recipe, job.title)
        counts[kind] = counts.get(kind, 0) + 1
        state = "cancelling" if job.cancelling else job.state
        numbered.append({"id": job.id, "version": counts[kind], "created": job.created, "state": state})
    return numbered[::-1]


def _sample(name: str, path: Path) -> dict[str, Any]:
    brief = yaml.safe_load(path.read_text("utf-8"))
    photo = brief["product"].get("photo", "")
    return {
        "id": name,
        "language": brief["language"],
        "brand": brief["brand"]["name"],
        "colours": brief["brand"].get("colours", []),
        "product": brief["product"]["name"],
        "facts": brief["product"]["facts"],
        "photo": f"api/files/{photo}?width=480" if photo else "",
        "brief": brief,
    }


def _media_type(path: str) -> str:
    suffix = Path(path).suffix or path
    known = {".md": "text/markdown; charset=utf-8", ".srt": "application/x-subrip; charset=utf-8", ".wav": "audio/wav"}
    return known.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0] or "application/octet-stream"
