"""The app in headless Chromium, from an empty workspace to a finished kit, on fake models.

One server for the whole module, started as a person starts it. Every request of every page is recorded: none may
leave the machine; nothing may be written to the console as an error.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from models.settings import Settings
from tests.support.chromium import chromium

sync_api = pytest.importorskip("playwright.sync_api")
Page = Any

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

LAPTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
KIT_MS = 600_000  # a busy machine makes even the small film slowly


@dataclass
class Server:
    """`studio app` on fakes; can be stopped and started again in the same workspace."""

    home: Path
    process: subprocess.Popen[str] | None = None
    address: str = ""

    def start(self) -> None:
        environment = {
            **os.environ,
            "STUDIO_HOME": str(self.home),
            "STUDIO_CACHE": str(Settings.from_env().cache),
            "STUDIO_FAKES": "1",
            "STUDIO_OFFLINE": "1",
            "STUDIO_WORKERS": "2",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from studio.cli import main; main()", "app", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        found = None
        for line in self.process.stdout:
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            if found:
                break
        assert found, "the server did not say where it is"
        self.address = found.group()

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


@dataclass
class Seen:
    """What pages asked for and complained about."""

    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"}:
            self.hosts.add(parts.hostname or "")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("workspace"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = chromium()
    assert path, "the browser tests need Chromium"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Any, server: Server, seen: Seen) -> Iterator[Open]:
    contexts = []

    def opened(hash_: str = "", *, size: dict[str, int] = LAPTOP, locale: str = "zh-CN", scheme: str = "light") -> Page:
        phone = size is PHONE
        context = browser.new_context(
            viewport=size, locale=locale, color_scheme=scheme, is_mobile=phone, has_touch=phone, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        seen.watch(page)
        page.goto(server.address + hash_)
        page.wait_for_selector("#btn-make", state="attached", timeout=60_000)
        page.wait_for_selector("#brief-samples .sample", state="attached", timeout=60_000)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert seen.hosts == {"127.0.0.1"}
    assert seen.complaints == []


def small_campaign(page: Page) -> None:
    """The coffee sample, cut down to what fakes make in seconds."""
    page.click("#brief-samples [data-sample=coffee]")
    page.wait_for_function("document.querySelector('#brief-product-name').value === '冷萃咖啡'")
    for _ in range(2):
        page.locator("#brief-audiences .token button").last.click()
    for channel in ("wechat_moments", "landscape_banner"):
        page.click(f"#brief-channels [data-value={channel}]")
    page.locator("#brief details.more").nth(1).locator("summary").click()
    page.select_option("#brief-video-voice", "")
    page.click("#brief-video-aspect [data-value='1:1']")
    page.fill("#brief-video-seconds", "10")
    page.fill("#brief-seed", "7")


def text(page: Page, selector: str) -> str:
    return " ".join(page.inner_text(selector).split())


def wait_for_work(page: Page, selector: str) -> None:
    """Wait until a work is there, or fail at once with the job's own words when the job has."""
    page.wait_for_selector(f"{selector}, #progress[data-state=failed]", state="attached", timeout=KIT_MS)
    assert page.locator("#progress[data-state=failed]").count() == 0, text(page, "#progress")


