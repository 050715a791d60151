"""A Chromium for the browser tests: the machine's own, or Debian's package where it may be installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

NAMES = ("chromium", "chromium-browser", "google-chrome")


@cache
def chromium() -> str | None:
    """Path of a Chromium, installed from Debian's packages when missing and this user may; else None."""
    found = _find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
            subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False, timeout=600)
        found = _find()
    return found


def _find() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)
