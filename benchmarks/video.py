"""What a second of film costs: CPU seconds a video second and peak memory, at full size, as published in the budgets.

Design:
- The cut runs in a process of its own, so that its memory is its own; the encoder's is added to it.
- CPU seconds (user and system, both processes) hardly change with what else the machine is doing; wall time does.
- Run with 5 and with 99 captions: memory must not follow their number.

    python -m benchmarks.video [--seconds 15]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

BUDGET = {"cpu_per_second": 2.0, "memory_mb": 650}


def measure(*, seconds: float, sentences: int) -> dict[str, float]:
    """Cut one film in this process and say what it cost."""
    import cv2

    from pipelines.steps.cut import cut
    from tests.support.context import MemoryContext
    from tests.support.film import cut_request, picture, put_picture, timing_of

    texts = (
        "早上九点会议还没开始。",
        "0糖0脂，30秒速溶。",
        "低温慢萃12小时。",
        "现在只要¥9.9，首单立减5元。",
        "立即尝鲜。",
    )
    script = tuple(texts[index % len(texts)] for index in range(sentences))
    timing = timing_of(script, language="zh")
    pace = (seconds - 1.5) / timing["seconds"]
    timing = timing_of(script, language="zh", pace=0.14 * pace, pause=0.2 * pace)
    with tempfile.TemporaryDirectory() as folder:
        context = MemoryContext(Path(folder))
        # Enlarged from small ones: what the benchmark itself needs must not be the peak it measures.
        large = put_picture(context, cv2.resize(picture(width=600, height=400), (2400, 1600)))
        product = put_picture(
            context,
            cv2.resize(picture(width=400, height=350, alpha=True), (1600, 1400)),
            quality="good",
            box=[0.1, 0.1, 0.9, 0.9],
        )
        wanted = {"width": 1080, "height": 1920, "fps": 30, "seconds": seconds, "photo": large, "cutout": product}
        request = cut_request(context, script=script, timing_document=timing, **wanted)
        before = _cpu()
        out = cut(request, context)
        spent = _cpu() - before
    own, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "seconds": seconds,
        "captions": float(out["captions"].facts["cues"]),
        "cpu_per_second": round(spent / seconds, 2),
        "memory_mb": round((own + child) / 1024),
        "megabits_per_second": round(out["video"].bytes * 8 / seconds / 1e6, 2),
    }


def _cpu() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def measure_apart(*, seconds: float, sentences: int) -> dict[str, float]:
    """The same in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.video", "--one", str(sentences), "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument(
        "--one", type=int, default=0, help="cut one film of this many sentences, print its cost as JSON"
    )
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(seconds=options.seconds, sentences=options.one)))
        return
    for sentences in (5, 60):
        cost = measure_apart(seconds=options.seconds, sentences=sentences)
        print(
            f"film 1080x1920@30, {cost['captions']:.0f} captions: {cost['cpu_per_second']} CPU-s a second "
            f"(budget {BUDGET['cpu_per_second']}), {cost['memory_mb']:.0f} MB (budget {BUDGET['memory_mb']}), "
            f"{cost['megabits_per_second']} Mbit/s"
        )


if __name__ == "__main__":
    main()
