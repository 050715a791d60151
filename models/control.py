"""Cancel and progress, handed down to whatever takes time.

Design:
- A token is *looked at*, never delivered: no thread is interrupted, no signal is raised inside a library.
- Adapters look at it every diffusion step, token, audio chunk, frame and download block.
- Progress is a fraction in [0, 1] with a short note; who listens decides how often to show it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from models.errors import Cancelled


class CancelToken:
    """Set once, seen by all who hold it. Safe between threads."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask everyone who holds this token to stop."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if cancel was asked for."""
        if self._event.is_set():
            raise Cancelled("Cancelled.")

    def wait(self, seconds: float) -> bool:
        """Sleep up to `seconds`, return at once with True when cancelled."""
        return self._event.wait(seconds)


def _ignore(fraction: float, note: str = "") -> None:
    return None


@dataclass(frozen=True)
class Control:
    """What a long operation listens to (`cancel`) and talks to (`progress`)."""

    cancel: CancelToken = field(default_factory=CancelToken)
    progress: Callable[..., None] = _ignore  # progress(fraction in [0, 1], note="")

    def check(self) -> None:
        """Raise `Cancelled` if cancel was asked for."""
        self.cancel.check()

    def part(self, start: float, end: float) -> Control:
        """A control whose 0..1 maps to start..end of this one, for sub-operations."""
        outer = self.progress

        def progress(fraction: float, note: str = "") -> None:
            outer(start + (end - start) * min(max(fraction, 0.0), 1.0), note)

        return Control(cancel=self.cancel, progress=progress)
