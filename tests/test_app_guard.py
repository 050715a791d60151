"""Who may talk to the studio: host names, origins, tokens, closed routes."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.errors import BadInput
from studio.api.guard import COOKIE, Guard
from studio.app import serve

TOKEN = "a-secret-of-more-than-16"


def client(*, token: str = "", loopback: bool = True, base_url: str = "http://127.0.0.1:7860") -> TestClient:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST", "DELETE"])
    def anything(path: str) -> dict[str, str]:
        return {"path": path}

    app.add_middleware(Guard, token=token, loopback=loopback)
    return TestClient(app, base_url=base_url, follow_redirects=False)


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "LOCALHOST:1", "[::1]:7860"])
def test_loopback_names_are_served(host: str) -> None:
    assert client().get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:7860", "", "localhost@evil.example:1", "[oops"]
)
def test_other_names_are_refused_on_loopback(host: str) -> None:
    answer = client().get("/", headers={"host": host})
    assert answer.status_code == 421
    assert set(answer.json()["error"]["message"]) == {"zh", "en"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # not a browser
        ({"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),  # another program's page on this machine
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_changes_must_come_from_our_own_page(headers: dict[str, str], status: int) -> None:
    assert client().post("/api/jobs", headers=headers).status_code == status
    assert client().delete("/api/jobs/1", headers=headers).status_code == status
    assert client().get("/api/jobs", headers=headers).status_code == 200


def test_a_token_is_needed_once_it_is_set() -> None:
    guarded = client(token=TOKEN, loopback=False, base_url="http://studio.example")
    assert guarded.get("/").status_code == 401
    assert guarded.get("/", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert guarded.get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert guarded.get("/", headers={"cookie": f"{COOKIE}=wrong"}).status_code == 401


def test_a_browser_is_told_on_a_page() -> None:
    guarded = client(token=TOKEN, loopback=False, base_url="http://studio.example")
    answer = guarded.get("/", headers={"accept": "text/html,*/*"})
    assert answer.headers["content-type"].startswith("text/html")
    assert "访问令牌" in answer.text
    assert "access token" in answer.text


def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address() -> None:
    guarded = client(token=TOKEN, loopback=False, base_url="http://studio.example")
    answer = guarded.get(f"/?lang=en&token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?lang=en"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert guarded.get("/", headers={"cookie": cookie.split(";")[0]}).status_code == 200
    wrong = guarded.get("/?token=wrong")
    assert wrong.status_code == 303
    assert "set-cookie" not in wrong.headers


def test_a_redirect_never_leaves_the_site() -> None:
    guarded = client(token=TOKEN, loopback=False, base_url="http://studio.example")
    assert guarded.get(f"//evil.example/?token={TOKEN}").headers["location"] in {"/", "/?"}


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",
        "/gradio_api/upload/",
        "/gradio_api/file=https://evil.example/x",
        "/gradio_api/file%3Dhttp://169.254.169.254/x",
        "/gradio_api/FILE=HTTP://evil.example",
    ],
)
def test_routes_that_fetch_or_store_for_others_are_closed(path: str) -> None:
    assert client().get(path).status_code == 403
    assert client().post(path).status_code == 403


def test_pages_may_load_only_from_this_server() -> None:
    policy = client().get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


@pytest.mark.parametrize("token", ["", "short"])
def test_serving_others_without_a_token_is_refused(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_TOKEN", token)
    with pytest.raises(BadInput, match="access token") as caught:
        serve("0.0.0.0", 0)
    assert "STUDIO_TOKEN" in caught.value.hint


def test_a_taken_port_is_named() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"--port {port}"):
            serve("127.0.0.1", port)


def test_websockets_are_refused() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        await Guard(None)({"type": "websocket", "headers": []}, None, send)

    import asyncio

    asyncio.run(run())
    assert sent == [{"type": "websocket.close", "code": 1008}]
