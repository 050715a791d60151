"""Bad briefs: each ends with exit code 2 and one line that names the field, never a traceback."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from models.settings import ASSETS
from pipelines.recipes.fields import BadBrief, parse_brief, validate_brief
from pipelines.recipes.marketing.brief import CampaignBrief
from pipelines.recipes.marketing.campaign import recipe
from pipelines.recipes.pictures import check_picture

GOOD = yaml.safe_load((ASSETS / "briefs" / "coffee.zh.yaml").read_text("utf-8"))


def changed(path: str, value: Any) -> dict[str, Any]:
    data = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    target = data
    for part in parents:
        target = target[part]
    target[last] = value
    return data


def without(path: str) -> dict[str, Any]:
    data = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    target = data
    for part in parents:
        target = target[part]
    del target[last]
    return data


BAD_FIELDS = {
    "missing brand": (without("brand"), "brand"),
    "missing language": (without("language"), "language"),
    "missing product name": (without("product.name"), "product.name"),
    "missing call to action": (without("call_to_action"), "call_to_action"),
    "no facts": (changed("product.facts", []), "product.facts"),
    "seven facts": (changed("product.facts", [f"卖点{i}" for i in range(7)]), "product.facts"),
    "same fact twice": (changed("product.facts", ["0糖", "0糖"]), "product.facts"),
    "fact is a number": (changed("product.facts", ["0糖", 5]), "product.facts[1]"),
    "price is a number": (changed("product.price", 9.9), "product.price"),
    "unknown language": (changed("language", "fr"), "language"),
    "unknown field": ({**GOOD, "audience": ["a"]}, "audience"),
    "unknown nested field": (changed("brand.color", ["#000000"]), "brand.color"),
    "unknown channel": (changed("channels", ["tiktak"]), "channels"),
    "channels a text": (changed("channels", "xiaohongshu"), "channels"),
    "bad colour": (changed("brand.colours", ["#12345"]), "brand.colours[0]"),
    "colour by name": (changed("brand.colours", ["red"]), "brand.colours[0]"),
    "empty name": (changed("brand.name", "   "), "brand.name"),
    "huge text": (changed("product.name", "咖" * 5000), "product.name"),
    "emoji": (changed("product.name", "咖啡☕️🔥"), "product.name"),
    "right to left": (changed("brand.name", "قهوة"), "brand.name"),
    "direction override": (changed("brand.name", "abc\u202edef"), "brand.name"),
    "NUL in text": (changed("tone", "a\x00b"), "tone"),
    "two lines": (changed("call_to_action", "立即\n尝鲜"), "call_to_action"),
    "video too short": (changed("video.seconds", 2), "video.seconds"),
    "video too long": (changed("video.seconds", 3600), "video.seconds"),
    "seconds not whole": (changed("video.seconds", 15.5), "video.seconds"),
    "speed not finite": (changed("video", {**GOOD["video"], "speed": float("nan")}), "video.speed"),
    "unknown aspect": (changed("video.aspect", "3:7"), "video.aspect"),
    "unknown music": (changed("video.music", "polka"), "video.music"),
    "voice with a path": (changed("video.voice", "../../etc/passwd"), "video.voice"),
    "forbidden word in a fact": (changed("forbidden", ["速溶"]), "product.facts[1]"),
    "url of a file": (changed("product.url", "file:///etc/passwd"), "product.url"),
    "brand a list": (changed("brand", ["星野"]), "brand"),
    "audiences twice": (changed("audiences", ["上班族", "上班族"]), "audiences"),
    "path outside": (changed("product.photo", "../../../../../../etc/passwd"), "product.photo"),
    "absolute path outside": (changed("product.photo", "/etc/passwd"), "product.photo"),
    "no such file": (changed("product.photo", "no-such.png"), "product.photo"),
    "NUL in path": (changed("product.photo", "a\x00.png"), "product.photo"),
    "path of 5000 characters": (changed("product.photo", "a" * 5000), "product.photo"),
    "unknown sample": (changed("product.photo", "sample:tea"), "product.photo"),
    "photo a number": (changed("product.photo", 7), "product.photo"),
}


@pytest.mark.parametrize("case", BAD_FIELDS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_field_is_named_in_one_line(case: str, language: str, tmp_path: Path) -> None:
    data, field = BAD_FIELDS[case]
    with pytest.raises(BadBrief) as caught:
        validate_brief(CampaignBrief, data, base=tmp_path)
    assert field in [problem.field for problem in caught.value.problems]
    for problem in caught.value.problems:
        assert "\n" not in problem.line(language)
        assert "Traceback" not in problem.line(language)
        assert len(problem.line(language)) < 400
    assert caught.value.exit_code == 2


BAD_TEXTS = {
    "empty": b"",
    "only a comment": b"# nothing\n",
    "a list": b"- a\n- b\n",
    "a plain text": b"hello",
    "broken yaml": b"brand: {name: x",
    "tab indent": b"brand:\n\tname: x",
    "not utf-8": "brand: 星野".encode("gb18030"),
    "NUL bytes": b"brand: \x00",
    "alias bomb": b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]",
    "python object": b"brand: !!python/object/apply:os.system ['true']",
    "a field twice": b"language: zh\nlanguage: en",
    "too large": b"brand: " + b"x" * 300_000,
    "nested too deeply": b"a: " + b"[" * 20_000,
    "a list as a key": b"? [1, 2]\n: 3",
}


@pytest.mark.parametrize("case", BAD_TEXTS)
def test_a_text_that_is_no_brief_is_one_line(case: str) -> None:
    with pytest.raises(BadBrief) as caught:
        parse_brief(BAD_TEXTS[case])
    assert caught.value.problems[0].field == "brief"
    assert "\n" not in caught.value.message


def picture(path: Path, size: tuple[int, int]) -> Path:
    Image.new("RGB", size, "#884422").save(path)
    return path


def test_pictures_that_cannot_be_used_name_the_field(tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.png"
    whole = (ASSETS / "briefs" / "photos" / "coffee.png").read_bytes()
    truncated.write_bytes(whole[: len(whole) // 2])
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    empty = tmp_path / "empty.png"
    empty.touch()
    bad = [
        text,
        empty,
        truncated,
        picture(tmp_path / "one.png", (1, 1)),
        picture(tmp_path / "wide.png", (12_000, 80)),
        picture(tmp_path / "large.png", (12_000, 4_000)),
        picture(tmp_path / "narrow.png", (64, 900)),
    ]
    for path in bad:
        with pytest.raises(BadBrief) as caught:
            check_picture(path, field="product.photo")
        assert caught.value.message.startswith("product.photo: ")
        assert "\n" not in caught.value.message


def test_a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "briefs"
    inside.mkdir()
    picture(tmp_path / "secret.png", (100, 100))
    (inside / "photo.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(BadBrief, match=r"product\.photo"):
        validate_brief(CampaignBrief, changed("product.photo", "photo.png"), base=inside)


def test_the_good_briefs_are_good(tmp_path: Path) -> None:
    for path in recipe.samples().values():
        brief = validate_brief(CampaignBrief, parse_brief(path.read_bytes()), base=path.parent)
        assert check_picture(Path(brief.product.photo), field="product.photo")[0] >= 400


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    data = changed("video.seconds", 2)
    data["brand"] = {"name": ""}
    data["extra"] = 1
    with pytest.raises(BadBrief) as caught:
        validate_brief(CampaignBrief, data, base=tmp_path)
    assert {"video.seconds", "brand.name", "extra"} <= {problem.field for problem in caught.value.problems}
