"""Sources of models on this machine: hand-made wheels, npm archives, and a hub that can misbehave on purpose."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_wheel(folder: Path, name: str, version: str, members: Mapping[str, bytes]) -> Path:
    """A wheel of data that pip accepts."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    files = {
        **members,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in {**files, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(member, data)
    return path


def make_tarball(members: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    """An npm archive; `links` are symbolic links by name."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return stream.getvalue()


@dataclass
class Site:
    """What the server has and how it behaves.

    Attributes:
        files: Bytes by path (with the query, where there is one).
        requests: (method, path, Range header or "") of every request, in order.
        drop_after: Path -> bytes after which the connection is cut, once for each entry of the list.
        stall_after: Path -> bytes after which the answer hangs until `released` is set.
        failures: Path -> status codes to answer first.
        ranges: Whether Range is honoured.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    authorization: list[str] = field(default_factory=list)
    drop_after: dict[str, list[int]] = field(default_factory=dict)
    stall_after: dict[str, int] = field(default_factory=dict)
    failures: dict[str, list[int]] = field(default_factory=dict)
    ranges: bool = True
    released: threading.Event = field(default_factory=threading.Event)
    stalled: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def gets(self, path: str) -> list[str]:
        """The Range headers of the requests for a path."""
        return [header for method, asked, header in self.requests if method == "GET" and asked == path]

    def add_repo(self, repo: str, commit: str, files: Mapping[str, bytes], *, revision: str = "main") -> None:
        """Serve a hub repository; files of 1000 bytes and more are stored as large files."""
        self.files[f"/api/models/{repo}/revision/{revision}"] = json.dumps({"sha": commit}).encode()
        entries = []
        for path, data in files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            entry: dict[str, object] = {"type": "file", "path": path, "size": len(data), "oid": blob}
            if len(data) >= 1000:
                entry["lfs"] = {"oid": sha256(data), "size": len(data)}
            entries.append(entry)
            for name in (commit, revision):
                self.files[f"/{repo}/resolve/{name}/{path}"] = data
        # Two pages, as the hub does it for long listings.
        first, second = entries[:1], [{"type": "directory", "path": "folder", "oid": "0"}, *entries[1:]]
        page = f"/api/models/{repo}/tree/{commit}?recursive=true"
        self.files[page] = json.dumps(first).encode()
        self.files[f"{page}&cursor=2"] = json.dumps(second).encode()
        self.headers[page] = {"Link": f'<{self.url}{page}&cursor=2>; rel="next"'}

    def add_npm(self, name: str, version: str, archive: bytes, *, integrity: str = "") -> None:
        """Serve an npm package, for the client and for a plain reader."""
        right = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
        tarball = f"/{name}/-/{name}-{version}.tgz"
        facts = {
            "name": name,
            "version": version,
            "dist": {"tarball": self.url + tarball, "integrity": integrity or right},
        }
        self.files[tarball] = archive
        self.files[f"/{name}/{version}"] = json.dumps(facts).encode()
        packument = {"name": name, "dist-tags": {"latest": version}, "versions": {version: facts}}
        self.files[f"/{name}"] = json.dumps(packument).encode()


@contextmanager
def serve(site: Site) -> Iterator[Site]:
    """Serve `site` on a free port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            return None

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            parts = urlsplit(self.path)
            path = unquote(parts.path) + (f"?{unquote(parts.query)}" if parts.query else "")
            asked = self.headers.get("Range", "")
            site.requests.append((self.command, path, asked))
            site.authorization.append(self.headers.get("Authorization", ""))
            if site.failures.get(path):
                self._send(site.failures[path].pop(0), b"", {})
                return
            data = site.files.get(path)
            if data is None:
                self._send(404, b"", {})
                return
            start, status, headers = 0, 200, dict(site.headers.get(path, {}))
            if asked and site.ranges:
                start, status = int(asked.removeprefix("bytes=").partition("-")[0]), 206
                if start >= len(data):
                    self._send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
                    return
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self._send(status, data[start:] if body else b"", headers, path=path)

        def _send(self, status: int, data: bytes, headers: Mapping[str, str], *, path: str = "") -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            drops = site.drop_after.get(path)
            stall = site.stall_after.get(path)
            if drops:
                self.wfile.write(data[: drops.pop(0)])
                self.close_connection = True
            elif stall is not None and not site.released.is_set():
                self.wfile.write(data[:stall])
                self.wfile.flush()
                site.stalled.set()
                site.released.wait(60)
                self.close_connection = True
            else:
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
