"""The catalog: reading cards, choosing among them, saying why, and standing for a model in cache keys."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models import hardware
from models.card import Card
from models.cards import read_card
from models.catalog import Catalog
from models.errors import BadInput, ModelMissing, UnsupportedArgument
from models.settings import Settings

PRESENT = [{"kind": "builtin"}]
ABSENT = [{"kind": "hub", "repo": "org/model", "take": {"m.gguf": "m.gguf"}}]
FILES = [{"name": "m.gguf", "bytes": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]
NON_COMMERCIAL = {"id": "LicenseRef-CPML", "commercial_use": "no", "commercial_output": "no"}


def fields(card_id: str, rank: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": card_id,
        "task": "text",
        "adapter": "toy",
        "title": {"zh": card_id, "en": card_id},
        "sources": PRESENT,
        "licence": {"id": "MIT", "commercial_use": "yes"},
        "memory": {"resident": 100},
        "rank": rank,
        **more,
    }


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Catalog]:
    """A catalog of the given cards on a machine of 1000 MiB without a GPU."""
    monkeypatch.setattr(hardware, "gpu_mb", lambda: 0)

    def make(*cards: dict[str, Any], **settings: Any) -> Catalog:
        folder = tmp_path / "cards"
        folder.mkdir(exist_ok=True)
        for card in cards:
            (folder / f"{card['id']}.yaml").write_text(yaml.safe_dump(card, allow_unicode=True))
        known = {"home": tmp_path / "home", "cache": tmp_path / "cache", "memory_mb": 1000, **settings}
        return Catalog(Settings(**known), folders=[folder])

    return make


# Choosing


def test_the_highest_rank_that_can_run_is_chosen_and_the_rest_explained(shelf: Callable[..., Catalog]) -> None:
    catalog = shelf(
        fields("largest", 90, memory={"resident": 900, "working": 200}),
        fields("unset", 80, environment=["STUDIO_TOY_URL"]),
        fields("uninstalled", 70, requires=["no_such_module"]),
        fields("absent", 60, sources=ABSENT, files=FILES),
        fields("cloud", 55, needs=["network"]),
        fields("cuda", 50, needs=["cuda"], memory={"resident": 1, "gpu": 4000}),
        fields("slow", 45, chosen_on="gpu"),
        fields("named", 40, chosen_on="asked"),
        fields("forbidden", 35, licence=NON_COMMERCIAL),
        fields("english", 30, languages=["en"]),
        fields("good", 20, languages=["zh", "en"]),
        fields("worse", 10),
        fields("fake", 5, fake=True),
        offline=True,
    )
    choice = catalog.choose("text", language="zh")
    assert choice.card.id == "good"
    assert {item.card_id: item.why for item in choice.passed_over} == {
        "largest": "it needs 1100 MiB of memory, 1000 may be used",
        "unset": "STUDIO_TOY_URL is not set",
        "uninstalled": "the Python module 'no_such_module' is not installed",
        "absent": "its files are not on this machine",
        "cloud": "it needs the network, and offline mode is on",
        "cuda": "it needs a CUDA GPU with 4000 MiB, this machine has 0",
        "slow": "too slow without a GPU, used only when asked for by name",
        "named": "used only when asked for by name",
        "forbidden": "licence LicenseRef-CPML forbids commercial use, used only when asked for by name",
        "english": "does not speak 'zh' (it speaks en)",
    }
    assert "zh" in choice.reason


@given(
    ranks=st.lists(st.integers(-5, 100), min_size=1, max_size=6, unique=True),
    broken=st.sets(st.integers(0, 5)),
)
def test_no_better_card_that_can_run_is_ever_passed_over(
    tmp_path_factory: pytest.TempPathFactory, ranks: list[int], broken: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("cards")
    for number, rank in enumerate(ranks):
        more = {"requires": ["no_such_module"]} if number in broken else {}
        (folder / f"card-{number}.yaml").write_text(yaml.safe_dump(fields(f"card-{number}", rank, **more)))
    catalog = Catalog(Settings(home=folder, cache=folder, memory_mb=1000), folders=[folder])
    able = [(rank, number) for number, rank in enumerate(ranks) if number not in broken]
    if not able:
        with pytest.raises(ModelMissing):
            catalog.choose("text")
        return
    choice = catalog.choose("text")
    assert choice.card.id == f"card-{max(able)[1]}"
    assert {item.card_id for item in choice.passed_over} == {
        f"card-{number}" for number, rank in enumerate(ranks) if rank > max(able)[0]
    }


def test_a_gpu_changes_the_choice(shelf: Callable[..., Catalog], monkeypatch: pytest.MonkeyPatch) -> None:
    large = {"resident": 5000, "gpu": 6000}
    cards = [fields("big", 80, chosen_on="gpu", memory=large), fields("small", 10)]
    assert shelf(*cards).choose("text").card.id == "small"
    monkeypatch.setattr(hardware, "gpu_mb", lambda: 8000)
    assert shelf(*cards).choose("text").card.id == "big"
    monkeypatch.setattr(hardware, "gpu_mb", lambda: 4000)
    assert shelf(*cards).choose("text").card.id == "small"


def test_a_card_asked_for_by_name_is_taken_or_refused_never_replaced(shelf: Callable[..., Catalog]) -> None:
    catalog = shelf(
        fields("best", 90),
        fields("forbidden", 10, licence=NON_COMMERCIAL),
        fields("absent", 5, sources=ABSENT, files=FILES),
        fields("english", 5, languages=["en"]),
        fields("voice", 5, task="speech"),
    )
    choice = catalog.choose("text", override="forbidden")
    assert choice.card.id == "forbidden"
    assert "forbids commercial use" in choice.reason
    with pytest.raises(ModelMissing, match="absent is not ready") as missing:
        catalog.choose("text", override="absent")
    assert missing.value.hint == "studio models pull absent"
    with pytest.raises(UnsupportedArgument, match="does not speak 'zh'"):
        catalog.choose("text", override="english", language="zh")
    with pytest.raises(UnsupportedArgument, match="voice is for speech, not for text"):
        catalog.choose("text", override="voice")
    with pytest.raises(BadInput, match="no model card 'bset'") as unknown:
        catalog.choose("text", override="bset")
    assert "best" in unknown.value.hint


def test_fakes_are_chosen_when_switched_on_or_asked_for(shelf: Callable[..., Catalog]) -> None:
    cards = [fields("real", 50), fields("fake-text", -10, fake=True)]
    assert shelf(*cards).choose("text").card.id == "real"
    assert shelf(*cards).choose("text", override="fake-text").card.id == "fake-text"
    assert shelf(*cards, fakes=True).choose("text").card.id == "fake-text"


@pytest.mark.parametrize(
    ("card", "hint"),
    [
        (fields("absent", sources=ABSENT, files=FILES), "studio models pull absent"),
        (fields("module", requires=["no_such_module"]), "See `studio doctor`."),
        (fields("forbidden", licence=NON_COMMERCIAL), "See `studio doctor`."),
    ],
    ids=["files", "module", "licence"],
)
def test_when_nothing_runs_the_hint_says_what_to_do(
    shelf: Callable[..., Catalog], card: dict[str, Any], hint: str
) -> None:
    with pytest.raises(ModelMissing) as caught:
        shelf(card).choose("text")
    assert caught.value.hint == hint
    assert caught.value.exit_code == 3


def test_the_command_names_the_embedded_model_first(shelf: Callable[..., Catalog]) -> None:
    hub = fields("hub", 90, sources=ABSENT, files=FILES)
    embedded = fields("embedded", 10, sources=ABSENT, files=FILES, embedded=True)
    with pytest.raises(ModelMissing) as caught:
        shelf(hub, embedded).choose("text")
    assert caught.value.hint == "studio models pull embedded"


def test_a_server_on_this_machine_works_offline(shelf: Callable[..., Catalog], monkeypatch: pytest.MonkeyPatch) -> None:
    card = fields("server", needs=["network"], environment=["STUDIO_TOY_URL"])
    for url, runs in (("http://127.0.0.1:11434/v1", True), ("https://api.example.com/v1", False)):
        monkeypatch.setenv("STUDIO_TOY_URL", url)
        assert (shelf(card, offline=True).why_not(Card.model_validate(card)) is None) is runs


# State and identity


def test_states_by_names_and_sizes(shelf: Callable[..., Catalog]) -> None:
    two = [*FILES, {"name": "voices/v.json", "bytes": 2, "sha256": "0" * 64}]
    catalog = shelf(fields("model", sources=[{"kind": "hub", "repo": "org/model"}], files=two))
    card = catalog.get("model")
    folder = catalog.folder(card)
    assert catalog.state(card).status == "missing"
    folder.joinpath("voices").mkdir(parents=True)
    folder.joinpath("m.gguf").write_bytes(b"abc")
    state = catalog.state(card)
    assert (state.status, state.problems) == ("partial", ("voices/v.json is missing",))
    assert (state.bytes_here, state.bytes_total) == (3, 5)
    folder.joinpath("voices/v.json").write_bytes(b"{}{}")
    state = catalog.state(card)
    assert (state.status, state.problems) == ("corrupt", ("voices/v.json has 4 bytes instead of 2",))
    assert catalog.why_not(card) == state.problems[0]
    folder.joinpath("voices/v.json").write_bytes(b"{}")
    assert catalog.state(card).status == "present"


def test_a_users_folder_is_named_by_a_variable(
    shelf: Callable[..., Catalog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = fields("mine", sources=[{"kind": "folder", "env": "STUDIO_TOY_FOLDER"}], files=[{"name": "config.json"}])
    catalog = shelf(card)
    assert catalog.folder(catalog.get("mine")) == tmp_path / "cache/models/mine"
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("STUDIO_TOY_FOLDER", str(own))
    with pytest.raises(ModelMissing) as caught:
        catalog.choose("text", override="mine")
    assert str(own) in caught.value.hint
    own.joinpath("config.json").write_text("{}")
    assert catalog.choose("text", override="mine").card.id == "mine"
    before = catalog.digest(catalog.get("mine"))
    own.joinpath("model.bin").write_bytes(b"new weights")
    assert catalog.digest(catalog.get("mine")) != before


def test_the_digest_follows_everything_that_decides_the_output(
    shelf: Callable[..., Catalog], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = fields("model", sources=ABSENT, files=FILES, environment=["STUDIO_TOY_URL"])
    catalog = shelf(base)

    def digest(**more: Any) -> str:
        return catalog.digest(Card.model_validate(base | more))

    same = digest()
    assert digest(rank=99, title={"zh": "甲", "en": "a"}) == same
    other_file = [FILES[0] | {"sha256": "1" * 64}]
    changed = [digest(files=other_file), digest(version=2), digest(defaults={"steps": 4}), digest(adapter="other")]
    monkeypatch.setenv("STUDIO_TOY_URL", "http://localhost:1")
    changed.append(digest())
    assert len({same, *changed}) == 6
    assert all(len(value) == 64 for value in changed)


# Reading cards


@pytest.mark.parametrize(
    ("change", "telling"),
    [
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"task": "cooking"}, "task: Input should be"),
        ({"id": "Bad Id"}, "id: String should match"),
        ({"sources": []}, "sources: Tuple should have at least 1"),
        ({"title": {"en": "only English"}}, "give both zh and en"),
        ({"memory": {"resident": -1}}, r"memory\.resident: Input should be greater"),
        ({"files": [{"name": "../../evil"}]}, "not a path inside the card's folder"),
        ({"files": [{"name": "/etc/passwd"}]}, "not a path inside"),
        ({"files": [{"name": "a"}, {"name": "a"}]}, "listed twice"),
        ({"sources": ABSENT}, "taken but not listed"),
        ({"sources": [{"kind": "ftp"}]}, "kind"),
        ({"sources": [{"kind": "hub", "repo": "a/b", "allow": ["*.bin"]}]}, "can run code"),
        (
            {"sources": [{"kind": "hub", "repo": "a/b", "take": {"m.pt": "m.pt"}}], "files": [{"name": "m.pt"}]},
            "can run code",
        ),
        ({"licence": {"id": "MIT"}}, r"licence\.commercial_use: Field required"),
        ({"files": [{"name": "a", "sha256": "short"}]}, r"files\.0\.sha256: String should match"),
    ],
)
def test_a_wrong_card_names_file_and_field(shelf: Callable[..., Catalog], change: dict[str, Any], telling: str) -> None:
    catalog = shelf(fields("wrong") | change | ({} if "id" in change else {"id": "wrong"}))
    with pytest.raises(BadInput, match=telling) as caught:
        _ = catalog.cards
    assert ".yaml" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "telling"),
    [("id: [unclosed", "not valid YAML"), ("- a\n- list\n", "a mapping of fields"), ("", "a mapping of fields")],
)
def test_what_is_no_card_at_all(tmp_path: Path, text: str, telling: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=telling):
        read_card(path)


def test_a_card_cannot_run_code(tmp_path: Path) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text("id: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(BadInput, match="not valid YAML"):
        read_card(path)


def test_a_users_card_replaces_the_built_in_one(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, cache=tmp_path)
    built_in = Catalog(settings).get("fake-text")
    mine = tmp_path / "cards"
    mine.mkdir()
    (mine / "fake-text.yaml").write_text(yaml.safe_dump(fields("fake-text", 77)))
    (mine / "extra.yaml").write_text(yaml.safe_dump(fields("extra")))
    catalog = Catalog(settings)
    assert catalog.get("fake-text").rank == 77 != built_in.rank
    assert catalog.get("extra").id == "extra"
    assert catalog.get("kokoro-82m").task == "speech"


def test_two_files_of_one_folder_may_not_share_an_id(shelf: Callable[..., Catalog], tmp_path: Path) -> None:
    catalog = shelf(fields("same"))
    (tmp_path / "cards" / "zz.yaml").write_text(yaml.safe_dump(fields("same")))
    with pytest.raises(BadInput, match="used by another file"):
        catalog.get("same")


def test_an_unknown_task_names_the_tasks(shelf: Callable[..., Catalog]) -> None:
    with pytest.raises(BadInput) as caught:
        shelf(fields("any")).choose("cooking")
    assert "transcription" in caught.value.hint


def test_reading_and_choosing_import_no_runtime() -> None:
    code = (
        "import sys; from models.catalog import Catalog; from models.card import TASKS; c = Catalog()\n"
        "for task in TASKS:\n"
        "    for card in c.all(task): c.why_not(card); c.digest(card)\n"
        "heavy = {'torch', 'numpy', 'transformers', 'diffusers', 'onnxruntime', 'httpx', 'xllamacpp', 'TTS'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).parent.parent
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert answer.stdout.strip() == "[]"
