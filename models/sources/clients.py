"""Package clients (pip, npm) run as they are set up on this machine.

Design:
- Arguments are a list, no shell ever sees them; the client's own configuration and variables are honoured.
- A client is asked to stop when cancel is asked for, and killed with its children when it does not.
- Of its output a person sees the line that says what went wrong, addresses without the names and passwords in them.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from models.control import Control
from models.errors import DiskFull, SourceUnavailable

_LOOK_EVERY = 0.1  # seconds between looks at the cancel token
_GRACE = 2.0  # seconds between asking a client to stop and killing it
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


def run_client(
    command: Sequence[str],
    *,
    cwd: Path,
    control: Control,
    what: str,
    environment: Mapping[str, str] | None = None,
    while_running: Callable[[], None] = lambda: None,
) -> None:
    """Run a client until it ends well.

    Args:
        command: Program and arguments.
        cwd: Where it runs.
        control: Cancel stops the client and raises `Cancelled`.
        what: What is fetched, for messages ("name==1.0").
        environment: Variables on top of this process's.
        while_running: Called ten times a second.

    Raises:
        DiskFull: The client said so.
        SourceUnavailable: It failed in any other way, or cannot be started.
    """
    with tempfile.TemporaryFile(dir=cwd) as output:
        try:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise SourceUnavailable(f"{command[0]} cannot be started: {error.strerror}.") from error
        try:
            while process.poll() is None:
                if control.cancel.wait(_LOOK_EVERY):
                    control.check()
                while_running()
        finally:
            _stop(process)
        if process.returncode != 0:
            output.seek(0)
            raise _explained(output.read().decode(errors="replace"), what, process.returncode)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the client and whatever it has started."""
    if process.poll() is not None:
        return
    for number, grace in ((signal.SIGTERM, _GRACE), (getattr(signal, "SIGKILL", signal.SIGTERM), None)):
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, number)
            else:
                process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            continue
        return


def without_credentials(text: str) -> str:
    """Text with the name and password taken out of every address."""
    return _CREDENTIALS.sub("//", text)


def _explained(output: str, what: str, code: int) -> SourceUnavailable | DiskFull:
    lines = [line.strip() for line in without_credentials(output).splitlines() if line.strip()]
    if re.search(r"No space left on device|ENOSPC|Errno 28", output):
        return DiskFull(
            f"The disk is full while fetching {what}; what was finished is kept.",
            hint="Free some room and run the same command again, or set STUDIO_CACHE to another disk.",
        )
    errors = [line for line in lines if re.match(r"(ERROR|npm error|npm ERR!)", line)]
    telling = next((line for line in errors if re.search(r"404|No matching|not found|E404", line)), None)
    line = telling or (errors or lines or [f"it ended with code {code}"])[-1]
    line = re.sub(r"^(ERROR:|npm error|npm ERR!)\s*", "", line).rstrip(".")
    return SourceUnavailable(
        f"{what} could not be fetched: {line[:300]}.",
        hint="Check the network and the package index or proxy this machine's client is set to.",
    )
