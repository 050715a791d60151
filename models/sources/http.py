"""Downloads over HTTP that go on where they stopped.

Design:
- What came so far lies in the temporary file; the next try asks for the rest by `Range`. A server that sends the
  whole file again is taken at its word: the file starts anew.
- A dropped connection, a 429 or a 5xx is tried again with back-off; what will not change by waiting is not.
- Bytes are never judged here: size and digest are checked where the file is delivered.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from models.control import Control
from models.errors import SourceUnavailable
from models.sources.base import BLOCK

TRIES = 4
_BACK_OFF = 1.0  # seconds before the second try, doubled each time
_LONGEST_WAIT = 30.0  # seconds, whatever a server asks for


@contextlib.contextmanager
def client(headers: Mapping[str, str] | None = None) -> Iterator[httpx.Client]:
    """A client with this machine's proxy settings, that follows redirects."""
    timeout = httpx.Timeout(30.0, connect=15.0)
    agent = {"User-Agent": "aigc-studio", **(headers or {})}
    with httpx.Client(follow_redirects=True, timeout=timeout, headers=agent) as made:
        yield made


def get_json(web: httpx.Client, url: str, *, control: Control, what: str) -> tuple[Any, httpx.Response]:
    """The JSON document at `url` and the response it came in."""
    for last in _tries(control):
        try:
            response = web.get(url)
        except httpx.HTTPError as error:
            if last:
                raise _unreachable(url, error) from error
            continue
        if _worth_waiting(response) and not last:
            continue
        _raise_for(response, what)
        try:
            return response.json(), response
        except ValueError as error:
            raise SourceUnavailable(f"{_host(url)} answered something that is not JSON for {what}.") from error
    raise AssertionError("unreachable")


def download(
    web: httpx.Client, url: str, target: Path, *, control: Control, what: str, at: Callable[[int], None]
) -> None:
    """Bring `url` into `target`, going on after what it already holds. `at` hears the bytes that are here.

    Raises:
        SourceUnavailable: No answer, or the answer is no.
        Cancelled: Within a block of 1 MiB.
    """
    for last in _tries(control):
        have = target.stat().st_size if target.exists() else 0
        # A packed transfer could not be continued by bytes of the file.
        asked = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        try:
            with web.stream("GET", url, headers=asked) as response:
                if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    if _length_of_range(response) == have:
                        return
                    target.unlink()
                elif _worth_waiting(response) and not last:
                    _wait_as_asked(response, control)
                else:
                    _raise_for(response, what)
                    _receive(response, target, have=have, control=control, at=at)
                    return
        except httpx.HTTPError as error:
            if last:
                raise _unreachable(url, error) from error
    raise SourceUnavailable(f"{_host(url)} did not send {what}.", hint="Try again later.")


def _receive(response: httpx.Response, target: Path, *, have: int, control: Control, at: Callable[[int], None]) -> None:
    going_on = response.status_code == httpx.codes.PARTIAL_CONTENT and _start_of_range(response) == have
    count = have if going_on else 0
    with target.open("ab" if going_on else "wb") as stream:
        at(count)
        for block in response.iter_bytes(BLOCK):
            control.check()
            stream.write(block)
            count += len(block)
            at(count)


def _tries(control: Control) -> Iterator[bool]:
    """Yield for each try whether it is the last, with a wait between that cancel ends."""
    for number in range(TRIES):
        control.check()
        if number and control.cancel.wait(_BACK_OFF * 2 ** (number - 1)):
            control.check()
        yield number == TRIES - 1


def _worth_waiting(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.status_code >= 500


def _wait_as_asked(response: httpx.Response, control: Control) -> None:
    asked = response.headers.get("Retry-After", "")
    if asked.isdigit():
        control.cancel.wait(min(float(asked), _LONGEST_WAIT))


def _raise_for(response: httpx.Response, what: str) -> None:
    code, host = response.status_code, response.url.host
    if code < 400:
        return
    if code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise SourceUnavailable(
            f"{host} does not give {what} to everyone (HTTP {code}).",
            hint="Accept the model's terms on its page and set HF_TOKEN.",
            retryable=False,
        )
    if code == httpx.codes.NOT_FOUND:
        raise SourceUnavailable(f"{host} has no {what} (HTTP 404).", hint="Check the card's source.", retryable=False)
    raise SourceUnavailable(f"{host} answered HTTP {code} for {what}.", hint="Try again later.")


def _unreachable(url: str, error: httpx.HTTPError) -> SourceUnavailable:
    reason = str(error).strip() or type(error).__name__
    return SourceUnavailable(
        f"{_host(url)} did not answer: {reason}.",
        hint="Check the network and proxy, or name a mirror: STUDIO_HUB_ENDPOINT, STUDIO_MODELSCOPE_ENDPOINT.",
    )


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def _start_of_range(response: httpx.Response) -> int | None:
    start = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isdigit() else None


def _length_of_range(response: httpx.Response) -> int | None:
    length = response.headers.get("Content-Range", "").rpartition("/")[2]
    return int(length) if length.isdigit() else None
