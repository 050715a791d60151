"""The voice-over of one audience: its script and the closing line, spoken, level and timed.

Design:
- Sentences of the script are spoken as the copy has them; times go with the written words, so that captions can show
  "¥9.9" while it is said.
- A target length is met by the rate alone, within what still sounds unhurried: at most 1.15 times as fast, at least
  0.92 times. What does not fit then stays longer; the film makes room, nothing is cut off.
- A model that can measure is asked before it speaks; others speak once more at the found rate.
- 48 kHz mono PCM 16, -16 LUFS, true peak at most -1 dBTP.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from pydantic import Field

from models.errors import StepFailed
from pipelines.engine.artifacts import Artifact
from pipelines.engine.step import Claim, StepContext, StepRequest, step
from pipelines.steps.vocabulary import Language
from pipelines.steps.write_copy.document import AudienceCopy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.control import Control
    from models.speech.base import SentenceTime, SpeechModel, SpeechRequest, SpeechResult

SAMPLE_RATE = 48_000  # Hz
PAUSE = 0.35  # s between sentences
HEAD, TAIL = 0.06, 0.25  # s of silence before and after
FASTEST, SLOWEST = 1.15, 0.92  # factors on the speed asked for
_CLOSE_ENOUGH = 0.02  # of the target
_SLOWEST_SPEED, _FASTEST_SPEED = 0.5, 2.0  # what a speech request allows


class SpeakRequest(StepRequest):
    """What is said: the copy's script, then `closing`; empty = not said.

    `target_seconds` is the length wanted for all of it, 0 = as it comes. `speed` is the rate asked for.
    """

    audience_copy: Artifact  # json: AudienceCopy
    closing: str = ""
    language: Language
    voice: str = ""  # "" = the model's default for the language
    speed: float = Field(1.0, ge=0.5, le=2.0)
    pronunciations: dict[str, str] = Field(default_factory=dict)
    target_seconds: float = Field(0.0, ge=0)


@step(version=1, request=SpeakRequest, outputs=("voice", "timing"), claim=Claim(memory_mb=400, models=("speech",)))
def speak(request: SpeakRequest, context: StepContext) -> dict[str, Artifact]:
    """Speak a script. Outputs: `voice` (WAV) and `timing` (JSON: seconds, and sentences with word times)."""
    copy = AudienceCopy.model_validate(context.read_json(request.audience_copy))
    lines = [("script", line) for line in copy.script] + [("closing", request.closing)]
    lines = [(role, line.strip()) for role, line in lines if line.strip()]
    if not lines:
        raise StepFailed("The copy has no script to speak.", hint="Write the copy again.")

    with context.lease("speech") as model:
        wanted = _speech_request(request, [line for _, line in lines])
        result, rate = _spoken(model, wanted, request.target_seconds, context.control)

    from pipelines.steps import loudness

    samples = loudness.normalise(loudness.resample(result.samples, result.sample_rate, SAMPLE_RATE), SAMPLE_RATE)
    head, tail = round(HEAD * SAMPLE_RATE), round(TAIL * SAMPLE_RATE)
    samples = _padded(samples, head, tail)
    seconds = len(samples) / SAMPLE_RATE
    facts = {
        "seconds": round(seconds, 3),
        "sample_rate": SAMPLE_RATE,
        "channels": 1,
        "lufs": round(loudness.integrated_lufs(samples, SAMPLE_RATE), 2),
        "true_peak_db": round(loudness.true_peak_db(samples), 2),
        "voice": result.voice,
        "speed": round(wanted.speed * rate, 3),
    }
    context.control.check()
    timing = {"seconds": round(seconds, 3), "sentences": _sentences(result.sentences, lines)}
    return {
        "voice": context.put_bytes(_wav(samples), "audio", ".wav", facts=facts),
        "timing": context.put_json(timing, facts={"seconds": round(seconds, 3)}),
    }


def _speech_request(request: SpeakRequest, lines: list[str]) -> SpeechRequest:
    from models.speech.base import SpeechRequest

    return SpeechRequest(
        text="\n".join(lines),  # a line break ends a sentence, whatever mark the line ends with
        language=request.language,
        voice=request.voice,
        speed=request.speed,
        pronunciations=request.pronunciations,
        sentence_pause=PAUSE,
    )


def _spoken(model: SpeechModel, wanted: SpeechRequest, target: float, control: Control) -> tuple[SpeechResult, float]:
    """The speech, and the factor on the speed that fits it to the target."""
    from models.speech.base import MeasuringSpeechModel

    if target <= 0:
        return model.synthesize(wanted, control=control.part(0.0, 0.95)), 1.0
    available = max(target - HEAD - TAIL, 0.1)

    if isinstance(model, MeasuringSpeechModel):
        rate = 1.0
        for _ in range(3):  # frames are whole: the length does not follow the rate exactly
            seconds = model.measure(_at_speed(wanted, rate), control=control)
            if abs(seconds - available) <= _CLOSE_ENOUGH * available:
                break
            rate = _clamped(rate * _needed(seconds, available, wanted), wanted)
        return model.synthesize(_at_speed(wanted, rate), control=control.part(0.05, 0.95)), rate

    result = model.synthesize(wanted, control=control.part(0.0, 0.5))
    rate = _clamped(_needed(result.seconds, available, wanted), wanted)
    if abs(rate - 1) <= _CLOSE_ENOUGH:
        return result, 1.0
    return model.synthesize(_at_speed(wanted, rate), control=control.part(0.5, 0.95)), rate


def _needed(seconds: float, available: float, wanted: SpeechRequest) -> float:
    """The factor by which the voice itself, pauses aside, must go faster."""
    pauses = wanted.sentence_pause * wanted.text.count("\n")
    return max(seconds - pauses, 0.1) / max(available - pauses, 0.1)


def _clamped(rate: float, wanted: SpeechRequest) -> float:
    rate = min(max(rate, SLOWEST), FASTEST)
    return min(max(rate, _SLOWEST_SPEED / wanted.speed), _FASTEST_SPEED / wanted.speed)


def _at_speed(wanted: SpeechRequest, rate: float) -> SpeechRequest:
    speed = min(max(wanted.speed * rate, _SLOWEST_SPEED), _FASTEST_SPEED)
    return wanted.model_copy(update={"speed": speed})


def _padded(samples: NDArray[np.float32], head: int, tail: int) -> NDArray[np.float32]:
    import numpy as np

    return np.concatenate([np.zeros(head, np.float32), samples, np.zeros(tail, np.float32)])


def _wav(samples: NDArray[np.float32]) -> bytes:
    import soundfile

    target = io.BytesIO()
    soundfile.write(target, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return target.getvalue()


def _sentences(sentences: tuple[SentenceTime, ...], lines: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Times from the start of the file, to the millisecond; each sentence with the role of the line it is from."""
    said: list[dict[str, Any]] = []
    line = 0
    reach = 0  # in the current line: where the last sentence was found
    for sentence in sentences:
        while line < len(lines) - 1:
            found = lines[line][1].find(sentence.text, reach)
            if found >= 0:
                reach = found + len(sentence.text)
                break
            line, reach = line + 1, 0
        said.append(
            {
                "text": sentence.text,
                "role": lines[line][0],
                "start": _ms(sentence.start),
                "end": _ms(sentence.end),
                "words": [
                    {"text": word.text, "start": _ms(word.start), "end": _ms(word.end)} for word in sentence.words
                ],
            }
        )
    return said


def _ms(seconds: float) -> float:
    return round(seconds + HEAD, 3)
