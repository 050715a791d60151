"""The copy steps on the fake model: sound documents, same bytes, rewriting, honest flags, cancel, deck and report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.control import Control
from models.errors import Cancelled
from models.text.base import TextRequest, TextResult
from models.text.fake import FakeText
from pipelines.engine.artifacts import Artifact
from pipelines.steps.vocabulary import Brand, Product
from pipelines.steps.write_copy import check_copy, deck, write_copy
from pipelines.steps.write_copy.document import AudienceCopy
from pipelines.steps.write_copy.steps import CheckCopyRequest, DeckRequest, WriteCopyRequest
from tests.support.context import MemoryContext

ZH: dict[str, Any] = {
    "language": "zh",
    "brand": Brand(name="星野", voice_rules=("不用感叹号堆砌",)),
    "product": Product(
        name="冷萃咖啡", facts=("0糖0脂", "30秒速溶", "低温慢萃12小时"), price="¥9.9", offer="首单立减5元"
    ),
    "tone": "清爽自信",
    "forbidden": ("最好", "第一"),
    "channels": ("xiaohongshu", "wechat_moments"),
    "script_seconds": 12.8,
}
EN: dict[str, Any] = {
    "language": "en",
    "brand": Brand(name="Pawly"),
    "product": Product(
        name="Pawly pet care app",
        facts=("vet answers in 5 minutes", "feeding reminders", "one plan for 3 pets"),
        price="$4.99/month",
        offer="first month free",
    ),
    "tone": "warm",
    "channels": ("instagram_post", "x_post"),
    "script_seconds": 12.8,
}
SETS = [(ZH, ("上班族", "大学生", "健身人群")), (EN, ("Busy professionals", "New pet owners", "Stamp collectors"))]


def make(folder: Path, base: dict[str, Any], audiences: tuple[str, ...], model: Any = None, seed: int = 1) -> Any:
    context = MemoryContext(folder, models={"text": model or FakeText()})
    copies: list[Artifact] = []
    for index, audience in enumerate(audiences):
        request = WriteCopyRequest(**base, audience=audience, seed=seed + index, earlier=tuple(copies))
        copies.append(write_copy(request, context)["copy"])  # type: ignore[index]
    return context, copies


def documents(context: MemoryContext, copies: list[Artifact]) -> list[AudienceCopy]:
    return [AudienceCopy.model_validate(context.read_json(artifact)) for artifact in copies]


@pytest.mark.parametrize(("base", "audiences"), SETS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_audience_gets_sound_copy(
    tmp_path: Path, base: dict[str, Any], audiences: tuple[str, ...], seed: int
) -> None:
    context, copies = make(tmp_path, base, audiences, seed=seed)
    found = documents(context, copies)
    assert [copy.state for copy in found] == ["ok"] * len(audiences), [copy.flags for copy in found]
    for copy in found:
        assert all(fact in copy.body for fact in base["product"].facts)
        said = copy.body + " ".join(copy.script)
        assert base["product"].price in said
        assert base["product"].offer in said
        assert 3 <= len(copy.script) <= 6
        assert 3 <= len(copy.hashtags) <= 6
    assert len({copy.headline for copy in found}) == len(found)
    assert len({copy.body for copy in found}) == len(found)


def test_fields_are_told_as_they_land(tmp_path: Path) -> None:
    context, _ = make(tmp_path, ZH, ("上班族",))
    assert [event["field"] for event in context.events] == ["headline", "subhead", "body", "script", "hashtags"]
    assert all(event["audience"] == "上班族" and event["text"] for event in context.events)
    assert context.leases == ["text"]
    assert context.progress[-1][0] == 1.0


def test_same_request_same_bytes_other_seed_other_copy(tmp_path: Path) -> None:
    _, one = make(tmp_path / "a", ZH, ("上班族",))
    _, two = make(tmp_path / "b", ZH, ("上班族",))
    _, other = make(tmp_path / "c", ZH, ("上班族",), seed=9)
    assert one[0].sha256 == two[0].sha256
    assert one[0].sha256 != other[0].sha256


class Stubborn(FakeText):
    """Answers every job with the same line, and remembers what it was asked."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self._line = line

    def generate(self, request: TextRequest, *, control: Control | None = None) -> TextResult:
        self.requests.append(request)
        return TextResult(json.dumps(self._line), "stop", 1, 1, -0.1, self.card_id)


def test_a_model_that_writes_only_rubbish_still_gives_sound_copy(tmp_path: Path) -> None:
    context, copies = make(tmp_path, ZH, ("上班族", "大学生"), Stubborn("最好的3杯Latte！"))
    for copy, artifact in zip(documents(context, copies), copies, strict=True):
        assert copy.state == "ok"
        assert artifact.facts["written_by_model"] == []
        assert "Latte" not in copy.model_dump_json()


