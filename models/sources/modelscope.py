"""ModelScope, by its file interface: the hub that answers where the other does not.

Design:
- `Settings.modelscope_endpoint` names it. The listing tells a SHA-256 for every file.
- Revisions are branches or tags; the listing and the downloads use the one the card names.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

import httpx

from models.card import HubSource
from models.errors import SourceUnavailable
from models.sources import http
from models.sources.base import Errand
from models.sources.repository import RemoteFile, Repository, bring_named, bring_repository, text_of


def fetch(source: HubSource, errand: Errand) -> None:
    """Bring the wanted files, or the whole allowed repository when the source names none."""
    base = f"{errand.settings.modelscope_endpoint.rstrip('/')}/api/v1/models/{quote(source.repo)}"

    def address(path: str) -> str:
        return f"{base}/repo?{urlencode({'Revision': source.revision, 'FilePath': path})}"

    with http.client() as web:
        if source.take:
            bring_named(source, errand, web, address)
            return
        files = _listed(source, base, errand, web)
        label = f"modelscope:{source.repo}@{source.revision}"
        bring_repository(source, errand, web, Repository(label=label, files=files, address=address))


def _listed(source: HubSource, base: str, errand: Errand, web: httpx.Client) -> list[RemoteFile]:
    query = urlencode({"Revision": source.revision, "Recursive": "true"})
    answer, _ = http.get_json(
        web, f"{base}/repo/files?{query}", control=errand.control, what=f"modelscope:{source.repo}"
    )
    try:
        entries = answer["Data"]["Files"]
    except (KeyError, TypeError) as error:
        raise SourceUnavailable(
            f"modelscope:{source.repo} was not listed.", hint="Check STUDIO_MODELSCOPE_ENDPOINT."
        ) from error
    return [
        RemoteFile(path=text_of(entry, "Path"), bytes=int(entry.get("Size") or 0), sha256=text_of(entry, "Sha256"))
        for entry in entries
        if entry.get("Type") == "blob"
    ]
