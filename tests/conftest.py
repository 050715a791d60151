"""Every test runs without the network and without the user's home directory.

Design:
- Sockets connect to this machine only, anything else is an error at once; hub addresses point at a closed port,
  so that child processes cannot reach out either.
- HOME is an empty folder. The model cache stays where it is (it is read only in spirit): its place is worked out
  before HOME changes.
- STUDIO_HOME is new for every test.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from models.settings import Settings

_CLOSED = "http://127.0.0.1:9"  # the discard port: nothing listens
_HOME = tempfile.TemporaryDirectory(prefix="studio-test-home-")

hypothesis.settings.register_profile("studio", deadline=None, database=None)
hypothesis.settings.load_profile("studio")


def _isolate() -> None:
    cache = Settings.from_env().cache
    for name in [name for name in os.environ if name.startswith("STUDIO_")]:
        del os.environ[name]
    home = Path(_HOME.name)
    os.environ.update(
        HOME=str(home),
        USERPROFILE=str(home),
        XDG_CACHE_HOME=str(home / ".cache"),
        XDG_CONFIG_HOME=str(home / ".config"),
        XDG_DATA_HOME=str(home / ".local/share"),
        STUDIO_CACHE=str(cache),
        STUDIO_HOME=str(home / "studio"),
        STUDIO_HUB_ENDPOINT=_CLOSED,
        STUDIO_MODELSCOPE_ENDPOINT=_CLOSED,
        HF_ENDPOINT=_CLOSED,
        GRADIO_ANALYTICS_ENABLED="False",
        HF_HUB_DISABLE_TELEMETRY="1",
    )


_isolate()


def _local_only(method: Any) -> Any:
    def connect(self: socket.socket, address: Any, *rest: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            if not (host.startswith("127.") or host in ("localhost", "::1", "0.0.0.0", "::")):
                raise OSError(f"tests do not use the network: {host}")
        return method(self, address, *rest)

    return connect


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _local_only(getattr(socket.socket, name)))
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "studio-home"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first, then the browser, then the real models: what breaks is known early."""
    items.sort(key=lambda item: (_marked(item, "acceptance"), _marked(item, "browser")))


def _marked(item: pytest.Item, name: str) -> bool:
    return item.get_closest_marker(name) is not None
