"""Small pieces of markup that the workspaces share.

Design:
- Markup is made on the server with both languages in it; scripts only bind behaviour to `data-*` attributes, so the
  page reads well before a script runs and nothing is built twice.
- An input names the place of its value in the brief by `data-path` ("product.name") and its kind by `data-kind`;
  `assets/ui/form.js` knows the kinds, and puts complaints into the `data-fault` line of the same path.
- Gradio evaluates templates (`${`, `{{`, backticks); `template_safe` refuses markup that would be evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from studio.i18n import pair, table


@dataclass(frozen=True)
class Choice:
    """One option: its value in the brief, its markup, and an optional picture before the words."""

    value: str
    words: str  # markup, from `pair` or `pair_of`
    picture: str = ""  # markup


def hint(key: str, attribute: str = "placeholder") -> str:
    """An attribute in the page's language, switched by script."""
    return f'{attribute}="{escape(table("zh-CN")[key])}" data-t-{attribute}="{key}"'


def field(path: str, label: str, control: str, *, wide: bool = True, note: str = "", group: bool = False) -> str:
    """A labelled control with its line for complaints. `group`: the control is several buttons, not one input."""
    name = path.replace(".", "-")
    tag, link = ("div", f'id="label-{name}"') if group else ("label", f'for="brief-{name}"')
    more = f'<p class="field-note">{pair(note)}</p>' if note else ""
    size = "" if wide else " half"
    return (
        f'<div class="field{size}" data-field="{path}"><{tag} class="field-label" {link}>{pair(label)}</{tag}>'
        f'{control}{more}<p class="fault" data-fault="{path}" id="fault-{name}" role="alert"></p></div>'
    )


def line_input(path: str, placeholder: str = "", *, maximum: int, kind: str = "text", mode: str = "") -> str:
    name = path.replace(".", "-")
    more = f" {hint(placeholder)}" if placeholder else ""
    more += f' inputmode="{mode}"' if mode else ""
    return (
        f'<input class="input" id="brief-{name}" data-path="{path}" data-kind="{kind}" maxlength="{maximum}"'
        f' autocomplete="off" spellcheck="false" aria-describedby="fault-{name}"{more}>'
    )


def lines_input(path: str, placeholder: str, *, rows: int, kind: str = "lines") -> str:
    name = path.replace(".", "-")
    return (
        f'<textarea class="input" id="brief-{name}" data-path="{path}" data-kind="{kind}" rows="{rows}"'
        f' autocomplete="off" spellcheck="false" aria-describedby="fault-{name}" {hint(placeholder)}></textarea>'
    )


def chips(path: str, choices: Sequence[Choice], *, many: bool, style: str = "chips") -> str:
    """Buttons of which one (`many=False`) or several can be on; a tick shows it beside the colour."""
    name = path.replace(".", "-")
    role, item, state = ("group", "checkbox", "aria-checked") if many else ("radiogroup", "radio", "aria-checked")
    buttons = "".join(
        f'<button type="button" class="chip" role="{item}" {state}="false" data-value="{escape(choice.value)}">'
        f'<span class="tick" aria-hidden="true"></span>{choice.picture}{choice.words}</button>'
        for choice in choices
    )
    return (
        f'<div class="{style}" role="{role}" id="brief-{name}" aria-labelledby="label-{name}" data-path="{path}"'
        f' data-kind="{"many" if many else "one"}">{buttons}</div>'
    )


def switch(path: str, label: str) -> str:
    name = path.replace(".", "-")
    return (
        f'<button type="button" class="switch" role="switch" aria-checked="true" id="brief-{name}"'
        f' data-path="{path}" data-kind="switch"><span class="switch-track" aria-hidden="true"></span>'
        f"<span>{pair(label)}</span></button>"
    )


def file_drop(path: str, label: str, kinds: str) -> str:
    """A picture: dropped, chosen or pasted; goes through `/api/files`, never through Gradio's upload."""
    name = path.replace(".", "-")
    return (
        f'<div class="drop" id="brief-{name}" data-path="{path}" data-kind="file">'
        f'<label class="drop-empty"><input type="file" accept="image/png,image/jpeg,image/webp">'
        '<span class="drop-icon" aria-hidden="true"></span>'
        f"<span><b>{pair(label)}</b><small>{pair(kinds)}</small></span></label>"
        '<div class="drop-full" hidden><img alt=""><span><b class="drop-name"></b><small class="drop-facts">'
        f'</small></span><button type="button" class="quiet" data-act="remove">{pair("brief.file.remove")}</button>'
        f"</div></div>"
    )


def shape_icon(width: int, height: int) -> str:
    """A small frame in the shape of a format."""
    longest = 13.0
    scale = longest / max(width, height)
    w, h = max(width * scale, 5.0), max(height * scale, 5.0)
    return (
        f'<svg class="shape" viewBox="0 0 16 16" aria-hidden="true"><rect x="{8 - w / 2:.1f}" y="{8 - h / 2:.1f}"'
        f' width="{w:.1f}" height="{h:.1f}" rx="1.6"/></svg>'
    )


def more(key: str, content: str) -> str:
    """A folded group of fields; its heading shows what is set inside."""
    return (
        f'<details class="more"><summary><span>{pair(key)}</span><span class="more-said" data-said></span></summary>'
        f'<div class="more-body">{content}</div></details>'
    )


def template_safe(markup: str) -> str:
    """The markup, after making sure Gradio's template engine has nothing to evaluate in it."""
    for mark in ("${", "{{", "`", "\\"):
        if mark in markup:
            raise ValueError(f"{mark!r} in markup for a Gradio template")
    return markup


def options(values: Mapping[str, str]) -> str:
    return "".join(f'<option value="{escape(value)}">{escape(words)}</option>' for value, words in values.items())
