"""The page's own files: style, scripts, strings, fonts; and the links to them in the page.

Design:
- Gradio rewrites CSS it is given and adds `head` late; so a middleware puts one `<link>` and one script before
  `</head>` of the page itself. Nothing is downloaded from elsewhere.
- Addresses carry the digest of all files together: a new version is fetched at once, an old one never again.
- Chinese faces are sent only to browsers whose system has none (they come last in the font list).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from models.settings import ASSETS
from studio.api.errors import NotThere
from studio.i18n import LANGUAGES, table

FOLDER = ASSETS / "ui"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_FONTS = {
    "sans-sc": ("pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"),
    "serif-sc": ("pylopdf_fonts_zh_cn", "NotoSerifSC-Regular.otf"),
}
_FOREVER = "public, max-age=31536000, immutable"
_IMPORT = re.compile(r'(from\s+"\./[\w-]+\.js|import\s+"\./[\w-]+\.js)(?=")')


@cache
def version() -> str:
    """Digest of everything the page loads from us."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.*")):
        digest.update(path.read_bytes())
    for language in LANGUAGES:
        digest.update(json.dumps(dict(table(language)), sort_keys=True).encode())
    return digest.hexdigest()[:12]


def build() -> APIRouter:
    """Routes under `/studio`."""
    pages = APIRouter(prefix="/studio", include_in_schema=False)

    @pages.get("/strings.json")
    def strings() -> Response:
        body = json.dumps({language: dict(table(language)) for language in LANGUAGES}, ensure_ascii=False)
        return Response(body, media_type="application/json", headers={"cache-control": _FOREVER})

    @pages.get("/fonts/{name}.otf")
    def font(name: str) -> FileResponse:
        path = _font(name)
        if path is None:
            raise NotThere("There is no such font.")
        return FileResponse(path, media_type="font/otf", headers={"cache-control": _FOREVER})

    @pages.get("/{name}")
    def file(name: str) -> Response:
        path = FOLDER / name
        if path.parent != FOLDER or path.suffix not in _TYPES or not path.is_file():
            raise NotThere("There is no such file.")
        text = path.read_text("utf-8")
        if path.suffix == ".js":
            # Modules import one another by the versioned address too, else a browser would keep old parts.
            text = _IMPORT.sub(rf"\1?v={version()}", text)
        return Response(text, media_type=_TYPES[path.suffix], headers={"cache-control": _FOREVER})

    return pages


def _font(name: str) -> Path | None:
    package, file = _FONTS.get(name, ("", ""))
    spec = importlib.util.find_spec(package) if package else None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    path = Path(folders[0]) / file if folders else None
    return path if path and path.is_file() else None


class Dress:
    """ASGI middleware: puts our style and boot script into the head of HTML pages served at `/`."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        start: dict[str, Any] = {}
        body = bytearray()

        async def collect(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            page = bytes(body)
            dropped = (b"content-length", b"cache-control")
            headers = [pair for pair in start["headers"] if pair[0].lower() not in dropped]
            if b"</head>" in page:
                page = page.replace(b"</head>", _head().encode() + b"</head>", 1)
            headers += [(b"content-length", str(len(page)).encode()), (b"cache-control", b"no-cache")]
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": page})

        # Compressed pages cannot be read here; the page is small and comes from this machine.
        headers = [pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"]
        await self.app({**scope, "headers": headers}, receive, collect)


def _head() -> str:
    tag = version()
    return (
        f'<link rel="icon" href="studio/icon.svg?v={tag}" type="image/svg+xml">'
        f'<link rel="stylesheet" href="studio/studio.css?v={tag}">'
        f'<script src="studio/boot.js?v={tag}"></script>'
    )
