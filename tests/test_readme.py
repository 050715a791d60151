"""The READMEs say what is true: their commands run, their briefs are good, their tables are the cards."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from models.catalog import markdown_table
from pipelines.recipes.fields import parse_brief, validate_brief
from pipelines.recipes.marketing.brief import CampaignBrief
from studio.cli import COMMANDS
from studio.cli import studio as cli

ROOT = Path(__file__).resolve().parent.parent
READMES = {"README.md": "en", "README.zh-CN.md": "zh"}
SLOW = {("models", "pull")}  # needs a hub
NEEDS = {"--model"}  # needs a model that is not embedded


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)


def commands(name: str) -> list[str]:
    lines = "\n".join(blocks(name, "bash")).splitlines()
    return [line.partition("  #")[0].strip() for line in lines if line.startswith("studio ")]


@pytest.mark.acceptance
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", READMES)
def test_the_commands_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tour, as written, on the fakes; files appear where the text says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIO_FAKES", "1")
    ran = 0
    for line in commands(name):
        arguments, _, target = line.partition(" > ")
        words = shlex.split(arguments)[1:]
        if tuple(words[:2]) in SLOW or NEEDS & set(words):
            continue
        result = CliRunner().invoke(cli, words, standalone_mode=False)
        assert result.exception is None, f"{line}\n{result.output}\n{result.exception!r}"
        if target:
            (tmp_path / target.strip()).write_text(result.stdout, "utf-8")
        ran += 1
    assert ran >= 6
    for path in ("index.html", "kit.json", "copy", "posters", "voice", "video"):
        assert (tmp_path / "my-kit" / path).exists()


@pytest.mark.parametrize("name", READMES)
def test_the_commands_that_are_not_run_exist(name: str) -> None:
    for line in commands(name):
        words = shlex.split(line.partition(" > ")[0])[1:]
        assert words[0] in COMMANDS
        options = [word for word in words if word.startswith("--")]
        group = [words[0]] + ([words[1]] if words[0] in {"models", "jobs"} else [])
        text = CliRunner().invoke(cli, [*group, "--help"]).output
        assert all(option in text for option in options), line


@pytest.mark.parametrize("name", READMES)
def test_the_briefs_are_good(name: str, tmp_path: Path) -> None:
    (text,) = blocks(name, "yaml")
    assert validate_brief(CampaignBrief, parse_brief(text), base=tmp_path).language == READMES[name]


@pytest.mark.parametrize("name", READMES)
def test_make_targets_exist(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"^make ([a-z-]+)", "\n".join(blocks(name, "bash")), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("name", READMES)
def test_the_table_of_models_is_the_cards(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    table = text.split("<!-- models -->\n")[1].split("<!-- /models -->")[0]
    assert table == markdown_table(READMES[name])


@pytest.mark.parametrize("path", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "THIRD_PARTY.md", "docs"])
def test_links_lead_somewhere(path: str) -> None:
    files = sorted((ROOT / path).rglob("*.md")) if (ROOT / path).is_dir() else [ROOT / path]
    for file in files:
        for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text("utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"
