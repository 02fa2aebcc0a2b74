"""The documentation site, read in Chromium from its files: no server, no network."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

import build_site
from browser import axe
from browser.test_web_ui import CHROMIUM, FLAGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

PROJECT = build_site.PROJECT
WIDE: Final[ViewportSize] = {"width": 1280, "height": 900}
NARROW: Final[ViewportSize] = {"width": 360, "height": 700}

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is missing: install the distribution's package"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site built from the pages of this checkout."""
    pytest.importorskip("zensical", reason="zensical is not installed")
    try:
        for wanted in build_site.SCRIPTS:
            build_site.script(wanted)
    except build_site.UnreachableError as error:
        pytest.skip(str(error))
    home = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, PROJECT / "docs/build_site.py", "--folder", home],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return home / "site"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Reader:
    """A page of a browser that remembers what went wrong, and what was asked of the network."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("console", lambda message: self._add(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self._add(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _add(self, fault: str) -> None:
        self.faults.append(f"{Path(self.page.url).name}: {fault}")

    def _asked(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            self._add(f"asked for {url}")

    def open(self, path: Path) -> Page:
        self.page.goto(path.as_uri(), wait_until="load")
        return self.page


@pytest.fixture
def reader(browser: Browser) -> Iterator[Reader]:
    page = browser.new_page(viewport=WIDE)
    yield Reader(page)
    page.close()


def pages(site: Path) -> list[Path]:
    """Return every page except that of a server for unknown addresses, and all decisions but one."""
    found = sorted(path for path in site.rglob("*.html") if path.name != "404.html")
    decisions = [path for path in found if path.parent.name == "decisions" and path.name != "index.html"]
    return [path for path in found if path not in decisions[1:]]


@dataclass(frozen=True)
class Seen:
    """What was seen of every page, opened once: by page, and the faults of all."""

    titles: dict[str, int]
    broken_images: dict[str, list[str]]
    widths: dict[str, int]
    faults: list[str]


@pytest.fixture(scope="module")
def seen(site: Path, browser: Browser) -> Seen:
    seen = Seen({}, {}, {}, [])
    page = browser.new_page()
    reader = Reader(page)
    for path in pages(site):
        name = path.relative_to(site).as_posix()
        page.set_viewport_size(WIDE)
        reader.open(path)
        seen.titles[name] = page.locator("h1").count()
        seen.broken_images[name] = page.evaluate(
            "[...document.querySelectorAll('main img')].filter(one => one.complete && !one.naturalWidth)"
            ".map(one => one.src)"
        )
        page.set_viewport_size(NARROW)
        seen.widths[name] = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    seen.faults.extend(reader.faults)
    return seen


@needs_chromium
def test_every_page_opens_without_a_fault_and_asks_nothing_of_the_network(seen: Seen) -> None:
    assert len(seen.titles) > 50
    assert {name: count for name, count in seen.titles.items() if count != 1} == {}
    assert {name: images for name, images in seen.broken_images.items() if images} == {}
    assert seen.faults == []


@needs_chromium
def test_no_page_is_wider_than_a_narrow_screen(seen: Seen) -> None:
    assert {name: width for name, width in seen.widths.items() if width > NARROW["width"]} == {}


@needs_chromium
@pytest.mark.parametrize(
    "name", ["index.html", "tutorial/index.html", "concepts/windows.html", "reference/errors.html"]
)
def test_axe_finds_nothing_in_a_page(site: Path, reader: Reader, name: str) -> None:
    page = reader.open(site / name)
    assert axe.violations(page, axe.load(), axe.WCAG) == []


@needs_chromium
def test_every_diagram_is_drawn(site: Path, reader: Reader) -> None:
    drawn = 0
    for path in pages(site):
        count = path.read_text(encoding="utf-8").count('class="mermaid"')
        if count:
            page = reader.open(path)
            page.wait_for_function(
                "count => document.querySelectorAll('div.mermaid').length == count", arg=count
            )
            drawn += count
    assert drawn >= 7
    assert reader.faults == []


@needs_chromium
@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("dead letter", "operate/dead-letters.html"),
        ("pgbouncer", "how-to/pgbouncer.html"),
        ("write a target kind", "how-to/write-a-target-kind.html"),
    ],
)
def test_the_search_finds_a_page_without_a_server(site: Path, reader: Reader, words: str, place: str) -> None:
    page = reader.open(site / "index.html")
    page.get_by_role("button", name="Search").first.click()
    page.keyboard.type(words)
    page.get_by_role("option").first.click()
    page.wait_for_url(f"**/{place}*")
    assert reader.faults == []


def test_every_page_is_in_the_navigation() -> None:
    configuration = tomllib.loads((PROJECT / "zensical.toml").read_text(encoding="utf-8"))
    listed = sorted(in_navigation(configuration["project"]["nav"]))
    docs = PROJECT / "docs"
    there = sorted(
        path.relative_to(docs).as_posix()
        for path in docs.rglob("*.md")
        if path.parent.name != "decisions" or path.name == "README.md"
    )
    assert listed == there


def in_navigation(entry: Any) -> Iterator[str]:
    """Yield the pages of an entry of the navigation."""
    if isinstance(entry, str):
        yield entry
    else:
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from in_navigation(part)


@pytest.mark.parametrize(
    ("link", "on_the_site", "without_a_repository"),
    [
        ("[a](../tutorial/README.md#b)", "[a](../tutorial/README.md#b)", "[a](../tutorial/README.md#b)"),
        ("[`x`](../../sql/y.sql)", "[`x`](https://example.org/blob/v1/sql/y.sql)", "`x`"),
        ("[a](../../deploy/x/a.yml)", "[a](../deploy/x/a.yml)", "[a](../deploy/x/a.yml)"),
        ("[a](../../deploy)", "[a](https://example.org/blob/v1/deploy)", "a"),
        ("[a](../../README.md#install)", "[a](https://example.org/blob/v1/README.md#install)", "a"),
        ("[a](https://example.org)", "[a](https://example.org)", "[a](https://example.org)"),
        ("[a](#b)", "[a](#b)", "[a](#b)"),
        ("![a](../images/plot.png)", "![a](../images/plot.png)", "![a](../images/plot.png)"),
        ("```\n[a](../../x.md)\n```", "```\n[a](../../x.md)\n```", "```\n[a](../../x.md)\n```"),
    ],
)
def test_links_to_files_outside_the_pages_lead_to_the_repository(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    link: str,
    on_the_site: str,
    without_a_repository: str,
) -> None:
    monkeypatch.setattr(build_site, "PROJECT", tmp_path)
    monkeypatch.setattr(build_site, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(build_site, "DEPLOY", tmp_path / "deploy")
    (tmp_path / "deploy" / "x").mkdir(parents=True)
    (tmp_path / "deploy" / "x" / "a.yml").touch()
    path = tmp_path / "docs" / "operate" / "page.md"
    path.parent.mkdir(parents=True)
    path.write_text(link, encoding="utf-8")
    assert build_site.page(path, "https://example.org/blob/v1") == on_the_site
    assert build_site.page(path, None) == without_a_repository


def test_the_site_has_the_files_that_operators_install(site: Path) -> None:
    there = {path.relative_to(site).as_posix(): path.read_bytes() for path in (site / "deploy").rglob("*.*")}
    for path in (PROJECT / "deploy").rglob("*.*"):
        if not path.name.startswith(".") and "__pycache__" not in path.parts:
            assert there[path.relative_to(PROJECT).as_posix()] == path.read_bytes()
    assert (site / "deploy" / "docker" / "Dockerfile").is_file()
    page = (site / "operate" / "monitoring.html").read_text(encoding="utf-8")
    assert 'href="../deploy/prometheus/iu_pipelines.rules.yml"' in page


def test_the_site_has_no_empty_list_of_its_pages(site: Path) -> None:
    assert not (site / "sitemap.xml").exists()


def test_a_script_that_was_changed_on_its_way_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build_site, "CACHE", tmp_path)
    (wanted, *_) = build_site.SCRIPTS
    (tmp_path / Path(wanted.package).name).write_bytes(b"something else")
    with pytest.raises(build_site.SiteError, match=f"instead of {wanted.sha256}"):
        build_site.script(wanted)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_link_or_anchor_is_a_failure(site: Path, tmp_path: Path) -> None:
    copied = tmp_path / "build" / "docs"
    copied.mkdir(parents=True)
    (copied / "README.md").write_text("# Start\n\n[a](nowhere.md) [b](README.md#nothing)\n", encoding="utf-8")
    (tmp_path / "zensical.toml").write_text(
        '[project]\nsite_name = "x"\ndocs_dir = "build/docs"\n', encoding="utf-8"
    )
    built = build_site.strict(tmp_path)
    assert built.returncode != 0
    assert "page does not exist" in built.stdout
    assert "anchor does not exist" in built.stdout
