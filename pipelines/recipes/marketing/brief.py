"""The campaign brief: what a marketer asks for.

Design:
- Every field has bounds that the templates, voices and channels can keep; beyond them the brief is refused with
  the field named, never trimmed.
- Facts, price, offer and call to action are the person's own words and reach every work unchanged.
- Files are given relative to the brief; `sample:coffee` and its like are the bundled photographs.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pipelines.recipes.fields import BriefPart, file_field, http_url, line, unique
from pipelines.steps.vocabulary import CHANNELS, Colour

Mood = Literal["calm", "upbeat", "warm", "tech", "festive", "epic", "confident", "none"]
Aspect = Literal["9:16", "16:9", "1:1", "4:5"]
FilePath = Annotated[str, Field(max_length=1000, strict=True)]

VIDEO_SIZES: dict[str, tuple[int, int]] = {
    "9:16": (1080, 1920),
    "16:9": (1920, 1080),
    "1:1": (1080, 1080),
    "4:5": (1080, 1350),
}  # px


def _none_is_empty(value: object) -> object:
    return "" if value is None else value


class BrandBrief(BriefPart):
    """Who speaks."""

    name: line(24) = Field(description="Brand name as printed")  # type: ignore[valid-type]
    colours: tuple[Colour, ...] = Field((), max_length=6, description="Brand colours #rrggbb, most important first")
    logo: FilePath = Field("", description="Logo file (PNG, WebP or JPEG), relative to the brief")
    voice_rules: tuple[line(60), ...] = Field((), max_length=8, description="House rules for the copy")  # type: ignore[valid-type]

    _logo = field_validator("logo", mode="before")(_none_is_empty)
    _logo_path = field_validator("logo", mode="after")(file_field)


class ProductBrief(BriefPart):
    """What is sold."""

    name: line(40) = Field(description="Product name")  # type: ignore[valid-type]
    photo: FilePath = Field("", description="Photograph (PNG, JPEG, WebP), relative to the brief, or sample:coffee")
    facts: Annotated[tuple[line(40), ...], AfterValidator(unique)] = Field(  # type: ignore[valid-type]
        min_length=1, max_length=6, description="Selling points, quoted word for word"
    )
    price: line(20, 0) = Field("", description="Price as printed, with its currency")  # type: ignore[valid-type]
    offer: line(40, 0) = Field("", description="Offer as printed")  # type: ignore[valid-type]
    url: Annotated[str, Field(max_length=300, strict=True), AfterValidator(http_url)] = Field(
        "", description="Address behind the QR code; none = no QR code"
    )

    _optional = field_validator("photo", "price", "offer", "url", mode="before")(_none_is_empty)
    _photo_path = field_validator("photo", mode="after")(file_field)


class VideoBrief(BriefPart):
    """The video and its voice."""

    seconds: int = Field(15, ge=8, le=60, description="Length asked for, in seconds")
    aspect: Aspect = Field("9:16", description="Shape of the picture")
    voice: Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9_.-]*$")] = Field(
        "", description="Voice id; none = the default voice of the language"
    )
    speed: float = Field(1.0, ge=0.7, le=1.4, allow_inf_nan=False, description="Speaking rate")
    music: Mood = Field("calm", description="Mood of the music bed")

    _optional = field_validator("voice", mode="before")(_none_is_empty)


class LabelBrief(BriefPart):
    """How works say that they are AI-made. Metadata is always written."""

    visible: bool = Field(True, description="Small text on pictures, opening text of 2 s on video")
    spoken: bool = Field(True, description="A spoken notice at the end of audio files")
    position: Literal["bottom_right", "bottom_left", "top_right", "top_left"] = "bottom_right"


class CampaignBrief(BriefPart):
    """A marketing campaign: copy, posters, voice-overs and videos for each audience."""

    recipe: Literal["campaign"] = "campaign"
    language: Literal["zh", "en"] = Field(description="Language of everything that is written and spoken")
    brand: BrandBrief
    product: ProductBrief
    audiences: Annotated[tuple[line(30), ...], AfterValidator(unique)] = Field(  # type: ignore[valid-type]
        min_length=1, max_length=6, description="Whom it speaks to; each gets works of its own"
    )
    channels: Annotated[tuple[str, ...], AfterValidator(unique)] = Field(
        min_length=1, max_length=12, description="Where posters are shown: " + ", ".join(CHANNELS)
    )
    tone: line(40, 0) = Field("", description="How it sounds, in a few words")  # type: ignore[valid-type]
    call_to_action: line(24) = Field(description="Text of the button and the last spoken line")  # type: ignore[valid-type]
    video: VideoBrief = VideoBrief()
    forbidden: tuple[line(20), ...] = Field(  # type: ignore[valid-type]
        (), max_length=200, description="Words that must not appear, beside the default list"
    )
    templates: tuple[str, ...] = Field((), max_length=12, description="Poster templates to use; none = chosen for you")
    pronunciations: dict[line(20), line(60)] = Field(  # type: ignore[valid-type]
        default_factory=dict, max_length=50, description="Written word -> how it is read (pinyin with tone numbers)"
    )
    label: LabelBrief = LabelBrief()

    @field_validator("channels")
    @classmethod
    def _known_channels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for channel in value:
            if channel not in CHANNELS:
                names = ", ".join(CHANNELS)
                raise PydanticCustomError(
                    "studio_channel",
                    "{en}",
                    {
                        "zh": f"没有渠道“{channel}”，可用：{names}",
                        "en": f"has no channel {channel!r}; there are {names}",
                    },
                )
        return value

    @model_validator(mode="after")
    def _facts_not_forbidden(self) -> CampaignBrief:
        own = [("product.name", self.product.name), ("product.price", self.product.price)]
        own += [("product.offer", self.product.offer), ("call_to_action", self.call_to_action)]
        own += [(f"product.facts[{at}]", fact) for at, fact in enumerate(self.product.facts)]
        for field, text in own:
            for word in self.forbidden:
                if word.lower() in text.lower():
                    raise PydanticCustomError(
                        "studio_forbidden",
                        "{en}",
                        {
                            "field": field,
                            "zh": f"写着禁用词“{word}”；不能既必须写又禁止写",
                            "en": f"has the forbidden word {word!r}; it cannot be both required and forbidden",
                        },
                    )
        return self
