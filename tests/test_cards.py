"""The built-in cards: complete, exact, honest about licences; the table of the documentation is theirs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from models.card import TASKS, Card, HubSource, NpmSource, WheelSource
from models.cards import CARDS
from models.catalog import Catalog, markdown_table
from models.pool import adapters
from models.settings import Settings

ROOT = Path(__file__).parent.parent
CATALOG = Catalog(Settings(home=Path(), cache=Path()), folders=[CARDS])
ALL = [pytest.param(card, id=card.id) for card in CATALOG.all()]


def test_every_task_has_a_fake_and_all_but_pictures_an_embedded_model() -> None:
    for task in TASKS:
        cards = CATALOG.all(task)
        assert [card.id for card in cards if card.fake] == [f"fake-{task}"]
        assert any(card.embedded for card in cards) or task == "image"


def test_the_default_of_each_task_is_its_best_embedded_card() -> None:
    best = {task: next((card.id for card in CATALOG.all(task) if card.embedded), None) for task in TASKS}
    assert best == {
        "text": "qwen2.5-coder-1.5b",
        "image": None,
        "backdrop": "backdrop-painter",
        "matting": "u2netp-modnet",
        "upscaling": "realesrgan",
        "speech": "kokoro-82m",
        "transcription": "whisper-base",
    }


@pytest.mark.parametrize("card", ALL)
def test_a_card_stands_in_the_file_of_its_name(card: Card) -> None:
    assert (CARDS / f"{card.id}.yaml").is_file()


@pytest.mark.parametrize("card", ALL)
def test_an_adapter_of_that_name_is_installed(card: Card) -> None:
    assert card.adapter in adapters()


@pytest.mark.parametrize("card", ALL)
def test_embedded_files_have_sizes_and_digests_and_a_source_that_makes_them(card: Card) -> None:
    if not card.embedded:
        return
    assert all(file.sha256 and file.bytes for file in card.files)
    offered = [name for source in card.sources for name in getattr(source, "take", {})]
    for file in card.files:
        assert any(file.name == name or (name.endswith("/") and file.name.startswith(name)) for name in offered)


@pytest.mark.parametrize("card", ALL)
def test_sources_are_pinned(card: Card) -> None:
    for source in card.sources:
        if isinstance(source, WheelSource):
            assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+", package) for package in source.packages)
        elif isinstance(source, NpmSource):
            assert re.fullmatch(r"[a-z0-9@/-]+@[0-9.]+", source.package)
        elif isinstance(source, HubSource) and source.kind == "hub":
            assert re.fullmatch(r"[0-9a-f]{40}", source.revision)


@pytest.mark.parametrize("card", ALL)
def test_a_person_is_told_what_it_is_in_both_languages(card: Card) -> None:
    assert re.search(r"[\u4e00-\u9fff]|Stable Diffusion", card.title["zh"])
    assert card.fake or set(card.summary) == {"zh", "en"}
    assert card.fake or card.licence.url or card.licence.id.startswith("LicenseRef-") or card.licence.note


@pytest.mark.parametrize("card", ALL)
def test_what_runs_by_default_may_be_used_commercially(card: Card) -> None:
    if card.embedded:
        assert (card.licence.commercial_use, card.licence.commercial_output) == ("yes", "yes")
    if card.non_commercial:
        assert card.chosen_on == "asked"
        assert card.licence.note


def test_xtts_is_forbidden_to_commerce_and_never_chosen() -> None:
    card = CATALOG.get("xtts-v2")
    assert card.non_commercial
    assert "forbids commercial use" in str(CATALOG.why_not(card))


def test_the_mandarin_voices_are_there() -> None:
    names = {file.name for file in CATALOG.get("kokoro-82m").files}
    assert len([name for name in names if name.startswith("voices/")]) == 54
    assert {f"voices/{v}.bin" for v in ("zf_xiaobei", "zf_xiaoxiao", "zm_yunjian", "zm_yunyang")} <= names


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_table_of_the_documentation_is_the_cards(language: str) -> None:
    assert markdown_table(language) in (ROOT / "docs" / "models.md").read_text(encoding="utf-8")


def test_the_examples_of_the_documentation_are_cards() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert [Card.model_validate(yaml.safe_load(example)).id for example in examples] == ["my-writer", "ljspeech-vits"]


@pytest.mark.acceptance
@pytest.mark.parametrize("card", [param for param in ALL if param.values[0].embedded])  # type: ignore[attr-defined]
def test_the_files_of_this_machine_are_the_cards(card: Card) -> None:
    from models.sources.local import check

    assert check(card, Catalog()).problems == ()