def test_when_nothing_is_sound_it_is_asked_again_with_the_complaint_and_flagged(tmp_path: Path) -> None:
    # Every line of the bank for office workers has at least one of these in it.
    base = {**ZH, "forbidden": ("，",)}
    model = Stubborn("最好的一杯，现在就来。")
    context, copies = make(tmp_path, base, ("上班族",), model)
    copy = documents(context, copies)[0]
    assert copy.state == "needs_review"
    assert copy.attempts == 4
    assert "headline" in {flag.field for flag in copy.flags}
    assert all(flag.reason["zh"] and flag.reason["en"] for flag in copy.flags)
    asked_again = [request for request in model.requests if "禁用词" in request.messages[-1].content]
    assert asked_again
    assert copy.headline
    assert copy.body


def test_text_of_the_brief_is_never_a_pattern(tmp_path: Path) -> None:
    product = Product(name="(a+)+$ {price}", facts=("50% {offer} \\1", "[x]{9}"), price="$1", offer="a|b")
    context, copies = make(tmp_path, {**EN, "product": product}, ("New pet owners",))
    copy = documents(context, copies)[0]
    assert "50% {offer} \\1" in copy.body
    assert "[x]{9}" in copy.body


@pytest.mark.parametrize(
    "product",
    [
        Product(name="冷萃咖啡"),
        Product(name="冷萃咖啡", price="¥9.9"),
        Product(name="冷萃咖啡", offer="首单立减5元"),
        Product(name="陨石切片", facts=("来自戈壁",)),
    ],
)
def test_little_in_the_brief_is_enough(tmp_path: Path, product: Product) -> None:
    context, copies = make(tmp_path, {**ZH, "product": product}, ("集邮爱好者",))
    copy = documents(context, copies)[0]
    assert copy.headline
    assert copy.subhead
    assert copy.body
    assert len(copy.script) >= 2


def test_cancel_stops_the_writing(tmp_path: Path) -> None:
    context = MemoryContext(tmp_path, models={"text": FakeText()}, cancel_after=1)
    with pytest.raises(Cancelled):
        write_copy(WriteCopyRequest(**ZH, audience="上班族"), context)


def test_the_deck_has_everything_a_person_needs(tmp_path: Path) -> None:
    context, copies = make(tmp_path, ZH, ("上班族",))
    request = DeckRequest(
        audience_copy=copies[0],
        brand=ZH["brand"],
        product=ZH["product"],
        call_to_action="立即尝鲜",
        channels=ZH["channels"],
        language="zh",
    )
    made = deck(request, context)
    text = context.path(made["markdown"]).read_text(encoding="utf-8")  # type: ignore[index]
    copy = documents(context, copies)[0]
    for part in (copy.headline, copy.subhead, copy.body, *copy.script, "¥9.9", "首单立减5元", "立即尝鲜", "小红书"):
        assert part in text
    content = context.read_json(made["document"])  # type: ignore[index]
    assert content["call_to_action"] == "立即尝鲜"
    assert content["channels"][0]["headline"] == {"characters": len(copy.headline), "limit": 20}


def test_markup_in_a_brief_stays_text_in_the_deck(tmp_path: Path) -> None:
    product = Product(name="<b>*x*</b>", facts=("# big | [a](b)",))
    context, copies = make(tmp_path, {**EN, "product": product}, ("New pet owners",))
    request = DeckRequest(audience_copy=copies[0], brand=EN["brand"], product=product, language="en")
    text = context.path(deck(request, context)["markdown"]).read_text(encoding="utf-8")  # type: ignore[index]
    assert "\\<b\\>\\*x\\*\\</b\\>" in text
    assert "- \\# big \\| \\[a\\](b)" in text


def test_the_report_judges_every_field_and_compares_audiences(tmp_path: Path) -> None:
    context, copies = make(tmp_path, ZH, ("上班族", "大学生"))
    bad = documents(context, copies)[1].model_copy(update={"headline": "最好的一杯，就在今天"})
    request = CheckCopyRequest(
        copies=(copies[0], context.put_json(bad)), brand=ZH["brand"], product=ZH["product"], language="zh"
    )
    report = context.read_json(check_copy(request, context)["report"])  # type: ignore[index]
    assert report["state"] == "needs_review"
    first, second = report["audiences"]
    assert {field["verdict"] for field in first["fields"].values()} == {"ok"}
    assert second["fields"]["headline"]["verdict"] == "needs_review"
    assert "最好" in second["fields"]["headline"]["reasons"][0]["zh"]
    assert report["likeness"][0]["audiences"] == ["上班族", "大学生"]
    assert report["likeness"][0]["body"] < 0.3
