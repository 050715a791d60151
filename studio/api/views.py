"""A job as the page and the API show it: one JSON document made from the journal.

Design:
- The plan says what will come (`meta.audiences`), the journal what is there; what has not been made yet is listed
  too, so that the page keeps its shape while works land in it.
- Only works that went through the export are offered for download. A poster is shown as soon as it is laid out: its
  label is in the picture. Sound and film are shown when they are labelled.
- Addresses carry the digest of what they show, so a browser may keep them for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from pipelines.engine.artifacts import Artifact
from pipelines.engine.plan import Plan
from pipelines.engine.views import JobView, StepView
from pipelines.steps.vocabulary import CHANNELS

STAGES = ("copy", "pictures", "posters", "voice", "video", "kit")
ACTIVE = ("queued", "running")


@dataclass(frozen=True)
class JobFacts:
    """Everything a view is made from.

    Attributes:
        job: The journal's view of the job.
        brief: The brief as this workspace would write it (pictures by name).
        read_json: The JSON of an artifact.
        peaks: Waveform of an audio artifact, 0..1.
        partials: Step id -> what it has emitted so far, in order.
        versions: Jobs of the same recipe and title, newest first.
    """

    job: JobView
    plan: Plan
    brief: Mapping[str, Any]
    read_json: Callable[[Artifact], Any]
    peaks: Callable[[Artifact], list[float]]
    partials: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    versions: Sequence[Mapping[str, Any]] = ()


def job_view(facts: JobFacts) -> dict[str, Any]:
    """The document of `GET /api/jobs/{id}`."""
    return _View(facts).document()


class _View:
    def __init__(self, facts: JobFacts) -> None:
        self.facts = facts
        self.job = facts.job
        self.meta = facts.plan.meta
        self.language = str(self.meta.get("language", "en"))
        self.steps = {step.id: step for step in facts.job.steps}
        self.audiences: list[Mapping[str, Any]] = list(self.meta.get("audiences", ()))

    def document(self) -> dict[str, Any]:
        job, versions = self.job, self.facts.versions
        return {
            "id": job.id,
            "recipe": job.recipe,
            "title": job.title,
            "language": self.language,
            "state": "cancelling" if job.cancelling else job.state,
            "seed": job.seed,
            "only": self._only(),
            "brief": self.facts.brief,
            "created": job.created,
            "started": job.started,
            "finished": job.finished,
            "version": next((item["version"] for item in versions if item["id"] == job.id), 1),
            "versions": list(versions),
            "steps": {"total": len(job.steps), "run": job.steps_run, "cached": job.steps_cached},
            "progress": self._progress(),
            "error": {"message": job.error, "hint": job.hint} if job.problem else None,
            "copies": [self._copy(n, audience) for n, audience in enumerate(self.audiences, start=1)],
            "posters": [p for n, a in enumerate(self.audiences, start=1) for p in self._posters(n, a)],
            "voices": [self._voice(n, a) for n, a in enumerate(self.audiences, start=1) if a.get("voice")],
            "videos": [self._video(n, a) for n, a in enumerate(self.audiences, start=1) if a.get("video")],
            "kit": self._kit(),
        }

    # -- the job ----------------------------------------------------------------------------------------------------

    def _only(self) -> list[str]:
        """The parts that were asked for, empty when all were."""
        first = self.audiences[0] if self.audiences else {}
        has = {
            "copy": bool(first.get("deck")),
            "posters": bool(first.get("posters")),
            "voice": bool(first.get("voice")),
            "video": bool(first.get("video")),
        }
        return [] if all(has.values()) else [part for part, there in has.items() if there]

    def _progress(self) -> dict[str, Any]:
        job = self.job
        running = [step for step in job.steps if step.state == "running"]
        note = max(running, key=lambda step: step.expected).title if running else {}
        return {
            "fraction": round(job.fraction, 4),
            "seconds_left": None if job.eta_seconds is None else round(job.eta_seconds, 1),
            "note": note,
            "stages": [stage for name in STAGES if (stage := self._stage(name))],
        }

    def _stage(self, name: str) -> dict[str, Any] | None:
        steps = [step for step in self.job.steps if step.stage == name]
        if not steps:
            return None
        states = Counter(step.state for step in steps)
        if states["failed"]:
            state = "failed"
        elif states["done"] == len(steps):
            state = "done"
        elif states["running"]:
            state = "running"
        elif states["cancelled"]:
            state = "cancelled"
        else:
            # Between two of its steps a stage is still under way, not waiting again.
            state = "running" if states["done"] and self.job.state == "running" else "waiting"
        weight = sum(max(step.expected, 0.2) for step in steps)
        return {
            "id": name,
            "state": state,
            "done": states["done"],
            "total": len(steps),
            "fraction": round(sum(max(step.expected, 0.2) * _part(step) for step in steps) / weight, 4),
            "seconds": round(sum(step.seconds for step in steps if not step.cached), 1),
        }

    def _kit(self) -> dict[str, Any]:
        if self.job.state != "done":
            return {"ready": False, "zip": "", "page": "", "bytes": 0, "files": []}
        files = []
        for path, ref in self.facts.plan.deliver.items():
            artifact = self._output(ref)
            if artifact is not None:
                files.append(
                    {
                        "path": path,
                        "kind": artifact.kind,
                        "bytes": artifact.bytes,
                        "sha256": artifact.sha256,
                        "url": self._kit_url(path),
                    }
                )
        return {
            "ready": True,
            "zip": f"api/jobs/{self.job.id}/kit.zip",
            "page": f"api/jobs/{self.job.id}/kit/index.html",
            "bytes": sum(item["bytes"] for item in files),
            "files": files,
        }

    def _output(self, ref: str) -> Artifact | None:
        step, _, name = ref.rpartition(".")
        return self.steps[step].outputs.get(name) if step in self.steps else None

    # -- addresses --------------------------------------------------------------------------------------------------

    def _kit_url(self, path: str) -> str:
        return f"api/jobs/{self.job.id}/kit/{quote(path)}"

    def _delivered(self, path: str) -> tuple[Artifact | None, str]:
        """A work that went through the export, and its address; (None, "") until it has."""
        artifact = self._output(self.facts.plan.deliver[path]) if path in self.facts.plan.deliver else None
        return artifact, self._kit_url(path) if artifact else ""

    def _work_url(self, ref: str, artifact: Artifact, **more: Any) -> str:
        query = urlencode({"ref": ref, **more, "v": artifact.sha256[:12]})
        return f"api/jobs/{self.job.id}/works?{query}"

    def _state(self, *ids: str) -> str:
        """Of a work that is made by these steps, the last one making it."""
        states = [self.steps[name].state for name in ids if name in self.steps]
        if states and all(state == "done" for state in states):
            return "done"
        if "failed" in states:
            return "failed"
        return "making" if {"running", "done"} & set(states) else "waiting"

    # -- works ------------------------------------------------------------------------------------------------------

    def _copy(self, number: int, audience: Mapping[str, Any]) -> dict[str, Any]:
        ref = str(audience["copy"])
        step_id = ref.rpartition(".")[0]
        artifact = self._output(ref)
        written: dict[str, Any] = self.facts.read_json(artifact) if artifact else {}
        writing = ""
        if not artifact:
            for partial in self.facts.partials.get(step_id, ()):
                written, writing = _with_partial(written, partial, writing)
        state = written.get("state", "ok")
        if not artifact:
            state = "writing" if self._state(step_id) == "making" else "waiting"
        copy = {
            "key": f"copy.{number}",
            "audience": audience["name"],
            "language": self.language,
            "state": state,
            "writing": writing,
            "headline": str(written.get("headline", "")),
            "subhead": str(written.get("subhead", "")),
            "body": str(written.get("body", "")),
            "hashtags": list(written.get("hashtags", ())),
            "script": list(written.get("script", ())),
            "flags": list(written.get("flags", ())) if artifact else [],
        }
        self._add_report(copy)
        copy["counts"] = _channel_counts(copy, self.facts.brief.get("channels", ()))
        return copy

    def _add_report(self, copy: dict[str, Any]) -> None:
        """What the check of the whole set says about this audience."""
        step = next((item for item in self.facts.plan.steps if item.step == "check_copy"), None)
        artifact = self._output(f"{step.id}.report") if step else None
        if artifact is None or copy["state"] not in {"ok", "needs_review"}:
            return
        for item in self.facts.read_json(artifact).get("audiences", ()):
            if item.get("audience") != copy["audience"]:
                continue
            for name, verdict in item.get("fields", {}).items():
                for reason in verdict.get("reasons", ()):
                    flag = {"field": name, "reason": reason}
                    if flag not in copy["flags"]:
                        copy["flags"].append(flag)
                        copy["state"] = "needs_review"

    def _posters(self, number: int, audience: Mapping[str, Any]) -> list[dict[str, Any]]:
        posters = []
        for item in audience.get("posters", ()):
            step_id = f"poster.{number}.{item['channel']}"
            artifact = self._output(f"{step_id}.png")
            files = {path.rpartition(".")[2]: self._delivered(path)[1] for path in item["paths"]}
            ref = f"{step_id}.png"
            channel = CHANNELS.get(item["channel"])
            posters.append(
                {
                    "key": step_id,
                    "audience": audience["name"],
                    "channel": item["channel"],
                    "title": channel.title if channel else {"zh": item["title"], "en": item["title"]},
                    "width": item["width"],
                    "height": item["height"],
                    "template": item["template"],
                    "state": self._state(step_id),
                    "png": self._work_url(ref, artifact) if artifact else "",
                    "thumb": self._work_url(ref, artifact, width=720) if artifact else "",
                    "png_file": files.get("png", ""),
                    "pdf": files.get("pdf", ""),
                    "svg": files.get("svg", ""),
                }
            )
        return posters

    def _voice(self, number: int, audience: Mapping[str, Any]) -> dict[str, Any]:
        entry = audience["voice"]
        artifact, url = self._delivered(entry["path"])
        timing = self._output(f"voice.{number}.timing") if artifact else None
        timed = self.facts.read_json(timing) if timing else {}
        return {
            "key": f"voice.{number}",
            "audience": audience["name"],
            "language": self.language,
            "voice": str((artifact.facts if artifact else {}).get("voice", "") or self._voice_name()),
            "state": self._state(f"voice.{number}"),
            "seconds": float((artifact.facts if artifact else {}).get("seconds", timed.get("seconds", 0.0))),
            "url": f"{url}?v={artifact.sha256[:12]}" if artifact else "",
            "file": url,
            "peaks": self.facts.peaks(artifact) if artifact else [],
            "sentences": [
                {key: sentence[key] for key in ("text", "start", "end")} for sentence in timed.get("sentences", ())
            ],
        }

    def _voice_name(self) -> str:
        return str((self.facts.brief.get("video") or {}).get("voice", ""))

    def _video(self, number: int, audience: Mapping[str, Any]) -> dict[str, Any]:
        entry = audience["video"]
        artifact, url = self._delivered(entry["path"])
        _, srt = self._delivered(entry["captions"])
        cover_ref = f"video.{number}.cover"
        cover = self._output(cover_ref)
        captions_ref = f"video.{number}.captions"
        captions = self._output(captions_ref)
        return {
            "key": f"video.{number}",
            "audience": audience["name"],
            "language": self.language,
            "state": self._state(f"video.{number}"),
            "width": entry["width"],
            "height": entry["height"],
            "seconds": float((artifact.facts if artifact else {}).get("seconds", 0.0)),
            "url": f"{url}?v={artifact.sha256[:12]}" if artifact else "",
            "file": url,
            "srt": srt,
            "cover": self._work_url(cover_ref, cover, width=720) if cover else "",
            "captions": (
                f"api/jobs/{self.job.id}/captions.vtt?{urlencode({'ref': captions_ref, 'v': captions.sha256[:12]})}"
                if captions
                else ""
            ),
        }


def _part(step: StepView) -> float:
    if step.state == "done":
        return 1.0
    if step.state != "running":
        return 0.0
    # A step that tells nothing is shown by its expected time, never as nearly done.
    return max(step.fraction, min(0.9, step.seconds / max(step.expected, 0.2)))


def _with_partial(written: dict[str, Any], partial: Mapping[str, Any], writing: str) -> tuple[dict[str, Any], str]:
    """Lay one emitted piece of copy over what was written so far."""
    name = str(partial.get("field", ""))
    if name in {"headline", "subhead", "body", "hashtags", "script"}:
        text = str(partial.get("text", ""))
        several = {"hashtags": text.split(), "script": text.splitlines()}
        return {**written, name: several.get(name, text)}, name
    return written, writing


def _channel_counts(copy: Mapping[str, Any], channels: Sequence[str]) -> list[dict[str, Any]]:
    """Characters of the post against the limit of each channel that has one, the tightest first."""
    if not copy["body"]:
        return []
    used = len(copy["body"]) + sum(len(word) + 1 for word in copy["hashtags"])
    found = [CHANNELS[name] for name in channels if name in CHANNELS and CHANNELS[name].body_max]
    limits = {channel.body_max: channel for channel in reversed(found)}  # the first channel of each limit
    return [
        {"channel": channel.id, "title": channel.title, "used": used, "limit": limit}
        for limit, channel in sorted(limits.items())[:2]
    ]
