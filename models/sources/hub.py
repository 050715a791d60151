"""The Hugging Face hub, or a mirror of it, by its HTTP interface.

Design:
- `Settings.hub_endpoint` names the hub; a mirror serves the same paths.
- A token in HF_TOKEN is sent to the endpoint alone: redirects to storage servers do not see it.
"""

from __future__ import annotations

import os
from urllib.parse import quote

import httpx

from models.card import HubSource
from models.errors import SourceUnavailable
from models.sources import http
from models.sources.base import Errand
from models.sources.repository import RemoteFile, Repository, bring_named, bring_repository, text_of


def fetch(source: HubSource, errand: Errand) -> None:
    """Bring the wanted files, or the whole allowed repository when the source names none."""
    endpoint = errand.settings.hub_endpoint.rstrip("/")
    token = os.environ.get("HF_TOKEN", "").strip()
    with http.client({"Authorization": f"Bearer {token}"} if token else None) as web:
        if source.take:
            bring_named(source, errand, web, lambda path: _address(endpoint, source.repo, source.revision, path))
        else:
            bring_repository(source, errand, web, _listed(source, endpoint, errand, web))


def _address(endpoint: str, repo: str, revision: str, path: str) -> str:
    return f"{endpoint}/{quote(repo)}/resolve/{quote(revision, safe='')}/{quote(path)}"


def _listed(source: HubSource, endpoint: str, errand: Errand, web: httpx.Client) -> Repository:
    what, base = f"hub:{source.repo}", f"{endpoint}/api/models/{quote(source.repo)}"
    facts, _ = http.get_json(
        web, f"{base}/revision/{quote(source.revision, safe='')}", control=errand.control, what=what
    )
    commit = text_of(facts, "sha") if isinstance(facts, dict) else ""
    if not commit:
        raise SourceUnavailable(f"{what} does not tell its commit.", hint="Check STUDIO_HUB_ENDPOINT.")
    files: list[RemoteFile] = []
    page: str | None = f"{base}/tree/{commit}?recursive=true"
    while page:
        entries, response = http.get_json(web, page, control=errand.control, what=what)
        files += [_remote(entry) for entry in entries if entry.get("type") == "file"]
        following = response.links.get("next", {}).get("url")
        page = str(response.url.join(following)) if following else None
    return Repository(
        label=f"{what}@{commit}",
        files=files,
        address=lambda path: _address(endpoint, source.repo, commit, path),
    )


def _remote(entry: dict[str, object]) -> RemoteFile:
    large = entry.get("lfs")
    size = entry.get("size")
    return RemoteFile(
        path=text_of(entry, "path"),
        bytes=size if isinstance(size, int) else 0,
        sha256=text_of(large, "oid") if isinstance(large, dict) else "",
        git_digest="" if large else text_of(entry, "oid"),
    )
