"""The test suite itself: no network, no user's home, an engine light enough for every door."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from models.settings import Settings


def test_tests_do_not_reach_the_network() -> None:
    with pytest.raises(OSError, match="do not use the network"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_tests_may_talk_to_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
        pass


def test_tests_do_not_write_to_the_users_home(tmp_path: Path) -> None:
    assert Path.home() == Path(os.environ["HOME"])
    assert "studio-test-home-" in str(Path.home())
    assert Settings.from_env().home.is_relative_to(tmp_path)


def test_the_engine_imports_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "diffusers", "numpy", "PIL", "cv2", "gradio", "fastapi", "ray")
    probe = (
        "import sys\n"
        "import pipelines.engine.engine, pipelines.engine.worker, pipelines.engine.cluster, pipelines.engine.mermaid\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
