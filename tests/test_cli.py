"""The command line: exit codes, one line of trouble, nothing heavy at start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from models.settings import ASSETS

FAST = ("--only", "copy")  # a campaign part that takes a second on the fakes


def studio(*arguments: str, stdin: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from studio.cli import main; main()", *arguments]
    merged = {**os.environ, "STUDIO_FAKES": "1", **env}
    return subprocess.run(command, env=merged, input=stdin, capture_output=True, text=True, check=False, timeout=240)


def brief(tmp_path: Path, **changes: object) -> Path:
    data = yaml.safe_load((ASSETS / "briefs" / "coffee.zh.yaml").read_text("utf-8")) | changes
    path = tmp_path / "brief.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    return path


def no_traceback(done: subprocess.CompletedProcess[str]) -> None:
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    assert "Warning" not in done.stderr, done.stderr


def test_a_brief_becomes_a_kit_and_json_says_so(tmp_path: Path) -> None:
    out = tmp_path / "kit"
    done = studio("make", "campaign", str(brief(tmp_path)), "--out", str(out), "--json", "--seed", "3", *FAST)
    no_traceback(done)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)  # one object and nothing else
    assert {"job", "state", "kit", "seconds", "steps", "model_calls", "files"} <= set(said)
    assert said["state"] == "done"
    assert said["steps"]["cached"] == 0
    assert said["model_calls"] > 0
    for item in said["files"]:
        assert set(item) == {"path", "kind", "sha256"}
        assert (out / item["path"]).is_file()
    again = json.loads(
        studio("make", "campaign", str(brief(tmp_path)), "--out", str(out), "--json", "--seed", "3", *FAST).stdout
    )
    assert again["steps"]["run"] == 0
    assert again["model_calls"] == 0
    assert again["files"] == said["files"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_example_runs_as_it_is(language: str, tmp_path: Path) -> None:
    example = studio("make", "campaign", "--example", "--lang", language)
    assert example.returncode == 0
    assert "#" in example.stdout  # commented
    done = studio("make", "campaign", "-", "--out", str(tmp_path / "kit"), "--quiet", *FAST, stdin=example.stdout)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "kit" / "index.html").is_file()


def test_the_schema_is_json_schema() -> None:
    schema = json.loads(studio("make", "campaign", "--schema").stdout)
    assert schema["type"] == "object"
    assert {"brand", "product", "audiences", "channels"} <= set(schema["properties"])


BAD = {
    "no brief": ((), "Which brief"),
    "no such brief": (("nope.yaml",), "nope.yaml"),
    "unknown part": (("BRIEF", "--only", "poster"), "--only"),
    "bad set": (("BRIEF", "--set", "price"), "--set"),
    "set of an unknown field": (("BRIEF", "--set", "produkt.price=1"), "produkt"),
    "set to a bad value": (("BRIEF", "--set", "video.seconds=abc"), "video.seconds"),
    "set into a list that is too short": (("BRIEF", "--set", "audiences.9=x"), "audiences.9"),
    "bad model": (("BRIEF", "--model", "text"), "--model"),
    "unknown model": (("BRIEF", "--model", "text=gpt-99"), "gpt-99"),
    "model of another task": (("BRIEF", "--model", "text=kokoro-82m"), "kokoro-82m"),
    "negative seed": (("BRIEF", "--seed", "-1"), "seed"),
    "unknown option": (("BRIEF", "--fast"), "--fast"),
    "out is a file": (("BRIEF", "--out", "BRIEF"), "--out"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_end_with_2_and_one_line(case: str, tmp_path: Path) -> None:
    arguments, named = BAD[case]
    path = str(brief(tmp_path))
    done = studio("make", "campaign", *(argument.replace("BRIEF", path) for argument in arguments))
    no_traceback(done)
    assert done.returncode == 2, done.stderr
    assert named in done.stderr
    assert list(tmp_path.iterdir()) in (
        [Path(path)],
        [Path(path), tmp_path / "studio-home"],
        [tmp_path / "studio-home", Path(path)],
    )


def test_a_bad_brief_names_every_field_in_its_language(tmp_path: Path) -> None:
    done = studio("make", "campaign", str(brief(tmp_path, audiences=[], channels=["nope"])))
    no_traceback(done)
    assert done.returncode == 2
    assert "audiences: 至少要有 1 项" in done.stderr
    assert "channels" in done.stderr


def test_unknown_recipe_and_command(tmp_path: Path) -> None:
    for arguments in (("make", "campain", "x.yaml"), ("mkae",), ("models", "pull", "nope"), ("jobs", "show", "nope")):
        done = studio(*arguments)
        no_traceback(done)
        assert done.returncode == 2, (arguments, done.stderr)


def test_a_missing_model_ends_with_3_and_the_command(tmp_path: Path) -> None:
    done = studio(
        "make",
        "campaign",
        str(brief(tmp_path)),
        STUDIO_FAKES="0",
        STUDIO_CACHE=str(tmp_path / "none"),
        STUDIO_OFFLINE="1",
    )
    no_traceback(done)
    assert done.returncode == 3
    assert "studio models pull qwen2.5-coder-1.5b" in done.stderr
    assert not (tmp_path / "kits").exists()


def test_a_relative_photo_lies_beside_the_brief_and_set_paths_beside_me(tmp_path: Path) -> None:
    (tmp_path / "briefs").mkdir()
    photo = (ASSETS / "briefs" / "photos" / "coffee.png").read_bytes()
    (tmp_path / "briefs" / "mine.png").write_bytes(photo)
    (tmp_path / "other.png").write_bytes(photo)
    product = {"name": "冷萃咖啡", "photo": "mine.png", "facts": ["0糖0脂"]}
    path = brief(tmp_path / "briefs", product=product)
    assert studio("plan", "campaign", str(path)).returncode == 0
    assert studio("plan", "campaign", str(path), "--set", "product.photo=../other.png").returncode == 2  # not from here
    assert studio("plan", "campaign", str(path), "--set", f"product.photo={tmp_path / 'other.png'}").returncode == 0


def test_a_plan_is_json_and_can_be_drawn(tmp_path: Path) -> None:
    plan = json.loads(studio("plan", "campaign", str(brief(tmp_path))).stdout)
    assert plan["recipe"] == "campaign"
    assert {"write_copy", "lay_out", "speak", "cut"} <= {step["step"] for step in plan["steps"]}
    drawn = studio("plan", "campaign", str(brief(tmp_path)), "--mermaid").stdout
    assert drawn.startswith("flowchart")


def test_recipes_models_and_doctor_answer() -> None:
    assert "campaign" in studio("recipes").stdout
    assert "kokoro-82m" in studio("models", "list").stdout
    doctor = studio("doctor", "--json", STUDIO_OFFLINE="1")
    assert json.loads(doctor.stdout)["tasks"]


def test_nothing_heavy_is_imported_at_start() -> None:
    heavy = [
        "torch",
        "diffusers",
        "transformers",
        "open_clip",
        "TTS",
        "cv2",
        "moviepy",
        "gradio",
        "onnxruntime",
        "numpy",
    ]
    probe = f"import sys, studio.cli, pipelines.engine.engine; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
