"""Values that several steps share: brand, product, palette, channels, label.

Design:
- These are the brief's words in the form the steps want them; a step's request takes only those it uses, so
  that its cache key does not change with the rest.
- A channel is data: a size and what its audience's screen cuts off.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Language = Literal["zh", "en"]


class Value(BaseModel):
    """Base of the shared values: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Brand(Value):
    name: str
    colours: tuple[Colour, ...] = ()
    voice_rules: tuple[str, ...] = ()


class Product(Value):
    """What is sold. `facts`, `price` and `offer` are quoted as they are, never rewritten."""

    name: str
    facts: tuple[str, ...] = ()
    price: str = ""
    offer: str = ""
    url: str = ""


class Palette(Value):
    """Colours of one art direction. Text pairs (ink on background, on_accent on accent) have contrast >= 4.5:1."""

    background: Colour
    surface: Colour
    ink: Colour
    muted: Colour
    accent: Colour
    on_accent: Colour
    swatches: tuple[Colour, ...] = ()  # from brand and photo, most important first
    dark: bool = False


class Label(Value):
    """The visible AI label of a work. `text` is set in the reading language; empty = no visible label."""

    text: str = ""
    position: Literal["bottom_right", "bottom_left", "top_right", "top_left"] = "bottom_right"
    min_fraction: float = 0.05  # height of the rendered text as a fraction of the shortest side


LABEL_TEXT: dict[str, str] = {"zh": "AI生成", "en": "AI-generated"}


class Channel(Value):
    """Where a poster is shown. Sizes in pixels; `safe` is the margin kept free, as a fraction of the shortest side."""

    id: str
    width: int
    height: int
    title: dict[str, str]
    safe: float = 0.05
    headline_max: int = 0  # characters; 0 = no limit of its own
    body_max: int = 1000  # characters of body text

    @property
    def ratio(self) -> Literal["portrait", "square", "landscape"]:
        if abs(self.width - self.height) * 10 <= min(self.width, self.height):
            return "square"
        return "portrait" if self.height > self.width else "landscape"


def _channel(id: str, width: int, height: int, zh: str, en: str, **more: int) -> Channel:
    return Channel(id=id, width=width, height=height, title={"zh": zh, "en": en}, **more)  # type: ignore[arg-type]


CHANNELS: dict[str, Channel] = {
    channel.id: channel
    for channel in (
        _channel("xiaohongshu", 1080, 1440, "小红书", "Xiaohongshu", headline_max=20),
        _channel("wechat_moments", 1080, 1080, "朋友圈", "WeChat Moments", body_max=1500),
        _channel("wechat_cover", 1800, 766, "公众号封面", "WeChat article cover"),
        _channel("douyin_cover", 1080, 1920, "抖音封面", "Douyin cover", headline_max=30),
        _channel("weibo", 1080, 1350, "微博", "Weibo", body_max=2000),
        _channel("landscape_banner", 1920, 1080, "横版海报", "Landscape banner"),
        _channel("instagram_post", 1080, 1350, "Instagram 帖子", "Instagram post", body_max=2200),
        _channel("instagram_story", 1080, 1920, "Instagram 快拍", "Instagram story"),
        _channel("facebook_post", 1200, 1200, "Facebook 帖子", "Facebook post"),
        _channel("linkedin_post", 1200, 1200, "领英帖子", "LinkedIn post"),
        _channel("x_post", 1600, 900, "X 帖子", "X post", body_max=280),
        _channel("web_banner", 1600, 640, "网页横幅", "Web banner"),
    )
}
