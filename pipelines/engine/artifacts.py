"""What a step makes and takes: immutable files addressed by their SHA-256.

Design:
- An `Artifact` is a value: its digest, what it is and the facts measured when it was made. It holds no path;
  the store knows where the bytes are.
- In a plan, a parameter that is an artifact is either given (`Artifact`) or promised (`Ref`: the output of an
  earlier step). The engine replaces every `Ref` by the `Artifact` before the step sees its request.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ArtifactKind = Literal["text", "json", "image", "audio", "video", "subtitle", "pdf", "vector", "file"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Artifact(BaseModel):
    """An immutable file in the artifact store.

    Attributes:
        sha256: Digest of the bytes, lower-case hex.
        kind: What it is.
        suffix: File name ending with its dot, lower case (".png").
        bytes: Size.
        facts: Measured when it was made: width/height (px), seconds, sample_rate (Hz), fps, lufs, ...
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    kind: ArtifactKind
    suffix: str = Field(pattern=r"^\.[a-z0-9]{1,8}$")
    bytes: int = Field(ge=0)
    facts: dict[str, Any] = Field(default_factory=dict)


class Ref(BaseModel):
    """A promise: output `output` of step `step` in the same plan. Written `{"$ref": "step.output"}` in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    ref: str = Field(alias="$ref", pattern=r"^[A-Za-z0-9_./:-]+\.[a-z0-9_]+$")

    @classmethod
    def to(cls, step: str, output: str) -> Ref:
        return cls(**{"$ref": f"{step}.{output}"})

    @property
    def step(self) -> str:
        return self.ref.rpartition(".")[0]

    @property
    def output(self) -> str:
        return self.ref.rpartition(".")[2]
