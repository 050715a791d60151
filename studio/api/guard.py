"""Who may talk to the studio: checked for every request, Gradio's own included.

Design:
- Loopback needs no token, but the Host header must name loopback: a page of another site cannot reach the studio
  by pointing its own name at 127.0.0.1 (DNS rebinding).
- What changes something must come from our own page: an Origin, when the browser sends one, has to be our own, and
  a request that says it crosses sites is refused.
- On any other address a token is needed (STUDIO_TOKEN): as a Bearer header, or once as `?token=` in the address,
  which becomes a strict, HTTP-only cookie. Tokens are compared in constant time.
- The page may load and call nothing but this server (Content-Security-Policy), so no work and no brief leaves the
  machine by the browser either. Gradio's upload and URL-fetching routes are closed: files come through `/api/files`.
"""

from __future__ import annotations

import hmac
import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "studio_token"
_SAFE = {"GET", "HEAD", "OPTIONS"}
_CLOSED = ("/gradio_api/upload", "/upload")
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

Scope = dict[str, Any]


def is_loopback(host: str) -> bool:
    """Whether a server on this address is reachable from this machine only."""
    return host in LOOPBACK or host.startswith("127.")


class Guard:
    """ASGI middleware around everything."""

    def __init__(self, app: Any, *, token: str = "", loopback: bool = True) -> None:
        self.app = app
        self.token = token
        self.loopback = loopback

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self._given(scope) is not None:
            await _redirect_with_cookie(scope, send, self.token, welcome=self._same(self._given(scope)))
            return
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(send, *refusal, page="text/html" in headers.get("accept", ""))
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in message["headers"]}
                policy = (b"content-security-policy", _POLICY.encode())
                message["headers"] = [
                    *message["headers"],
                    *(pair for pair in (*_HEADERS, policy) if pair[0] not in known),
                ]
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str, str] | None:
        host = headers.get("host", "")
        if self.loopback and _hostname(host) not in LOOPBACK:
            return 421, "这个地址不是本机", "This host name is not this machine's loopback"
        if self.token and not self._known(headers):
            return 401, "需要访问令牌：请打开启动时打印的完整网址", "An access token is needed: open the full address"
        if scope["method"] not in _SAFE:
            origin = headers.get("origin")
            if (origin and urlsplit(origin).netloc != host) or headers.get("sec-fetch-site") == "cross-site":
                return 403, "不接受来自其他网站的请求", "Requests from other sites are refused"
        path = scope["path"].rstrip("/")
        if path.endswith(_CLOSED) or "file=http" in unquote(scope["path"]).replace(" ", "").lower():
            return 403, "这个入口已关闭", "This route is closed"
        return None

    def _known(self, headers: dict[str, str]) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._same(bearer.strip()):
            return True
        cookies = dict(part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";"))
        return self._same(unquote(cookies.get(COOKIE, "")))

    def _same(self, given: str | None) -> bool:
        return bool(given) and hmac.compare_digest(str(given).encode(), self.token.encode())

    def _given(self, scope: Scope) -> str | None:
        """The token in the address, when one is needed and given."""
        if not self.token or scope["method"] != "GET":
            return None
        values = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        return values[0] if values else None


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


async def _redirect_with_cookie(scope: Scope, send: Any, token: str, *, welcome: bool) -> None:
    """Take the token out of the address bar; a wrong one gets no cookie and meets the refusal next."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    query.pop("token", None)
    target = scope["path"] + (f"?{urlencode(query, doseq=True)}" if query else "")
    if not target.startswith("/") or target.startswith("//"):
        target = "/"
    headers = [(b"location", target.encode()), (b"cache-control", b"no-store")]
    if welcome:
        cookie = f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000"
        headers.append((b"set-cookie", cookie.encode()))
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(send: Any, status: int, zh: str, en: str, *, page: bool) -> None:
    if page:
        kind = b"text/html; charset=utf-8"
        body = _PAGE.format(zh=zh, en=en).encode()
    else:
        kind = b"application/json; charset=utf-8"
        body = json.dumps({"error": {"message": {"zh": zh, "en": en}, "hint": ""}}, ensure_ascii=False).encode()
    headers = [(b"content-type", kind), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_PAGE = (
    "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'><title>AIGC Studio</title>"
    "<style>body{{margin:0;min-height:100vh;display:grid;place-items:center;background:#f4f2ed;color:#1b1a17;"
    "font:17px/1.7 system-ui,sans-serif;text-align:center}}p{{margin:0 24px}}"
    "small{{color:#736e63;font-size:15px}}</style>"
    "<p>{zh}<br><small>{en}</small></p>"
)
