"""The studio's own HTTP routes: jobs, their works, pictures, recipes, models, health.

Design:
- Thin: a route reads its arguments, calls the service, and shapes the answer. Blocking work runs in FastAPI's threads.
- A job's document carries an ETag: watching a job that does not change costs one empty answer a look.
- Works are sent by path or reference through the service, which knows the job; a name from outside is never joined
  to a folder. Documents that could carry scripts are sent with a policy that forbids them everything.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from importlib import metadata
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from studio.api.pictures import as_json

if TYPE_CHECKING:
    from studio.api.service import Sent, Service

_FOREVER = "private, max-age=31536000, immutable"
_LOCKED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:; sandbox"
_PAGE = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data:; "
    "media-src 'self' data:; font-src data:; sandbox allow-scripts allow-downloads allow-popups"
)
EVENT_PAUSE = 0.4  # s between two looks at the journal for one listener


class JobOrder(BaseModel):
    """Body of `POST /api/jobs`: the same request as `studio make` and the app."""

    model_config = ConfigDict(extra="forbid")

    recipe: str = "campaign"
    brief: dict[str, Any]
    seed: int | None = Field(None, ge=0, le=2**32 - 1, description="None: chosen by the studio and told in the job")
    only: tuple[str, ...] = ()
    models: dict[str, str] = Field(default_factory=dict, description="Task -> card id")


class BriefDraft(BaseModel):
    """Body of `POST /api/briefs/check`."""

    model_config = ConfigDict(extra="forbid")

    recipe: str = "campaign"
    brief: dict[str, Any]


def build(service: Service) -> APIRouter:  # noqa: C901 -- a list of routes
    """All routes under `/api`."""
    api = APIRouter(prefix="/api", tags=["studio"])

    @api.get("/health")
    def health() -> dict[str, Any]:
        """Alive, and which version."""
        return {"status": "ok", "version": metadata.version("aigc-studio")}

    # -- recipes and briefs

    @api.get("/recipes")
    def recipes() -> dict[str, Any]:
        return {"recipes": service.recipes()}

    @api.get("/recipes/{name}/schema")
    def schema(name: str) -> dict[str, Any]:
        """JSON Schema of the recipe's brief."""
        return service.schema(name)

    @api.get("/recipes/{name}/samples")
    def samples(name: str) -> dict[str, Any]:
        return {"samples": service.samples(name)}

    @api.post("/briefs/check")
    def check(draft: BriefDraft) -> dict[str, Any]:
        """Every complaint about a brief; none means that it can be made."""
        problems = service.check(draft.recipe, draft.brief)
        return {"problems": [{"field": problem.field, "message": problem.message} for problem in problems]}

    # -- jobs

    @api.post("/jobs", status_code=201)
    def submit(order: JobOrder) -> dict[str, Any]:
        job = service.submit(
            recipe=order.recipe, brief=order.brief, seed=order.seed, only=order.only, models=order.models
        )
        return {"job": job}

    @api.get("/jobs")
    def jobs(limit: Annotated[int, Query(ge=1, le=500)] = 200) -> dict[str, Any]:
        return {"jobs": service.jobs(limit=limit)}

    @api.get("/jobs/running")
    def running() -> dict[str, Any]:
        return {"running": service.running()}

    @api.get("/jobs/{job}")
    def job_(job: str, request: Request) -> Response:
        body = json.dumps(service.view(job), ensure_ascii=False, separators=(",", ":")).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        headers = {"etag": tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    @api.delete("/jobs/{job}")
    def remove(job: str) -> dict[str, Any]:
        service.remove(job)
        return {"removed": job}

    @api.post("/jobs/{job}/cancel")
    def cancel(job: str) -> dict[str, Any]:
        service.cancel(job)
        return {"job": job}

    @api.post("/jobs/{job}/retry")
    def retry(job: str) -> dict[str, Any]:
        service.retry(job)
        return {"job": job}

    @api.get("/jobs/{job}/events")
    async def events(job: str, request: Request, after: Annotated[int, Query(ge=0)] = 0) -> StreamingResponse:
        """Server-sent events from number `after` on (or from `Last-Event-ID`), until the job has ended."""
        last = request.headers.get("last-event-id", "")
        start = int(last) if last.isdigit() else after
        await run_in_threadpool(service.require, job)
        return StreamingResponse(
            _event_stream(service, request, job, start),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    # -- works

    @api.get("/jobs/{job}/kit.zip")
    def kit_zip(job: str) -> StreamingResponse:
        """The whole kit, packed while it is sent."""
        name, chunks = service.kit_zip(job)
        return StreamingResponse(
            chunks, media_type="application/zip", headers={"content-disposition": _attachment(name)}
        )

    @api.get("/jobs/{job}/kit/{path:path}")
    def kit_file(job: str, path: str) -> FileResponse:
        """One file of the kit."""
        return _send(service.kit_file(job, path))

    @api.get("/jobs/{job}/works")
    def work(job: str, ref: str, width: Annotated[int, Query(ge=0, le=4096)] = 0) -> FileResponse:
        """A picture of the job, whole or in a small copy."""
        return _send(service.work(job, ref, width=width))

    @api.get("/jobs/{job}/captions.vtt")
    def captions(job: str, ref: str) -> Response:
        """Captions as browsers want them."""
        return Response(service.captions(job, ref), media_type="text/vtt", headers={"cache-control": _FOREVER})

    # -- pictures and models

    @api.post("/files", status_code=201)
    async def receive(request: Request, name: Annotated[str, Query(max_length=300)] = "picture") -> dict[str, Any]:
        """Bring in a picture: the body is the file itself."""
        return as_json(await service.pictures.receive(name, request.stream()))

    @api.get("/files/{name}")
    def picture(name: str, width: Annotated[int, Query(ge=1, le=1080)] = 480) -> FileResponse:
        """A small copy of a picture that a brief of this workspace names."""
        return _send(service.picture(name, width=width))

    @api.get("/models")
    def models() -> dict[str, Any]:
        """What runs each task here."""
        return service.models()

    return api


def _send(sent: Sent) -> FileResponse:
    headers = {"cache-control": _FOREVER if sent.forever else "no-cache"}
    if sent.media_type in {"image/svg+xml", "text/markdown; charset=utf-8"}:
        headers["content-security-policy"] = _LOCKED
    elif sent.media_type.startswith("text/html"):
        headers["content-security-policy"] = _PAGE
    if sent.name:
        headers["content-disposition"] = _attachment(sent.name, inline=sent.inline)
    return FileResponse(sent.path, media_type=sent.media_type, headers=headers)


def _attachment(name: str, *, inline: bool = False) -> str:
    from urllib.parse import quote

    ascii_name = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    return f"{'inline' if inline else 'attachment'}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name)}"


async def _event_stream(service: Service, request: Request, job: str, after: int) -> AsyncIterator[str]:
    while not await request.is_disconnected():
        found = await run_in_threadpool(service.events, job, after)
        for event in found:
            after = event["seq"]
            yield f"id: {after}\nevent: {event['kind']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
        if not found:
            if await run_in_threadpool(service.ended, job):
                yield "event: end\ndata: {}\n\n"
                return
            yield ": still here\n\n"
        await asyncio.sleep(EVENT_PAUSE)


def answer_error(error: Exception) -> JSONResponse:
    """A `StudioError` as an answer."""
    from models.errors import StudioError
    from studio.api.errors import body_of, status_of

    assert isinstance(error, StudioError)
    return JSONResponse(body_of(error), status_code=status_of(error))
