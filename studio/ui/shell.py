"""The shell of the page: header, workspaces, and the Blocks they live in.

Design:
- One Blocks for the whole studio; a workspace is a container that the address bar shows or hides (`#/history`).
- Only workspaces that exist are in the navigation.
- Gradio is imported by `build` alone: the CLI and the API never pay for it.
"""

from __future__ import annotations

from typing import Any

from studio.i18n import pair
from studio.ui import campaign
from studio.ui.components import hint, template_safe
from studio.ui.desk import Desk

PAGES = ("campaign", "history", "models")
LANGUAGE_NAMES = {"zh-CN": "中文", "en": "EN"}

MARK = (
    '<svg class="mark" viewBox="0 0 28 28" aria-hidden="true"><rect width="28" height="28" rx="8"/>'
    '<path d="M7.2 19.4V9.2l6.8 7 6.8-7v10.2"/></svg>'
)


def header_markup() -> str:
    links = "".join(f'<a href="#/{page}" data-page-link="{page}">{pair(f"nav.{page}")}</a>' for page in PAGES)
    languages = "".join(
        f'<button type="button" data-language="{tag}" lang="{tag}" id="hd-language-{tag}">{name}</button>'
        for tag, name in LANGUAGE_NAMES.items()
    )
    views = "".join(
        f'<button type="button" data-show="{view}" id="hd-view-{view}">{pair(f"view.{view}")}</button>'
        for view in ("brief", "results")
    )
    return template_safe(
        '<header class="hd">'
        f'<a class="brand" href="#/campaign">{MARK}<b>{pair("app.name")}</b></a>'
        f'<nav {hint("nav.label", "aria-label")}>{links}</nav><div class="hd-tools">'
        f'<a class="pill" id="hd-jobs" href="#/history" {hint("header.jobs.open", "title")}>'
        '<i class="spin" aria-hidden="true"></i><b></b></a>'
        f'<div class="languages" role="group" {hint("header.language", "aria-label")}>{languages}</div>'
        f'<button type="button" class="round" id="hd-theme" data-theme-toggle {hint("header.theme", "aria-label")}>'
        '<span class="icon icon-theme" aria-hidden="true"></span></button></div></header>'
        f'<div class="lost-bar" role="status">{pair("header.lost")}</div>'
        f'<div class="view-switch">{views}</div>'
    )


def history_markup() -> str:
    return template_safe(
        '<div class="sheet" id="history-root"><header class="sheet-head">'
        f'<div><h1 class="display">{pair("history.title")}</h1>'
        f"<p>{pair('history.subtitle')}</p></div>"
        f'<input class="input search" type="search" hidden id="history-search" {hint("history.search")}></header>'
        '<ol class="jobs"></ol></div>'
    )


def models_markup() -> str:
    return template_safe(
        '<div class="sheet" id="models-root"><header class="sheet-head">'
        f'<div><h1 class="display">{pair("models.title")}</h1>'
        f'<p>{pair("models.subtitle")}</p></div></header><div id="models-body"></div></div>'
    )


def build(service: Any) -> Any:
    """The Blocks of the studio."""
    import gradio as gr

    def static(name: str, markup: str, elem_id: str) -> None:
        gr.HTML(
            html_template=markup,
            js_on_load=campaign.MOUNT.format(name=name),
            apply_default_css=False,
            elem_id=elem_id,
        )

    with gr.Blocks(
        title="AIGC Studio", analytics_enabled=False, fill_width=True, delete_cache=(86400, 86400)
    ) as blocks:
        static("header", header_markup(), "hd")
        campaign.build(gr, Desk(service))
        static("history", history_markup(), "page-history")
        static("models", models_markup(), "page-models")
    return blocks
