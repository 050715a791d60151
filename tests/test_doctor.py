"""The doctor's report: complete, honest, quick to give up on sources, silent offline."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from models import doctor, hardware
from models.card import TASKS
from models.catalog import Catalog
from models.doctor import DoctorReport, list_rows, report
from models.settings import Settings
from tests.support.registry import Site, serve


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache", offline=True)


def test_an_empty_machine_is_told_what_to_pull(empty: Settings) -> None:
    found = report(empty)
    tasks = {task.task: task for task in found.tasks}
    assert set(tasks) == set(TASKS)
    assert tasks["text"].card is None
    assert tasks["text"].hint == "studio models pull qwen2.5-coder-1.5b"
    assert dict(tasks["text"].passed_over)["qwen2.5-coder-1.5b"] == "its files are not on this machine"
    assert tasks["backdrop"].card == "backdrop-painter"
    assert not found.healthy
    assert found.disk.models == 0
    assert found.disk.lacking > 1_500_000_000
    assert found.disk.free > 0
    assert not empty.cache.exists(), "a look must not create anything"


def test_offline_no_source_is_asked(empty: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    def no_network(*args: object, **more: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(httpx, "head", no_network)
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    assert {source.kind: source.answers for source in report(empty).sources} == {
        "wheel": None,
        "npm": None,
        "hub": None,
        "modelscope": None,
    }


def test_sources_that_answer_fail_and_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(Site()) as site:
        site.failures["/bad"] = [503] * 3
        monkeypatch.setenv("PIP_INDEX_URL", f"{site.url}/simple")
        monkeypatch.delenv("PIP_NO_INDEX", raising=False)
        monkeypatch.setenv("npm_config_registry", "http://me:secret@127.0.0.1:9")
        settings = Settings(
            home=tmp_path, cache=tmp_path, hub_endpoint=f"{site.url}/bad", modelscope_endpoint="not an address"
        )
        found = {source.kind: source for source in report(settings).sources}
    assert found["wheel"].answers is True  # a 404 is an answer
    assert found["npm"].answers is False
    assert (found["hub"].answers, found["hub"].detail) == (False, "HTTP 503")
    assert found["modelscope"].answers is False
    assert "secret" not in found["npm"].model_dump_json()


def test_pip_confined_to_a_folder_is_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert doctor._probe_pip(Settings(home=tmp_path, cache=tmp_path)).answers is True
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "absent"))
    assert doctor._probe_pip(Settings(home=tmp_path, cache=tmp_path)).answers is False


def test_licences_that_bind_are_named(empty: Settings) -> None:
    licences = {item.card: item for item in report(empty).licences}
    assert licences["xtts-v2"].commercial_use == "no"
    assert "sd-1.5" in licences
    assert "kokoro-82m" not in licences
    assert not licences["openai-compatible"].here


def test_a_key_is_never_shown(empty: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_OPENAI_KEY", "sk-very-secret")
    monkeypatch.setenv("STUDIO_OPENAI_URL", "https://me:pass-word@api.example.com/v1")
    text = report(empty).model_dump_json()
    assert "sk-very-secret" not in text
    assert "pass-word" not in text
    assert dict(report(empty).settings)["STUDIO_OPENAI_KEY"] == "set"


def test_the_gpu_is_named_with_its_memory(empty: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA GeForce RTX 4090, Ti, 24564, 20000'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(hardware, "torch_has_cuda", lambda: True)
    hardware.gpus.cache_clear()
    try:
        machine = report(empty).machine
        assert [(gpu.name, gpu.total_mb, gpu.free_mb) for gpu in machine.gpus] == [
            ("NVIDIA GeForce RTX 4090, Ti", 24564, 20000)
        ]
        assert machine.gpu_usable
        text = {task.task: task for task in report(empty).tasks}["text"]
        assert dict(text.passed_over)["qwen2.5-7b-instruct"] == "its files are not on this machine"
        monkeypatch.setattr(hardware, "torch_has_cuda", lambda: False)
        assert not report(empty).machine.gpu_usable
        hardware.gpus.cache_clear()
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        assert report(empty).machine.gpus == ()
    finally:
        hardware.gpus.cache_clear()


def test_a_container_sees_its_own_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text("1073741824\n")
    (tmp_path / "memory.current").write_text("268435456\n")
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    monkeypatch.setattr(hardware, "CGROUP", tmp_path)
    total, available = hardware.memory_mb()
    assert total == 1024
    assert available <= 768
    assert hardware.cores() == 1
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert hardware.memory_mb()[0] > 1024


def test_rows_say_what_runs_and_why_not(empty: Settings) -> None:
    rows = {row.id: row for row in list_rows(Catalog(empty))}
    assert rows["backdrop-painter"].chosen
    assert not rows["backdrop-painter"].why_not
    assert rows["kokoro-82m"].status == "missing"
    assert rows["kokoro-82m"].why_not == "its files are not on this machine"
    assert rows["kokoro-82m"].bytes_total > 120_000_000
    assert not any(row.id.startswith("fake-") for row in rows.values())
    assert {row.task for row in list_rows(Catalog(empty), task="speech", fakes=True)} == {"speech"}


def test_the_report_survives_json(empty: Settings) -> None:
    found = report(empty)
    assert DoctorReport.model_validate_json(found.model_dump_json()) == found


def test_the_report_imports_no_runtime() -> None:
    code = (
        "import sys, os; os.environ['STUDIO_OFFLINE'] = '1'\n"
        "from models.doctor import report; report()\n"
        "print(sorted({'torch', 'transformers', 'onnxruntime', 'TTS'} & set(sys.modules)))"
    )
    root = Path(__file__).parent.parent
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert answer.stdout.strip() == "[]"
