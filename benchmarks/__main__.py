"""`make bench`: the budgets of the design, measured on this machine.

Design:
- Each row is measured by a small function in a process of its own where start-up counts; nothing is asserted.
- CPU-seconds stand beside wall seconds: the machine may be busy with other things, CPU time hardly notices.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from models import hardware


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    budget: str


def main() -> int:
    machine = hardware.detect()
    gpus = ", ".join(gpu.name for gpu in machine.gpus) or "no GPU"
    print(f"{machine.processor}, {machine.cores} cores, {machine.memory_mb:,} MB, {gpus}; {machine.system}")
    print(f"load {os.getloadavg()[0]:.1f} at the start, Python {sys.version.split()[0]}\n")
    print(f"{'what':46} {'measured':34} budget")
    parts: tuple[Callable[[], list[Row]], ...] = (_start_up, _app, _engine, _posters, _speech, _text, _video)
    for part in parts:
        for row in part():
            print(f"{row.what:46} {row.measured:34} {row.budget}", flush=True)
    return 0


def _seconds(command: list[str], *, repeat: int = 5) -> float:
    """The fastest of some runs: what the program needs when nothing disturbs it."""
    best = float("inf")
    for _ in range(repeat):
        started = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        best = min(best, time.perf_counter() - started)
    return best


def _start_up() -> list[Row]:
    bare = _seconds([sys.executable, "-c", "pass"])
    imported = _seconds([sys.executable, "-c", "import studio.cli"]) - bare
    helped = _seconds([sys.executable, "-c", "from studio.cli import main; main(['--help'])"])
    return [
        Row("import studio", f"{imported:.2f} s", "< 0.3 s"),
        Row("studio --help", f"{helped:.2f} s", "< 0.5 s"),
    ]


def _app() -> list[Row]:
    """From the start of the process to the first answered request."""
    import httpx

    from benchmarks.ports import free_port

    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-app-") as home:
        env = {**os.environ, "STUDIO_HOME": home}
        command = [sys.executable, "-c", f"from studio.app import serve; serve(port={port})"]
        started = time.perf_counter()
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while time.perf_counter() - started < 60:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/", timeout=5).raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.05)
            seconds = time.perf_counter() - started
        finally:
            process.terminate()
            process.wait(20)
    return [Row("the app answers its first request", f"{seconds:.1f} s", "< 5 s")]


def _engine() -> list[Row]:
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks.engine", "--json"], capture_output=True, text=True, check=True
    ).stdout
    found = json.loads(said.splitlines()[-1])
    step = f"{found['step_cpu_ms']:.1f} CPU-ms, {found['step_wall_ms']:.1f} ms"
    return [
        Row("engine overhead on a step", step, "< 5 ms"),
        Row("cached rerun of a kit of 80 steps", f"{found['cached_rerun_s']:.2f} s, no model call", "< 1 s"),
        Row("jobs claimed and finished by 4 processes", f"{found['jobs_per_s']:.0f} a second", ">= 500 a second"),
    ]


def _posters() -> list[Row]:
    from benchmarks.works import poster

    wall, cpu = poster()
    return [
        Row(
            "poster 1080x1440: PNG, PDF and SVG", f"{wall:.2f} s, {cpu:.2f} CPU-s", "<= 0.5 s once its picture is there"
        )
    ]


def _speech() -> list[Row]:
    from benchmarks.works import speech

    cpu, seconds = speech()
    return [Row("voice-over, Kokoro, Mandarin", f"{cpu / seconds:.2f} CPU-s a second", "")]


def _text() -> list[Row]:
    from benchmarks.works import text

    ours, bare = text()
    return [Row("text adapter against bare llama.cpp", f"{ours / bare - 1:+.1%} CPU", "< 2 %")]


def _video() -> list[Row]:
    from benchmarks.works import video

    cpu, seconds, rss = video()
    return [
        Row(
            "video 1080x1920@30, captions, music",
            f"{cpu / seconds:.2f} CPU-s a second, {rss:.0f} MB",
            "<= 2 CPU-s, < 650 MB",
        )
    ]


if __name__ == "__main__":
    sys.exit(main())