def no_side_scroll(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


# -- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("locale", "make"), [("zh-CN", "生成整套素材"), ("en-US", "Make the kit")])
def test_the_page_speaks_the_browsers_language(open_page: Open, locale: str, make: str) -> None:
    assert text(open_page(locale=locale), "#btn-make") == make


def test_the_language_is_switched_at_once_and_kept(open_page: Open) -> None:
    page = open_page()
    page.click("#hd-language-en")
    assert text(page, "#btn-make") == "Make the kit"
    assert text(page, ".brief-title h1") == "Campaign brief"
    assert page.get_attribute("#brief-audiences input", "placeholder") == "Type, then Enter"
    assert page.get_attribute("html", "lang") == "en"
    page.reload()
    page.wait_for_selector("#btn-make")
    assert text(page, "#btn-make") == "Make the kit"


def test_light_dark_and_the_systems_own(open_page: Open) -> None:
    page = open_page(scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(19, 18, 16)"
    page.click("#hd-theme")
    assert page.evaluate(background) == "rgb(244, 242, 237)"
    assert not page.evaluate("document.body.classList.contains('dark')")


@pytest.mark.parametrize("hash_", ["", "#/history", "#/models"])
@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_nothing_scrolls_sideways_on_a_phone(open_page: Open, hash_: str, locale: str) -> None:
    page = open_page(hash_, size=PHONE, locale=locale)
    page.wait_for_timeout(600)
    assert no_side_scroll(page)
    if not hash_:
        page.click("#hd-view-results")
        assert page.is_visible("#results-root .empty")
        assert not page.is_visible("#btn-make")
        assert no_side_scroll(page)


def test_only_workspaces_that_exist_are_offered(open_page: Open) -> None:
    page = open_page()
    for link in page.locator("[data-page-link]").all():
        link.click()
        name = link.get_attribute("data-page-link")
        assert page.is_visible(f"#page-{name}")
        assert link.get_attribute("aria-current") == "page"


# -- the brief --------------------------------------------------------------------------------------------------------


def test_complaints_stand_beside_their_fields(open_page: Open) -> None:
    page = open_page()
    page.wait_for_timeout(700)
    assert page.locator("#brief .field.bad").count() == 0  # a fresh form blames nobody
    page.click("#btn-make")
    page.wait_for_selector("[data-field='product.name'].bad")
    assert text(page, "[data-fault='product.name']") == "缺少此项"
    page.click("#hd-language-en")
    assert text(page, "[data-fault='product.name']") == "is missing"
    page.fill("#brief-product-name", "Cold brew \N{FACE WITH TEARS OF JOY}")
    page.wait_for_function("document.querySelector('[data-fault=\"product.name\"]').textContent.includes('emoji')")
    page.fill("#brief-product-name", "Cold brew")
    page.wait_for_selector("[data-field='product.name']:not(.bad)")
    page.fill("#brief-product-facts", "Zero sugar\nZero sugar")
    page.wait_for_function("document.querySelector('[data-fault=\"product.facts\"]').textContent.includes('twice')")


def test_form_and_yaml_edit_one_brief(open_page: Open) -> None:
    page = open_page()
    small_campaign(page)
    page.click("#brief-view-yaml")
    page.wait_for_selector("#brief-yaml .cm-content")
    page.wait_for_function(
        "document.querySelector('#brief-yaml .cm-content').innerText.includes('call_to_action: 立即尝鲜')"
    )
    line = page.locator("#brief-yaml .cm-line", has_text="call_to_action")
    line.click()
    page.keyboard.press("End")
    page.keyboard.type("now")
    page.wait_for_timeout(1200)
    page.click("#brief-view-form")
    assert page.input_value("#brief-call_to_action") == "立即尝鲜now"
    page.fill("#brief-call_to_action", "马上喝")
    page.click("#brief-view-yaml")
    page.wait_for_function("document.querySelector('#brief-yaml .cm-content').innerText.includes('马上喝')")
    page.locator("#brief-yaml .cm-line", has_text="call_to_action").click()
    page.keyboard.press("Home")
    page.keyboard.type("[")
    page.wait_for_selector("#brief-faults:not(:empty)")
    assert "YAML" in text(page, "#brief-faults")


def test_a_photo_is_brought_in_and_a_wrong_file_refused(open_page: Open) -> None:
    page = open_page()
    buffer = io.BytesIO()
    Image.new("RGB", (320, 240), "#b93a16").save(buffer, "PNG")
    chooser = "#brief-product-photo input[type=file]"
    page.set_input_files(chooser, {"name": "新品 一.png", "mimeType": "image/png", "buffer": buffer.getvalue()})
    page.wait_for_selector("#brief-product-photo .drop-full:not([hidden])")
    assert text(page, "#brief-product-photo .drop-name") == "新品-一.png"
    assert "320 × 240" in text(page, "#brief-product-photo .drop-facts")
    page.wait_for_function("document.querySelector('#brief-product-photo img').naturalWidth > 0")
    page.click("#brief-product-photo [data-act=remove]")
    page.set_input_files(chooser, {"name": "x.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    page.wait_for_selector("[data-field='product.photo'].bad")


# -- from brief to kit ------------------------------------------------------------------------------------------------


def test_a_campaign_from_brief_to_kit_and_after_a_restart(open_page: Open, server: Server) -> None:
    # 1. Start, and see it under way.
    page = open_page()
    small_campaign(page)
    page.click("#btn-make")
    page.wait_for_url("**#/campaign/*")
    page.wait_for_selector("#progress .stages li")
    job = page.url.rpartition("/")[2]
    assert text(page, ".job-head h1") == "星野 · 冷萃咖啡"
    assert page.locator("#progress .stages li").count() == 6
    page.wait_for_selector("#hd-jobs.busy")

    # 2. Works land one after the other; a tab that is opened meanwhile sees the same job.
    wait_for_work(page, "#copy-cards .copy[data-state=ok], #copy-cards .copy[data-state=needs_review]")
    second = open_page(f"#/campaign/{job}", locale="en-US")
    second.wait_for_selector("#copy-cards .copy h3:not(:empty)")
    assert second.input_value("#brief-product-name") == "冷萃咖啡"
    wait_for_work(page, "#posters .frame img")
    wait_for_work(page, "#voice .voice audio")
    page.evaluate("document.querySelector('#voice .voice').dataset.mine = 'kept'")
    wait_for_work(page, "#progress[data-state=done]")
    assert page.get_attribute("#voice .voice", "data-mine") == "kept"  # finished works are never drawn again

    # 3. Everything can be looked at.
    page.wait_for_function("document.querySelector('#posters .frame img').naturalWidth > 0")
    page.click("#posters .frame")
    page.wait_for_selector("#lightbox[open] img")
    assert page.locator("#lightbox .links a").all_inner_texts() == ["PNG", "PDF", "SVG"]
    page.keyboard.press("Escape")
    page.wait_for_selector("#lightbox[open]", state="detached")
    page.wait_for_function("document.querySelector('#voice audio').readyState >= 1")
    assert page.locator("#voice .sentences li").count() >= 2
    page.click("#voice .play")
    page.wait_for_function("document.querySelector('#voice audio').currentTime > 0.2")
    page.click("#voice .play")
    track = "document.querySelector('#video video track')"
    page.evaluate(f"{track}.track.mode = 'hidden'")
    page.wait_for_function(f"{track}.track.cues?.length >= 2")
    page.wait_for_function("document.querySelector('#video video').duration > 5")
    page.click("#copy-cards .copy-one")
    page.wait_for_selector("#toast.show")

    # 4. The kit can be taken home.
    with page.expect_download() as download:
        page.click("#btn-download")
    with zipfile.ZipFile(download.value.path()) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert {"index.html", "kit.json"} <= set(names)
    assert {name.split("/")[0] for name in names if "/" in name} == {"copy", "posters", "voice", "video"}
    rows = page.locator("#kit-files li").count()
    assert rows == len(names) - 2

    # 5. One field changed: only what depends on it is made again.
    page.fill("#brief-call_to_action", "马上喝")
    assert text(page, "#btn-make") == "按新简报再做一版"
    page.locator("#brief-only").scroll_into_view_if_needed()
    page.click("#brief-only [data-value=video]")
    page.click("#btn-make")
    page.wait_for_function(f"!location.hash.endsWith('{job}')")
    wait_for_work(page, "#progress[data-state=done]")
    reused = re.search(r"沿用 (\d+) 步，新做 (\d+) 步", text(page, "#progress .left"))
    assert reused
    assert int(reused[1]) >= 3
    assert int(reused[2]) >= 1
    assert "第 2 版" in text(page, ".job-head .facts")
    page.click("#btn-versions")
    assert page.locator("#btn-versions .menu-list a").count() == 2

    # 6. After a restart the history has both, and the first opens with its works.
    page.context.close()
    second.context.close()
    server.stop()
    server.start()
    page = open_page("#/history")
    page.wait_for_selector(f".jobs [data-key='{job}']")
    assert page.locator(".jobs .job").count() == 2
    assert page.locator(".jobs .state[data-state=done]").count() == 2
    page.click(f".jobs [data-key='{job}'] .job-words")
    page.wait_for_selector("#posters .frame img")
    assert page.is_visible("#btn-download")
    phone = open_page(f"#/campaign/{job}", size=PHONE)
    phone.wait_for_selector("#video video")
    assert no_side_scroll(phone)
    dark = open_page(f"#/campaign/{job}", locale="en-US", scheme="dark")
    dark.wait_for_selector("#progress[data-state=done]")
    assert text(dark, "#progress .note") == "The kit is finished"


def test_a_job_is_cancelled_tried_again_and_deleted(open_page: Open) -> None:
    page = open_page(locale="en-US")
    small_campaign(page)
    page.fill("#brief-seed", "8")
    page.click("#btn-make")
    page.wait_for_url("**#/campaign/*")
    page.click("#btn-cancel")
    page.wait_for_selector("#progress[data-state=cancelled]", timeout=60_000)
    assert text(page, "#progress .note") == "Cancelled; what was finished is kept"
    job = page.url.rpartition("/")[2]
    page.click("#btn-retry")
    page.wait_for_selector("#btn-cancel:visible")
    page.click("#btn-cancel")
    page.wait_for_selector("#progress[data-state=cancelled]", timeout=60_000)
    page.click("[data-page-link=history]")
    row = f".jobs [data-key='{job}']"
    page.click(f"{row} [data-act=duplicate]")
    page.wait_for_function("location.hash === '#/campaign'")
    page.click("[data-page-link=history]")
    page.click(f"{row} [data-act=delete]")
    page.click(f"{row} [data-act=delete]")
    page.wait_for_selector(row, state="detached")


def test_models_are_named(open_page: Open) -> None:
    page = open_page("#/models")
    page.wait_for_selector(".model")
    assert page.locator(".model").count() == 7
    assert "核心" in text(page, ".machine")
