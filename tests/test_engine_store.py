"""The artifact store: whole files or none, damage is seen, a full disk is one clear line."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadInput, CorruptFile, DiskFull, StepFailed
from pipelines.engine.store import ArtifactStore


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_bytes_come_back_under_their_digest(store: ArtifactStore) -> None:
    artifact = store.put_bytes(b"hello", "text", ".txt", facts={"lines": 1})
    assert artifact.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert (artifact.bytes, artifact.kind, artifact.facts) == (5, "text", {"lines": 1})
    assert store.path(artifact).read_bytes() == b"hello"
    assert store.path(artifact).suffix == ".txt"


def test_the_same_bytes_are_stored_once(store: ArtifactStore, tmp_path: Path) -> None:
    first = store.put_bytes(b"same", "file", ".bin")
    inode = store.path(first).stat().st_ino
    source = tmp_path / "x.bin"
    source.write_bytes(b"same")
    second = store.put_file(source, "file")
    assert first == second
    assert not source.exists()
    assert store.path(second).stat().st_ino == inode
    assert len(_files(store.folder)) == 1


def test_put_file_moves_and_seals(store: ArtifactStore, tmp_path: Path) -> None:
    source = tmp_path / "Movie.MP4"
    source.write_bytes(b"frames")
    artifact = store.put_file(source, "video", facts={"seconds": 1.5})
    assert artifact.suffix == ".mp4"
    assert not source.exists()
    assert store.path(artifact).stat().st_mode & 0o222 == 0


def test_put_file_refuses_what_is_no_file(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "folder.x").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "folder.x")
    for name in ("missing.png", "folder.x", "link.txt"):
        with pytest.raises(StepFailed):
            store.put_file(tmp_path / name, "file")


def test_facts_must_be_exact(store: ArtifactStore) -> None:
    with pytest.raises(BadInput):
        store.put_bytes(b"x", "file", ".bin", facts={"lufs": float("nan")})


@pytest.mark.parametrize("damage", ["truncate", "append", "flip", "delete"])
def test_damage_is_seen_and_the_bytes_can_be_put_again(store: ArtifactStore, damage: str) -> None:
    artifact = store.put_bytes(b"0123456789", "file", ".bin")
    path = store.path(artifact)
    path.chmod(0o644)
    if damage == "truncate":
        os.truncate(path, 4)
    elif damage == "append":
        path.write_bytes(b"0123456789x")
    elif damage == "flip":
        path.write_bytes(b"0123456780")  # the same size: only the broken seal tells
    else:
        path.unlink()
    with pytest.raises(CorruptFile, match="missing or damaged"):
        store.path(artifact)
    assert not path.exists()
    assert store.put_bytes(b"0123456789", "file", ".bin") == artifact
    assert store.path(artifact).read_bytes() == b"0123456789"


def test_a_store_copied_without_times_still_works(store: ArtifactStore) -> None:
    artifact = store.put_bytes(b"0123456789", "file", ".bin")
    os.utime(store.path(artifact), (1, 1))
    assert store.has(artifact)
    assert store.path(artifact).stat().st_mtime == 315_532_800  # sealed again: the next look is cheap


def test_check_reads_every_byte(store: ArtifactStore) -> None:
    good = store.put_bytes(b"good", "file", ".bin")
    bad = store.put_bytes(b"evil", "file", ".bin")
    path = store.path(bad)
    seal = path.stat().st_mtime_ns
    path.chmod(0o644)
    path.write_bytes(b"live")
    os.utime(path, ns=(seal, seal))  # silent rot: size and seal are right
    assert store.has(bad)
    assert store.check() == [path]
    assert store.has(good)
    assert not store.has(bad)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_leaves_nothing_half_written(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    kept = store.put_bytes(b"kept", "file", ".bin")
    source = tmp_path / "big.bin"
    source.write_bytes(b"big")

    def full(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull) as caught:
        store.put_bytes(b"more", "file", ".bin")
    assert "full" in caught.value.message
    assert caught.value.hint
    with pytest.raises(DiskFull):
        store.put_file(source, "file")
    with pytest.raises(DiskFull):
        store.import_file(source, "file", max_bytes=100)
    assert _files(store.folder) == [store.path(kept)]


def test_another_io_error_is_not_called_a_full_disk(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="I/O error"):
        store.put_bytes(b"more", "file", ".bin")


def test_import_copies(store: ArtifactStore, tmp_path: Path) -> None:
    photo = tmp_path / "Photo.PNG"
    photo.write_bytes(b"pixels")
    artifact = store.import_file(photo, "image", max_bytes=100, facts={"width": 1})
    assert photo.exists()
    assert artifact.suffix == ".png"
    assert store.path(artifact).read_bytes() == b"pixels"
    strange = tmp_path / "archive.tar-2024_ø"
    strange.write_bytes(b"x")
    assert store.import_file(strange, "file", max_bytes=100).suffix == ".bin"


def test_import_refuses_what_cannot_be_used(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "large.png").write_bytes(b"x" * 101)
    os.mkfifo(tmp_path / "pipe.png")
    cases = {
        "missing.png": "does not exist",
        "empty.png": "is empty",
        "large.png": "larger than",
        "pipe.png": "is not a file",
        ".": "is not a file",
        "nul\0.png": "cannot be read",
        "x" * 5000: "cannot be read",
    }
    for name, words in cases.items():
        with pytest.raises(BadInput, match=words) as caught:
            store.import_file(tmp_path / name, "image", max_bytes=100)
        assert "\n" not in caught.value.message
        assert "\0" not in caught.value.message
    with pytest.raises(BadInput):
        store.import_file(Path("/dev/zero"), "image", max_bytes=100)
    assert not _files(store.folder)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_different_bytes_never_share_an_address(
    tmp_path_factory: pytest.TempPathFactory, one: bytes, two: bytes
) -> None:
    store = ArtifactStore(tmp_path_factory.getbasetemp() / "property-store")
    first, second = store.put_bytes(one, "file", ".bin"), store.put_bytes(two, "file", ".bin")
    assert (first.sha256 == second.sha256) == (one == two)
    assert store.path(first).read_bytes() == one
