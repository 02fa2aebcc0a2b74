"""The report in a real browser: offline, light and dark, wide and narrow, printed, and by keyboard.

Accessibility is that of WCAG 2.2, level AA.
"""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import pytest

import build_site
from browser import axe
from evidence import pages
from iu_pipelines.evidence import pack
from iu_pipelines.evidence.facts import Evidence

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
BACKGROUNDS: Final = ("paper", "card", "good-soft", "bad-soft", "wait-soft")
TEXTS: Final = ("ink", "faint", "good", "bad", "wait", "accent")
DRAWN: Final = ("dry-run", "skipped", "failed", "sent", "backlog")
SCHEMES: Final[Sequence[Literal["light", "dark"]]] = ("light", "dark")
TEXTS_WITH_COLOURS: Final = """
() => {
    const found = new Map();
    const solid = (colour) => !/^rgba\\(.*, 0\\)$|^transparent$/.test(colour);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim();
        let element = walker.currentNode.parentElement;
        if (!text || !element.checkVisibility()) continue;
        const style = getComputedStyle(element);
        const colour = element.closest("svg") ? style.fill : style.color;
        while (element && !solid(getComputedStyle(element).backgroundColor)) element = element.parentElement;
        const behind = getComputedStyle(element ?? document.body).backgroundColor;
        found.set(`${colour} on ${behind}`, text.slice(0, 40));
    }
    return [...found];
}
"""
"""Return each pair of colours of a text and what is behind it, with one of its texts."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of the operating system; without one the test is skipped."""
    if CHROMIUM is None:
        pytest.skip("no Chromium found; install the package of the distribution")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def written(evidence: Evidence, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The addresses of pages about different states of a database."""
    folder = tmp_path_factory.mktemp("pages")
    return {
        name: pack.write(pages.PAGES[name](evidence), folder / name).report.as_uri() for name in pages.SHOWN
    }


@pytest.fixture(params=pages.SHOWN)
def page(request: pytest.FixtureRequest, browser: Browser, written: Mapping[str, str]) -> Iterator[Page]:
    """Each of these pages."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(written[request.param])
    yield page
    page.close()


@pytest.fixture
def busy(browser: Browser, written: Mapping[str, str]) -> Iterator[Page]:
    """A page with charts, on a narrow screen."""
    page = browser.new_page(viewport={"width": 320, "height": 600})
    page.goto(written["busy"])
    yield page
    page.close()


def messages_and_requests(page: Page) -> list[str]:
    """A list that grows with each message to the console of `page` and each URL that it requests."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: said.append(request.url))
    return said


@pytest.mark.parametrize("name", pages.SHOWN)
def test_the_page_opens_offline_and_fits_every_screen(
    browser: Browser, written: Mapping[str, str], name: str
) -> None:
    context = browser.new_context(offline=True)
    page = context.new_page()
    events = messages_and_requests(page)
    page.goto(written[name])
    for width in (320, 390, 720, 820, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1").inner_text().startswith("Event routing in database")
    for link in page.locator("nav a").all():
        assert page.locator(str(link.get_attribute("href"))).count() == 1
    assert events == [written[name]]
    context.close()


def test_no_word_of_a_short_column_is_broken(page: Page) -> None:
    """Each of these words is in one box, so it is in one line."""
    page.set_viewport_size({"width": 720, "height": 800})
    broken = page.evaluate("""
        () => [...document.querySelectorAll("td.short, .mark, thead th")].filter((element) => {
            const words = document.createRange();
            return [...element.childNodes].some((node) => {
                if (node.nodeType !== Node.TEXT_NODE) return false;
                return [...node.textContent.matchAll(/\\S+/g)].some((word) => {
                    words.setStart(node, word.index);
                    words.setEnd(node, word.index + word[0].length);
                    return words.getClientRects().length > 1;
                });
            });
        }).map((element) => element.textContent)
    """)
    assert broken == []


def test_on_a_narrow_screen_every_cell_has_its_name(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.locator("table:visible").count() > 10
    cells = page.locator("table:not(.facts, .sign) td:visible")
    names = cells.evaluate_all("cells => cells.map(cell => getComputedStyle(cell, '::before').content)")
    assert names
    assert [name for name in names if not re.fullmatch(r'"[\w ]+" ": "|"[\w ]+: "', name)] == []


def test_the_page_prints_every_line(browser: Browser, evidence: Evidence, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(pack.write(evidence, tmp_path).report.as_uri())
    assert page.locator("#signature").is_hidden()
    page.emulate_media(media="print")
    for hidden in ("nav", "details", ".skip", ".screen"):
        assert all(found.is_hidden() for found in page.locator(hidden).all()), hidden
    assert page.locator("table.proof tbody tr").count() == evidence.verdict.lines
    assert all(row.is_visible() for row in page.locator("table.proof tbody tr").all())
    assert page.locator("#signature").is_visible()
    assert page.locator("table.sign tr").count() == 5
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_the_structure_of_the_page_is_told_without_its_look(page: Page) -> None:
    assert page.locator("html").get_attribute("lang") == "en"
    assert [page.locator(f"body > {name}").count() for name in ("header", "main", "footer")] == [1, 1, 1]
    assert page.get_by_role("navigation", name="Contents").count() == 1
    levels = [int(tag[1]) for tag in tags(page, "h1, h2, h3, h4, h5, h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert [pair for pair in itertools.pairwise(levels) if pair[1] > pair[0] + 1] == []
    sections = page.locator("main > section").evaluate_all(
        "all => all.map(one => one.ariaLabelledByElements)"
    )
    assert sections
    assert all(sections)
    assert page.locator("th:not([scope])").count() == 0
    assert page.locator("th").evaluate_all("all => all.filter(one => !one.textContent.trim()).length") == 0
    captions = page.locator("table").evaluate_all("all => all.map(one => one.caption?.textContent)")
    assert captions
    assert all(captions)


def tags(page: Page, selector: str) -> list[str]:
    found: list[str] = page.locator(selector).evaluate_all("all => all.map(one => one.tagName)")
    return found


def test_a_chart_has_a_name_a_summary_and_a_table(busy: Page) -> None:
    assert busy.get_by_role("img", name="Chart of attempts by decision over time").count() == 1
    assert busy.get_by_role("img", name="Chart of the backlog over time").count() == 1
    assert busy.locator("svg[role=img][aria-labelledby]").count() == busy.locator("svg").count() == 2
    figure = busy.locator("figure").first
    assert figure.get_by_text("Attempts in the chart: 150").is_visible()
    assert figure.locator("details tbody tr").first.is_hidden()
    figure.get_by_text("All numbers of this chart").press("Enter")
    assert figure.locator("details tbody tr").count() == 12
    assert figure.locator("details tbody tr").first.is_visible()
    headings = figure.locator("details thead th").all_inner_texts()
    assert headings == ["Interval from", "dry run", "skipped", "failed", "sent"]


def test_the_page_is_usable_by_keyboard(busy: Page) -> None:
    busy.keyboard.press("Tab")
    skip = busy.get_by_role("link", name="Skip to the content")
    assert skip.evaluate("link => document.activeElement === link && link.getBoundingClientRect().top >= 0")
    busy.keyboard.press("Tab")
    focused = busy.locator(":focus-visible")
    assert focused.get_attribute("href") == "#scope"
    ring = focused.evaluate(
        "link => (({outlineStyle, outlineWidth, outlineColor}) =>"
        " [outlineStyle, outlineWidth, outlineColor])(getComputedStyle(link))"
    )
    assert ring[:2] == ["solid", "3px"]
    assert contrast(hexadecimal(ring[2]), themes()[0]["paper"]) >= 3
    busy.keyboard.press("Shift+Tab")
    busy.keyboard.press("Enter")
    busy.keyboard.press("Tab")
    assert busy.evaluate("document.querySelector('main').contains(document.activeElement)")
    scrolling = busy.evaluate("""
        () => [...document.querySelectorAll("main *")].filter((one) => one.scrollWidth > one.clientWidth
            && getComputedStyle(one).overflowX === "auto").map((one) => [one.tabIndex, one.ariaLabel])
    """)
    assert [index for index, _ in scrolling] == [0, 0]
    assert all(name for _, name in scrolling)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_that_is_shown_has_enough_contrast(page: Page, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    pairs = page.evaluate(TEXTS_WITH_COLOURS)
    assert len(pairs) > 5
    for colours, text in pairs:
        one, other = (hexadecimal(colour) for colour in colours.split(" on "))
        assert contrast(one, other) >= 4.5, (colours, text)


def hexadecimal(colour: str) -> str:
    """Return a computed colour, such as `rgb(23, 32, 43)`, as `#17202b`."""
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", colour)[:3])


@pytest.mark.parametrize("name", pages.SHOWN)
def test_axe_finds_nothing(browser: Browser, written: Mapping[str, str], name: str) -> None:
    try:
        library = axe.load()
    except build_site.UnreachableError as error:
        pytest.skip(str(error))
    context = browser.new_context(bypass_csp=True)  # the page allows no script
    page = context.new_page()
    page.goto(written[name])
    for scheme, width in zip(SCHEMES, (320, 1280), strict=True):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        assert axe.violations(page, library) == []
    context.close()


def test_what_a_colour_means_is_written_too(page: Page) -> None:
    coloured = page.locator(".tile.bad, .tile.wait, .fault, tr.bad, .verdict").all_inner_texts()
    signs = re.compile("[✓✗…]|unhealthy|by a worker|replayed or discarded|edited|changed|unknown")
    assert coloured
    assert [text for text in coloured if not signs.search(text)] == []
    for group in page.locator("tr.bad").all():
        assert group.locator(".mark.bad").count() or "✗" in group.locator("xpath=../../..").inner_text()


def themes() -> list[dict[str, str]]:
    """Return the colours of the page by name: light, dark, and printed."""
    style = files("iu_pipelines.evidence").joinpath("report.css").read_text(encoding="utf-8")
    return [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block)) for block in style.split(":root {")[1:]
    ]


@pytest.mark.parametrize("theme", range(3), ids=["light", "dark", "print"])
def test_every_text_has_enough_contrast_with_every_background(theme: int) -> None:
    colours = themes()[theme]
    for text in TEXTS:
        for background in BACKGROUNDS:
            assert contrast(colours[text], colours[background]) >= 4.5, (text, background)


@pytest.mark.parametrize("theme", range(3), ids=["light", "dark", "print"])
def test_everything_that_is_drawn_has_enough_contrast_with_the_chart(theme: int) -> None:
    colours = themes()[theme]
    for drawn in DRAWN:
        assert contrast(colours[drawn], colours["card"]) >= 3, drawn


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, as WCAG defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
