"""Step `label_work`: the last touch before a work is delivered.

Design:
- The visible label is set by the layout and the cut, which alone can keep room for it; here comes what needs no
  room: the metadata and, at the end of an audio file, the spoken notice.
- `ProduceID` is derived from the work and its name, so that the same work keeps its id when made again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import Field

from pipelines.engine.artifacts import Artifact
from pipelines.engine.step import Claim, StepContext, StepRequest, step
from pipelines.export.labels import AigcLabel, write_label

UNREGISTERED_PRODUCER = "aigc-studio"  # until the operator sets its own code (STUDIO_PRODUCER)


class LabelWorkRequest(StepRequest):
    """`name` is the path in the kit; `notice` is appended to audio after `gap` seconds."""

    work: Artifact
    name: str
    producer: str = UNREGISTERED_PRODUCER
    notice: Artifact | None = None
    gap: float = Field(0.6, ge=0, le=3)  # s


@step(version=1, request=LabelWorkRequest, outputs=("work",), claim=Claim(memory_mb=200))
def label_work(request: LabelWorkRequest, context: StepContext) -> dict[str, Artifact]:
    """The work with its AIGC label, read back after writing."""
    work = request.work
    source = context.path(work)
    facts = dict(work.facts)
    context.control.check()
    named = context.scratch / f"work{work.suffix}"
    if request.notice is not None and work.kind == "audio":
        facts["seconds"] = _append_notice(source, context.path(request.notice), named, request.gap)
        facts["notice_seconds"] = round(facts["seconds"] - float(work.facts.get("seconds", 0.0)), 3)
    else:
        named.write_bytes(source.read_bytes())
    identity = hashlib.sha256(f"{work.sha256}:{request.name}".encode()).hexdigest()[:32]
    label = AigcLabel(ContentProducer=request.producer, ProduceID=identity)
    labelled = context.scratch / f"labelled{work.suffix}"
    write_label(named, labelled, label)
    facts["aigc"] = label.model_dump()
    return {"work": context.put_file(labelled, work.kind, facts=facts)}


def _append_notice(voice: Path, notice: Path, target: Path, gap: float) -> float:
    """Voice, silence, notice; both files have the same rate. Returns the length in seconds."""
    import numpy as np
    import soundfile

    samples, rate = soundfile.read(voice, dtype="float32", always_2d=True)  # (n, channels)
    said, notice_rate = soundfile.read(notice, dtype="float32", always_2d=True)
    if notice_rate != rate:
        raise ValueError(f"notice has {notice_rate} Hz, the work {rate} Hz")
    channels = samples.shape[1]
    silence = np.zeros((round(gap * rate), channels), np.float32)
    joined = np.concatenate([samples, silence, np.repeat(said[:, :1], channels, axis=1)])
    soundfile.write(target, joined, rate, subtype="PCM_16")
    return round(len(joined) / rate, 3)
