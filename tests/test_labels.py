"""AI labels: written into each format, read back, and still there for independent readers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pikepdf
import pytest
import soundfile
from PIL import Image

from models.errors import CorruptFile, StepFailed
from pipelines.export.labels import AigcLabel, can_label, read_label, write_label

LABEL = AigcLabel(ContentProducer="00119144030011223344551ABCD", ProduceID="0f3c")


def make(path: Path) -> Path:
    match path.suffix:
        case ".png":
            Image.effect_noise((64, 48), 40).convert("RGB").save(path)
        case ".svg":
            path.write_text('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9"><g/></svg>')
        case ".pdf":
            pdf = pikepdf.new()
            pdf.add_blank_page()
            pdf.save(path)
        case ".wav":
            soundfile.write(path, np.zeros((4801, 1), np.float32), 48_000, subtype="PCM_16")
        case ".mp4":
            source = ["-f", "lavfi", "-i", "testsrc=s=64x64:d=0.4:r=10", "-f", "lavfi", "-i", "sine=d=0.4"]
            subprocess.run(
                [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, "-shortest", str(path)], check=True
            )
        case ".md":
            path.write_text("# 标题\n\n正文\n")
    return path


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".wav", ".mp4", ".md"])
def test_label_is_written_and_read_back(suffix: str, tmp_path: Path) -> None:
    source = make(tmp_path / f"source{suffix}")
    assert read_label(source) is None
    write_label(source, tmp_path / f"out{suffix}", LABEL)
    assert read_label(tmp_path / f"out{suffix}") == LABEL
    # Exactly one label: labelling again replaces it.
    if suffix in {".png", ".wav", ".pdf", ".mp4"}:
        other = LABEL.model_copy(update={"ProduceID": "second"})
        write_label(tmp_path / f"out{suffix}", tmp_path / f"again{suffix}", other)
        assert read_label(tmp_path / f"again{suffix}") == other
        assert b"0f3c" not in (tmp_path / f"again{suffix}").read_bytes()


def test_labelling_is_deterministic(tmp_path: Path) -> None:
    for suffix in (".png", ".pdf", ".wav", ".mp4"):
        source = make(tmp_path / f"s{suffix}")
        write_label(source, tmp_path / f"a{suffix}", LABEL)
        write_label(source, tmp_path / f"b{suffix}", LABEL)
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_the_work_itself_is_untouched(tmp_path: Path) -> None:
    png, wav, mp4 = (make(tmp_path / f"s{suffix}") for suffix in (".png", ".wav", ".mp4"))
    for path in (png, wav, mp4):
        write_label(path, tmp_path / f"out{path.suffix}", LABEL)
    assert (np.asarray(Image.open(png)) == np.asarray(Image.open(tmp_path / "out.png"))).all()
    assert (soundfile.read(wav)[0] == soundfile.read(tmp_path / "out.wav")[0]).all()
    moov, mdat = (tmp_path / "out.mp4").read_bytes().find(b"moov"), (tmp_path / "out.mp4").read_bytes().find(b"mdat")
    assert 0 < moov < mdat  # faststart survives


def test_pillow_and_xml_readers_see_the_png_label(tmp_path: Path) -> None:
    write_label(make(tmp_path / "s.png"), tmp_path / "o.png", LABEL)
    with Image.open(tmp_path / "o.png") as image:
        xmp = (
            image.info["xmp"].decode() if isinstance(image.info.get("xmp"), bytes) else image.info["XML:com.adobe.xmp"]
        )
    assert "trainedAlgorithmicMedia" in xmp or "compositeWithTrainedAlgorithmicMedia" in xmp
    assert json.loads(xmp.split("<TC260:AIGC>")[1].split("</TC260:AIGC>")[0])["Label"] == "1"


@pytest.mark.parametrize("bad", ["", "星野", "has space", 'quo"te', "back\\slash"])
def test_values_outside_printable_ascii_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="ContentProducer"):
        AigcLabel(ContentProducer=bad, ProduceID="x")


def test_formats_without_a_place_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.avi").write_bytes(b"RIFF")
    assert not can_label(".avi")
    with pytest.raises(StepFailed, match=r"\.avi"):
        write_label(tmp_path / "a.avi", tmp_path / "b.avi", LABEL)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".wav", ".mp4"])
def test_a_file_of_another_format_is_corrupt(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"not at all")
    with pytest.raises((CorruptFile, StepFailed)):
        write_label(path, tmp_path / f"y{suffix}", LABEL)
