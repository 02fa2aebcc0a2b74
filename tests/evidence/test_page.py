"""The report in a real browser: offline, light and dark, on wide and narrow screens, and printed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iu_pipelines.evidence import pack
from iu_pipelines.evidence.facts import Evidence

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TEXT_ON_BACKGROUND = [
    ("ink", "paper"),
    ("ink", "card"),
    ("ink", "good-soft"),
    ("ink", "bad-soft"),
    ("faint", "paper"),
    ("faint", "card"),
    ("good", "card"),
    ("good", "good-soft"),
    ("bad", "card"),
    ("bad", "bad-soft"),
    ("accent", "paper"),
]


@pytest.fixture
def browser() -> Iterator[Browser]:
    """The Chromium of the operating system; without one the test is skipped."""
    if CHROMIUM is None:
        pytest.skip("no Chromium found; install the package of the distribution")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def messages_and_requests(page: Page) -> list[str]:
    """A list that grows with each message to the console of `page` and each URL that it requests."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: said.append(request.url))
    return said


def test_the_page_opens_offline_and_fits_every_screen(
    browser: Browser, evidence: Evidence, tmp_path: Path
) -> None:
    report = pack.write(evidence, tmp_path).report.as_uri()
    for scheme in ("light", "dark"):
        for width in (390, 820, 1280):
            context = browser.new_context(
                offline=True, color_scheme=scheme, viewport={"width": width, "height": 800}
            )
            page = context.new_page()
            events = messages_and_requests(page)
            page.goto(report)
            assert events == [report]
            assert page.locator("h1").inner_text().startswith("Event routing in database")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for link in page.locator("nav a").all():
                assert page.locator(str(link.get_attribute("href"))).count() == 1
            context.close()


def test_the_page_prints_every_line(browser: Browser, evidence: Evidence, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(pack.write(evidence, tmp_path).report.as_uri())
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("table.proof tbody tr").count() == evidence.verdict.lines
    assert all(row.is_visible() for row in page.locator("table.proof tbody tr").all())
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


@pytest.mark.parametrize("theme", range(3), ids=["light", "dark", "print"])
def test_every_text_has_enough_contrast_with_its_background(theme: int) -> None:
    style = files("iu_pipelines.evidence").joinpath("report.css").read_text(encoding="utf-8")
    themes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block)) for block in style.split(":root {")[1:]
    ]
    colours = themes[theme]
    for text, background in TEXT_ON_BACKGROUND:
        assert contrast(colours[text], colours[background]) >= 4.5, (text, background)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, as WCAG defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
