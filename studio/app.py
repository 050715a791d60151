"""The studio in the browser: one FastAPI with our routes first and Gradio mounted at the root.

Design:
- `create_app` builds everything for given settings; `serve` adds the address, the token and the server.
- Gradio's analytics and every other call home are switched off before it is imported.
- The process never loads a model: jobs run in the engine's worker processes.
- Loopback needs no token; any other address refuses to start without STUDIO_TOKEN.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from models.errors import BadInput, StudioError
from models.settings import Settings
from studio.api.guard import Guard, is_loopback

MAX_BODY = "20mb"
_log = logging.getLogger("studio.app")


def _quiet_gradio() -> None:
    """Nothing calls home: no analytics, no version check, no hub."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def create_app(settings: Settings | None = None, *, token: str = "", loopback: bool = True, service: Any = None) -> Any:
    """The whole application.

    Args:
        settings: Where things lie; None reads the environment.
        token: What a browser must bring, empty = none is needed.
        loopback: The server listens on loopback only, so the Host header must say so.
        service: Stands in for the engine in tests.
    """
    settings = settings or Settings.from_env()
    os.environ.setdefault("GRADIO_TEMP_DIR", str(settings.home / "gradio"))
    _quiet_gradio()

    from fastapi import FastAPI, Request
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse

    from studio.api import page, routes
    from studio.api.service import Service
    from studio.gradio_import import import_gradio
    from studio.ui import shell

    desk_service = service or Service(settings)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        desk_service.start()
        try:
            yield
        finally:
            desk_service.stop()

    app = FastAPI(
        title="AIGC Studio",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
    )

    @app.exception_handler(StudioError)
    async def studio_error(_: Request, error: StudioError) -> JSONResponse:
        return routes.answer_error(error)

    @app.exception_handler(RequestValidationError)
    async def wrong_request(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:]) or "body"
        line = f"{name}: {first['msg']}"
        return JSONResponse({"error": {"message": line, "hint": "", "problems": []}}, status_code=400)

    app.include_router(routes.build(desk_service))
    app.include_router(page.build())
    gr = import_gradio()
    app = gr.mount_gradio_app(
        app,
        shell.build(desk_service),
        path="/",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        show_error=False,
        max_file_size=MAX_BODY,
        theme=gr.themes.Base(font=["system-ui"], font_mono=["monospace"]),
    )
    app.add_middleware(page.Dress)
    app.add_middleware(Guard, token=token, loopback=loopback)
    return app


def serve(
    host: str = "127.0.0.1", port: int = 7860, *, open_browser: bool = False, settings: Settings | None = None
) -> None:
    """Run the studio until it is stopped. `port` 0 takes any free one.

    Raises:
        BadInput: The address is not loopback and STUDIO_TOKEN is not set, or the port is taken.
    """
    import uvicorn

    token = os.environ.get("STUDIO_TOKEN", "").strip()
    loopback = is_loopback(host)
    if not loopback and len(token) < 16:
        raise BadInput(
            f"--host {host}: others could reach the studio, so it needs an access token.",
            hint="Set STUDIO_TOKEN to a secret of 16 characters or more, or leave --host out.",
        )
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    app = create_app(settings, token=token, loopback=loopback)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/"
    print(f"AIGC Studio is at {address}{f'?token={token}' if token else ''}\nStop it with Ctrl+C.", flush=True)
    if open_browser:
        import webbrowser

        webbrowser.open(address + (f"?token={token}" if token else ""))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
        proxy_headers=False,
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere this option would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BadInput(
            f"--port {port}: cannot listen on {host} ({error.strerror or error}).",
            hint="Choose another: --port 0 takes any.",
        ) from error
    return listener
