"""The Campaign workspace: the brief on the left, its works on the right.

Design:
- The brief is one value (`{"brief", "seed", "only"}`) held by one component; the form and the YAML editor are two
  views of it. Whichever was edited last is the truth, and switching views carries it over.
- Checking happens in Python by the brief's own model, so the form, the YAML view, the CLI and the API complain in
  the same words. The page shows each complaint beside its field, in the language the page is in.
- The works are drawn by script from the job's JSON (`/api/jobs/{id}`): finished players are never redrawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.steps.vocabulary import CHANNELS
from studio.i18n import pair, pair_of
from studio.ui.components import (
    Choice,
    chips,
    field,
    file_drop,
    hint,
    line_input,
    lines_input,
    more,
    shape_icon,
    switch,
    template_safe,
)
from studio.ui.voices import VOICES

if TYPE_CHECKING:
    import gradio as gr

    from studio.ui.desk import Desk

PARTS = ("copy", "posters", "voice", "video")
MOODS = ("calm", "upbeat", "warm", "tech", "festive", "epic", "none")
ASPECTS = {"9:16": (9, 16), "16:9": (16, 9), "1:1": (1, 1), "4:5": (4, 5)}
TONES = {
    "zh": ("清爽自信", "温暖亲切", "高级克制", "热情有力", "幽默轻松"),
    "en": ("fresh and confident", "warm and reassuring", "bold and understated", "playful", "expert and plain"),
}

MOUNT = "window.studio.mount('{name}', element, props, trigger, watch);"


def _essentials() -> str:
    language = [Choice("zh", pair("brief.language.zh")), Choice("en", pair("brief.language.en"))]
    return (
        field("language", "brief.language", chips("language", language, many=False, style="segments"), group=True)
        + field("brand.name", "brief.brand", line_input("brand.name", "brief.brand.hint", maximum=24), wide=False)
        + field(
            "product.name", "brief.product", line_input("product.name", "brief.product.hint", maximum=40), wide=False
        )
        + field("product.photo", "brief.photo", _photo(), group=True)
        + field("product.facts", "brief.facts", lines_input("product.facts", "brief.facts.hint", rows=3))
        + field("product.price", "brief.price", line_input("product.price", "brief.price.hint", maximum=20), wide=False)
        + field("product.offer", "brief.offer", line_input("product.offer", "brief.offer.hint", maximum=40), wide=False)
        + field("call_to_action", "brief.action", line_input("call_to_action", "brief.action.hint", maximum=24))
    )


def _photo() -> str:
    return file_drop("product.photo", "brief.photo.drop", "brief.photo.kinds")


def _audience() -> str:
    tokens = (
        '<div class="tokens" id="brief-audiences" data-path="audiences" data-kind="tokens">'
        f'<input class="token-input" maxlength="30" autocomplete="off" aria-labelledby="label-audiences" '
        f"{hint('brief.audiences.hint')}></div>"
    )
    tones = "".join(
        f'<button type="button" class="suggest" data-suggest="{tone}" data-for-language="{language}">{tone}</button>'
        for language, names in TONES.items()
        for tone in names
    )
    channels = [
        Choice(channel.id, pair_of(channel.title), shape_icon(channel.width, channel.height))
        for channel in CHANNELS.values()
    ]
    return (
        field("audiences", "brief.audiences", tokens, group=True)
        + field(
            "tone",
            "brief.tone",
            line_input("tone", "brief.tone.hint", maximum=40) + f'<div class="suggests">{tones}</div>',
        )
        + field("channels", "brief.channels", chips("channels", channels, many=True), group=True)
    )


def _brand() -> str:
    colours = '<div class="swatches" id="brief-brand-colours" data-path="brand.colours" data-kind="colours"></div>'
    logo = file_drop("brand.logo", "brief.logo.drop", "brief.logo.kinds")
    return (
        field("brand.colours", "brief.colours", colours, group=True)
        + field("brand.logo", "brief.logo", logo, group=True)
        + field("templates", "brief.templates", chips("templates", _templates(), many=True), group=True)
        + field("product.url", "brief.url", line_input("product.url", maximum=300, mode="url"))
        + field("brand.voice_rules", "brief.rules", lines_input("brand.voice_rules", "brief.rules.hint", rows=2))
        + field("forbidden", "brief.forbidden", lines_input("forbidden", "brief.forbidden.hint", rows=2, kind="words"))
    )


def _templates() -> list[Choice]:
    from pipelines.steps.lay_out.templates import templates

    return [Choice(template.name, pair_of(template.title)) for template in templates()]


def _video() -> str:
    seconds = (
        '<div class="range"><input type="range" id="brief-video-seconds" data-path="video.seconds" data-kind="number"'
        ' min="8" max="60" step="1"><output data-unit="brief.seconds.value"></output></div>'
    )
    speed = (
        '<div class="range"><input type="range" id="brief-video-speed" data-path="video.speed" data-kind="number"'
        ' min="0.7" max="1.4" step="0.05"><output data-digits="2"></output></div>'
    )
    aspects = [Choice(name, f"<span>{name}</span>", shape_icon(*size)) for name, size in ASPECTS.items()]
    moods = [Choice(name, pair(f"music.{name}")) for name in MOODS]
    voices = (
        '<div class="select"><select class="input" id="brief-video-voice" data-path="video.voice" data-kind="select">'
        '<option value="" data-t="brief.voice.default"></option>'
        + "".join(
            f'<option value="{voice.id}" data-for-language="{voice.language}" data-zh="{voice.zh}"'
            f' data-en="{voice.en}">{voice.zh}</option>'
            for voice in VOICES
        )
        + "</select></div>"
    )
    pronunciations = lines_input("pronunciations", "brief.pronunciations.hint", rows=2, kind="pairs")
    return (
        field("video.seconds", "brief.seconds", seconds)
        + field("video.aspect", "brief.aspect", chips("video.aspect", aspects, many=False), group=True)
        + field("video.voice", "brief.voice", voices)
        + field("video.speed", "brief.speed", speed)
        + field("video.music", "brief.music", chips("video.music", moods, many=False), group=True)
        + field("pronunciations", "brief.pronunciations", pronunciations)
    )


def _label() -> str:
    corners = [
        Choice(name, pair(f"position.{name}")) for name in ("top_left", "top_right", "bottom_left", "bottom_right")
    ]
    return (
        f'<div class="field" data-field="label">{switch("label.visible", "brief.label.visible")}'
        f"{switch('label.spoken', 'brief.label.spoken')}"
        f'<p class="field-note">{pair("brief.label.note")}</p></div>'
        + field("label.position", "brief.label.position", chips("label.position", corners, many=False), group=True)
    )


def form_markup() -> str:
    """The brief as a form."""
    return template_safe(
        '<div class="form">'
        f"{_essentials()}{_audience()}"
        f"{more('brief.more.brand', _brand())}"
        f"{more('brief.more.video', _video())}"
        f"{more('brief.more.label', _label())}"
        "</div>"
    )


def order_markup() -> str:
    """What to make of the brief and with which seed: the same under both views."""
    parts = [Choice(part, pair(f"part.{part}")) for part in PARTS]
    seed = (
        '<div class="seed"><input class="input" id="brief-seed" inputmode="numeric" maxlength="10" autocomplete="off" '
        f"{hint('brief.seed.hint')}></div>"
    )
    return template_safe(
        '<div class="order">'
        + field("only", "brief.parts", chips("only", parts, many=True), group=True)
        + field("seed", "brief.seed", seed, note="brief.seed.note")
        + "</div>"
    )


def head_markup() -> str:
    """Title, samples and the switch between the two views."""
    views = "".join(
        f'<button type="button" class="chip" role="radio" aria-checked="{"true" if view == "form" else "false"}"'
        f' data-view="{view}" id="brief-view-{view}">{pair(f"brief.{view}")}</button>'
        for view in ("form", "yaml")
    )
    return template_safe(
        f'<div class="brief-head"><div class="brief-title"><h1>{pair("brief.title")}</h1>'
        f'<div class="segments small" role="radiogroup" id="brief-view" {hint("brief.view", "aria-label")}>{views}'
        f"</div></div><p>{pair('brief.subtitle')}</p>"
        f'<div class="samples-label"><span>{pair("brief.samples")}</span>'
        f'<button type="button" class="quiet" id="brief-clear">{pair("brief.clear")}</button></div>'
        '<div class="samples" id="brief-samples"></div></div>'
    )


def foot_markup() -> str:
    """The button that starts, pinned to the foot of the brief."""
    return template_safe(
        '<div class="brief-foot"><p class="faults" id="brief-faults" role="status"></p>'
        f'<button type="button" class="primary" id="btn-make"><span data-make>{pair("brief.make")}</span></button>'
        f'<p class="foot-note">{pair("brief.make.note")}</p></div>'
    )


def results_markup() -> str:
    return '<div class="results-root" id="results-root" aria-live="off"></div>'


def _mounted(gr: Any, name: str, markup: str, value: Any = None) -> gr.HTML:
    """A component whose behaviour is `assets/ui`'s `name`."""
    return gr.HTML(
        value=value,
        html_template=markup,
        js_on_load=MOUNT.format(name=name),
        apply_default_css=False,
        elem_id=f"brief-{name}" if name not in {"results"} else name,
        padding=False,
    )


