"""The campaign recipe: one brief in, copy, posters, voice-overs and videos for each audience out.

Design:
- The audiences' copy is written one after the other, each knowing the earlier ones, so that they truly differ;
  posters, voices and videos of the first audience are made while the second is being written.
- Price, offer and call to action go from the brief straight to the works that show them. Change one, and the copy
  and the photograph stay as they are.
- A part that is not asked for is not planned, unless a part that is asked for rests on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.errors import BadInput
from models.settings import ASSETS
from pipelines.engine.artifacts import Artifact, Ref
from pipelines.engine.plan import Plan, PlanBuilder, StepHandle
from pipelines.recipes.base import PlanContext
from pipelines.recipes.fields import bad_brief
from pipelines.recipes.marketing.brief import VIDEO_SIZES, CampaignBrief
from pipelines.steps.lay_out.templates import Template, choose_template, template_named
from pipelines.steps.vocabulary import CHANNELS, LABEL_TEXT, Brand, Channel, Label, Product

PARTS = ("copy", "posters", "voice", "video")
LEAD_IN = 0.6  # s of picture and music before the first word
TAIL = 1.6  # s of end card after the last word
FPS = 30

TITLES: dict[str, dict[str, str]] = {
    "copy": {"zh": "写文案：{who}", "en": "Write copy: {who}"},
    "deck": {"zh": "整理文案：{who}", "en": "Set the copy deck: {who}"},
    "check": {"zh": "核对文案", "en": "Check the copy"},
    "photo": {"zh": "处理产品图", "en": "Prepare the photograph"},
    "palette": {"zh": "定配色", "en": "Choose the palette"},
    "backdrop": {"zh": "画背景", "en": "Paint a backdrop"},
    "poster": {"zh": "排海报：{who} · {what}", "en": "Lay out poster: {who} · {what}"},
    "voice": {"zh": "配音：{who}", "en": "Speak: {who}"},
    "notice": {"zh": "录制 AI 提示音", "en": "Speak the AI notice"},
    "music": {"zh": "谱背景音乐", "en": "Compose the music bed"},
    "mix": {"zh": "混音：{who}", "en": "Mix: {who}"},
    "video": {"zh": "剪视频：{who}", "en": "Cut the video: {who}"},
    "label": {"zh": "写入标识：{what}", "en": "Label: {what}"},
    "preview": {"zh": "预览：{what}", "en": "Preview: {what}"},
}


def _title(key: str, **words: str) -> dict[str, str]:
    return {language: text.format(**words) for language, text in TITLES[key].items()}


def slug(text: str) -> str:
    """A file name part that keeps letters, digits and Chinese characters."""
    return re.sub(r"[^\w]+", "-", text, flags=re.UNICODE).strip("-_").lower()[:40] or "x"


@dataclass(frozen=True)
class CampaignRecipe:
    """See `pipelines.recipes.base.Recipe`."""

    name: str = "campaign"
    title: Mapping[str, str] = field(default_factory=lambda: {"zh": "营销活动", "en": "Campaign"})
    summary: Mapping[str, str] = field(
        default_factory=lambda: {
            "zh": "一份简报，产出每类人群的文案、海报、配音和带字幕的视频。",
            "en": "One brief in; copy, posters, voice-overs and captioned videos for each audience out.",
        }
    )
    parts: tuple[str, ...] = PARTS
    brief: type[CampaignBrief] = CampaignBrief

    def example(self, language: str = "en") -> str:
        return (ASSETS / "briefs" / SAMPLES[language][0]).read_text("utf-8")

    def samples(self) -> dict[str, Path]:
        """Sample briefs by name."""
        return {name.split(".")[0]: ASSETS / "briefs" / name for names in SAMPLES.values() for name in names}

    def plan(self, brief: CampaignBrief, context: PlanContext) -> Plan:
        return _Planner(brief, context).plan()


SAMPLES = {
    "zh": ("coffee.zh.yaml", "space-day.zh.yaml"),
    "en": ("pet-app.en.yaml", "flight-jacket.en.yaml"),
}
recipe = CampaignRecipe()


@dataclass
class _Audience:
    """What is planned for one audience while the plan is built."""

    index: int  # from 0
    name: str
    slug: str
    copy: StepHandle
    meta: dict[str, Any]


class _Planner:
    """Builds one campaign's plan."""

    def __init__(self, brief: CampaignBrief, context: PlanContext) -> None:
        self.brief = brief
        self.context = context
        self.seed = context.seed
        self.wanted = set(context.only or PARTS)
        self.builder = PlanBuilder(
            recipe="campaign",
            title=f"{brief.brand.name} · {brief.product.name}",
            seed=context.seed,
            choose=lambda task: context.choose(task, language=brief.language if task in {"text", "speech"} else None),
        )
        self.brand = Brand(name=brief.brand.name, colours=brief.brand.colours, voice_rules=brief.brand.voice_rules)
        self.product = Product(**brief.product.model_dump(exclude={"photo"}))
        text = LABEL_TEXT[brief.language] if brief.label.visible else ""
        self.label = Label(text=text, position=brief.label.position)
        self.photo: Artifact | None = self._file(brief.product.photo, "product.photo")
        self.logo: Artifact | None = self._file(brief.brand.logo, "brand.logo")
        self.prepared: StepHandle | None = None
        self.taken: set[str] = set()  # templates used so far: a kit shows different styles
        self.shared: dict[tuple[Any, ...], StepHandle] = {}

    def plan(self) -> Plan:
        # 1. Everything rests on the copy.
        audiences = self._copy()
        # 2. The photograph, once for all.
        if self.photo is not None and self.wanted & {"posters", "video"}:
            self.prepared = self.builder.add(
                "photo",
                step="prepare_photo",
                params={"photo": self.photo},
                title=_title("photo"),
                stage="pictures",
                seconds=25,
            )
        # 3. The works.
        for audience in audiences:
            if "posters" in self.wanted:
                self._posters(audience)
            if self.wanted & {"voice", "video"}:
                self._sound_and_film(audience)
        self.builder.meta.update(
            brief=self.brief.model_dump(mode="json"),
            language=self.brief.language,
            audiences=[audience.meta for audience in audiences],
        )
        if self.wanted & {"posters", "video"}:
            self.builder.meta["palette"] = self._palette("dark")["palette"].ref
        return self.builder.build()

    # -- copy -----------------------------------------------------------------------------------------------------

    def _copy(self) -> list[_Audience]:
        audiences: list[_Audience] = []
        brief = self.brief
        for index, name in enumerate(brief.audiences):
            copy = self.builder.add(
                f"copy.{index + 1}",
                step="write_copy",
                params={
                    "language": brief.language,
                    "brand": self.brand.model_copy(update={"colours": ()}),
                    "product": self.product,
                    "audience": name,
                    "tone": brief.tone,
                    "forbidden": brief.forbidden,
                    "channels": brief.channels,
                    "script_seconds": brief.video.seconds - LEAD_IN - TAIL,
                    "seed": self.seed + index,
                    "earlier": tuple(other.copy["copy"] for other in audiences),
                },
                title=_title("copy", who=name),
                stage="copy",
                seconds=60,
            )
            label = f"{index + 1:02d}-{slug(name)}"
            meta = {
                "name": name,
                "slug": label,
                "copy": copy["copy"].ref,
                "deck": "",
                "posters": [],
                "voice": None,
                "video": None,
            }
            audience = _Audience(index, name, label, copy, meta)
            if "copy" in self.wanted:
                self._deck(audience)
            audiences.append(audience)
        if "copy" in self.wanted:
            self._check(audiences)
        return audiences

    def _deck(self, audience: _Audience) -> None:
        deck = self.builder.add(
            f"deck.{audience.index + 1}",
            step="deck",
            params={
                "audience_copy": audience.copy["copy"],
                "brand": self.brand.model_copy(update={"colours": ()}),
                "product": self.product,
                "call_to_action": self.brief.call_to_action,
                "channels": self.brief.channels,
                "language": self.brief.language,
            },
            title=_title("deck", who=audience.name),
            stage="copy",
        )
        audience.meta["deck"] = self._deliver(f"copy/{audience.slug}.md", deck["markdown"])
        self.builder.deliver(f"copy/{audience.slug}.json", deck["document"])

    def _check(self, audiences: list[_Audience]) -> None:
        report = self.builder.add(
            "check",
            step="check_copy",
            params={
                "copies": tuple(audience.copy["copy"] for audience in audiences),
                "brand": self.brand.model_copy(update={"colours": ()}),
                "product": self.product,
                "call_to_action": self.brief.call_to_action,
                "forbidden": self.brief.forbidden,
                "channels": self.brief.channels,
                "language": self.brief.language,
            },
            title=_title("check"),
            stage="copy",
        )
        self.builder.deliver("copy/report.json", report["report"])

    # -- pictures -------------------------------------------------------------------------------------------------

    def _palette(self, mood: str) -> StepHandle:
        return self._once(
            ("palette", mood),
            f"palette.{mood}",
            step="choose_palette",
            params={"colours": self.brief.brand.colours, "photo": self.photo, "mood": mood, "seed": self.seed},
            title=_title("palette"),
            stage="pictures",
        )

    def _backdrop(self, style: str, mood: str, width: int, height: int) -> StepHandle:
        return self._once(
            ("backdrop", style, mood, width, height),
            f"backdrop.{style}.{mood}.{width}x{height}",
            step="paint_backdrop",
            params={
                "palette": self._palette(mood)["palette"],
                "style": style,
                "width": width,
                "height": height,
                "mood": mood,
                "seed": self.seed,
            },
            title=_title("backdrop"),
            stage="pictures",
        )

    def _posters(self, audience: _Audience) -> None:
        for order, name in enumerate(self.brief.channels):
            channel = CHANNELS[name]
            template = self._template(channel, audience.index, order)
            self.taken.add(template.name)
            self._poster(audience, channel, template)

    def _poster(self, audience: _Audience, channel: Channel, template: Template) -> None:
        mood = template.palette
        backdrop: Ref | None = None
        if template.backdrop is not None:
            painted = self._backdrop(template.backdrop.style, template.backdrop.mood, channel.width, channel.height)
            backdrop = painted["backdrop"]
        step_id = f"poster.{audience.index + 1}.{channel.id}"
        what = channel.title[self.brief.language]
        poster = self.builder.add(
            step_id,
            step="lay_out",
            params={
                "template": template.name,
                "template_sha256": template.sha256,
                "width": channel.width,
                "height": channel.height,
                "safe": channel.safe,
                "language": self.brief.language,
                "audience_copy": audience.copy["copy"],
                "brand": self.brand,
                "product": self.product,
                "call_to_action": self.brief.call_to_action,
                "palette": self._palette(mood)["palette"],
                "photo": self._prepared("photo"),
                "cutout": self._prepared("cutout"),
                "backdrop": backdrop,
                "logo": self.logo,
                "label": self.label,
                "seed": self.seed + audience.index,
            },
            title=_title("poster", who=audience.name, what=what),
            stage="posters",
            seconds=2,
        )
        base = f"posters/{audience.slug}/{channel.id}"
        paths = [self._deliver(f"{base}.{suffix}", poster[suffix]) for suffix in ("png", "pdf", "svg")]
        audience.meta["posters"].append(
            {
                "channel": channel.id,
                "title": what,
                "width": channel.width,
                "height": channel.height,
                "template": template.name,
                "paths": paths,
                "preview": self._preview(step_id, poster["png"], what),
            }
        )

    def _template(self, channel: Channel, audience: int, order: int) -> Template:
        asked = self.brief.templates
        if asked:
            name = asked[(audience * len(self.brief.channels) + order) % len(asked)]
            try:
                return template_named(name)
            except BadInput as error:
                raise bad_brief(
                    "templates", f"没有模板“{name}”；{error.hint}", f"has no template {name!r}; {error.hint}"
                ) from None
        return choose_template(
            tone=self.brief.tone,
            channel_ratio=channel.ratio,
            index=audience * len(self.brief.channels) + order,
            has_photo=self.photo is not None,
            # Known only when the photograph is prepared; where the cut-out is poor the template takes the photograph.
            cutout_quality="none" if self.photo is None else "good",
            taken=self.taken,
            language=self.brief.language,
            seed=self.seed,
        )

    # -- sound and film -------------------------------------------------------------------------------------------

    def _sound_and_film(self, audience: _Audience) -> None:
        brief, number = self.brief, audience.index + 1
        self._check_voice()
        voice = self.builder.add(
            f"voice.{number}",
            step="speak",
            params={
                "audience_copy": audience.copy["copy"],
                "closing": brief.call_to_action,
                "language": brief.language,
                "voice": brief.video.voice,
                "speed": brief.video.speed,
                "pronunciations": brief.pronunciations,
                "target_seconds": brief.video.seconds - LEAD_IN - TAIL,
            },
            title=_title("voice", who=audience.name),
            stage="voice",
            seconds=18,
        )
        mix = self._mix(audience, voice)
        if "voice" in self.wanted:
            self._voice_files(audience, voice, mix)
        if "video" in self.wanted:
            self._video(audience, voice, mix)

    def _check_voice(self) -> None:
        """A voice that the chosen model does not have is known now, not after minutes."""
        voice, language = self.brief.video.voice, self.brief.language
        there = self.context.voices(self.context.choose("speech", language=language), language)
        if voice and there and voice not in there:
            names = ", ".join(there)
            raise bad_brief(
                "video.voice", f"没有声音“{voice}”，可用：{names}", f"has no voice {voice!r}; there are {names}"
            )

    def _mix(self, audience: _Audience, voice: StepHandle) -> StepHandle:
        brief = self.brief
        music: Ref | None = None
        if brief.video.music != "none":
            # Long enough for a voice that runs over; the mix cuts it to length.
            music = self._once(
                ("music", audience.index),
                f"music.{audience.index + 1}",
                step="compose_music",
                params={"mood": brief.video.music, "seconds": brief.video.seconds, "seed": self.seed + audience.index},
                title=_title("music"),
                stage="voice",
                seconds=5,
            )["music"]
        return self.builder.add(
            f"mix.{audience.index + 1}",
            step="mix",
            params={
                "voice": voice["voice"],
                "timing": voice["timing"],
                "music": music,
                "seconds": brief.video.seconds,
                "lead_in": LEAD_IN,
            },
            title=_title("mix", who=audience.name),
            stage="voice",
            seconds=3,
        )

    def _voice_files(self, audience: _Audience, voice: StepHandle, mix: StepHandle) -> None:
        number = audience.index + 1
        entry = {
            "path": self._deliver(f"voice/{audience.slug}.wav", voice["voice"]),
            "preview": self._preview(f"voice.{number}", voice["voice"], audience.name),
            "mix": self._deliver(f"voice/{audience.slug}-music.wav", mix["mix"])
            if self.brief.video.music != "none"
            else "",
            "mix_preview": "",
        }
        if entry["mix"]:
            entry["mix_preview"] = self._preview(f"mix.{number}", mix["mix"], audience.name)
        audience.meta["voice"] = entry

    def _video(self, audience: _Audience, voice: StepHandle, mix: StepHandle) -> None:
        brief, number = self.brief, audience.index + 1
        width, height = VIDEO_SIZES[brief.video.aspect]
        video = self.builder.add(
            f"video.{number}",
            step="cut",
            params={
                "audience_copy": audience.copy["copy"],
                "timing": voice["timing"],
                "mix": mix["mix"],
                "palette": self._palette("dark")["palette"],
                "photo": self._prepared("photo"),
                "cutout": self._prepared("cutout"),
                "backdrop": self._backdrop("mesh", "dark", width, height)["backdrop"],
                "brand": self.brand,
                "product": self.product,
                "call_to_action": brief.call_to_action,
                "language": brief.language,
                "width": width,
                "height": height,
                "fps": FPS,
                "seconds": brief.video.seconds,
                "lead_in": LEAD_IN,
                "label": self.label,
                "seed": self.seed + audience.index,
            },
            title=_title("video", who=audience.name),
            stage="video",
            seconds=2.5 * brief.video.seconds,
        )
        audience.meta["video"] = {
            "path": self._deliver(f"video/{audience.slug}.mp4", video["video"]),
            "captions": f"video/{audience.slug}.srt",
            "cover": self._deliver(f"video/{audience.slug}-cover.png", video["cover"]),
            "width": width,
            "height": height,
            "preview": self._preview(f"video.{number}", video["video"], audience.name),
            "cover_preview": self._preview(f"cover.{number}", video["cover"], audience.name),
        }
        self.builder.deliver(f"video/{audience.slug}.srt", video["captions"])

    # -- common ---------------------------------------------------------------------------------------------------

    def _once(self, key: tuple[Any, ...], step_id: str, **step: Any) -> StepHandle:
        if key not in self.shared:
            self.shared[key] = self.builder.add(step_id, **step)
        return self.shared[key]

    def _prepared(self, output: str) -> Ref | None:
        return self.prepared[output] if self.prepared else None

    def _deliver(self, path: str, work: Ref) -> str:
        params: dict[str, Any] = {"work": work, "name": path}
        if self.context.producer:
            params["producer"] = self.context.producer
        if path.endswith(".wav") and self.brief.label.spoken:
            params["notice"] = self._once(
                ("notice",),
                "notice",
                step="speak_notice",
                params={"language": self.brief.language, "voice": self.brief.video.voice},
                title=_title("notice"),
                stage="voice",
                seconds=8,
            )["notice"]
        labelled = self.builder.add(
            "label." + re.sub(r"[^A-Za-z0-9_./-]", "", path),
            step="label_work",
            params=params,
            title=_title("label", what=path),
            stage="kit",
            seconds=0.3,
        )
        self.builder.deliver(path, labelled["work"])
        return path

    def _preview(self, name: str, work: Ref, what: str) -> str:
        small = self.builder.add(
            f"preview.{name}",
            step="preview",
            params={"work": work},
            title=_title("preview", what=what),
            stage="kit",
            seconds=1,
        )
        return small["preview"].ref

    def _file(self, path: str, field_name: str) -> Artifact | None:
        if not path:
            return None
        return self.context.import_file(Path(path), "image", field=field_name)