def build(gr: Any, desk: Desk) -> None:
    """Lay the workspace out inside the current Blocks and connect it to the desk."""
    with gr.Row(elem_id="page-campaign"):
        with gr.Column(elem_id="brief", scale=0, min_width=0):
            with gr.Column(elem_id="brief-scroll"):
                _mounted(gr, "head", head_markup())
                form = _mounted(gr, "form", form_markup(), desk.first())
                yaml = gr.Code(
                    value="",
                    language="yaml",
                    lines=22,
                    max_lines=60,
                    wrap_lines=True,
                    buttons=[],
                    show_label=False,
                    container=False,
                    interactive=True,
                    elem_id="brief-yaml",
                )
                verdict = _mounted(gr, "verdict", '<div hidden class="verdict"></div>', {})
                _mounted(gr, "order", order_markup())
            start = _mounted(gr, "foot", foot_markup(), {})
        with gr.Column(elem_id="results-column", scale=1, min_width=0):
            _mounted(gr, "results", results_markup())

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
    form.input(desk.check_form, form, verdict, trigger_mode="always_last", **quiet)
    yaml.input(desk.check_yaml, [yaml, form], [form, verdict], trigger_mode="always_last", **quiet)
    form.select(desk.write_yaml, form, [yaml, verdict], **quiet)
    start.submit(desk.make, form, verdict, trigger_mode="once", **quiet)
