"""Every block of every page is run: by a test that takes it, or here, on a database that suits the pages."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

import pages
from acceptance.page_blocks import (
    HOW,
    NOT_RUN,
    chains,
    follow,
    is_taken,
    own,
    predecessor,
    reason_not_run,
    taken,
)
from acceptance.page_programs import pip
from acceptance.page_world import PageServer, PageWorld, page_server
from pages import Block
from programs import PROJECT

ALL: Final = [block for page in pages.with_blocks() for block in pages.blocks(page)]
ABSENT: Final = frozenset({"apt", "apt-get", "docker", "helm", "kubectl", "nats", "systemctl"})
"""Programs that cannot do here what a page says. A block that is not run begins with one of them."""

SITE: Final = PROJECT / "tests" / "browser" / "test_site.py"
"""The test that draws each diagram in a browser."""

_COMMAND: Final = re.compile(r"^\s*(?:\$|iu|pip|psql|make|docker|kubectl|select|insert) ", re.MULTILINE)
_PATH: Final = re.compile(r"(?:deploy|sql|tests)/[\w./-]+")


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    """A server of its own, which shadows that of the test run."""
    with page_server() as server:
        yield server


@pytest.mark.read_committed
@pytest.mark.parametrize("chain", chains(), ids="+".join)
def test_the_blocks_of_a_page_do_what_it_shows(chain: list[str], server: PageServer, tmp_path: Path) -> None:
    world = PageWorld(tmp_path, server, "".join(map(pages.text, chain)))
    for page in chain:
        for block in own(page):
            follow(world, block)


def fault(block: Block) -> str | None:
    """Describe why a block is not run, or not allowed, or return None."""
    if not block.fenced:
        return "code is indented: fence it, with its language"
    reason = reason_not_run(block)
    if reason:
        return fault_of_excuse(block)
    if not block.language:
        return "a block without a language is a drawing" if _COMMAND.search(block.text) else None
    if block.language == "mermaid":
        return None
    if block.file and not is_taken(block):
        return None if is_used(block) else f"nothing on the page uses the file {block.file}"
    return None if block.language in HOW or is_taken(block) else "no test takes it"


def fault_of_excuse(block: Block) -> str | None:
    """Describe what is wrong with the reason of a page for not running a block, or return None."""
    if is_taken(block):
        return "a test takes it"
    if not ABSENT & {*block.text.split()}:
        return "it names no program that is absent"
    missing = [path for path in _PATH.findall(f"{block.note} {block.text}") if not (PROJECT / path).exists()]
    return f"it names {missing}" if missing else None


def is_used(file: Block) -> bool:
    name = Path(file.file).name
    others = [block.text for block in pages.blocks(file.page) if block.line != file.line]
    return any(name in text for text in others)


def test_every_block_is_run_or_its_page_says_why_not() -> None:
    assert len(ALL) > 150
    assert {str(block): said for block in ALL if (said := fault(block))} == {}


def test_each_reason_for_not_running_stands_before_a_block() -> None:
    written = {page: sum(map(bool, map(NOT_RUN.match, pages.comments(page)))) for page in pages.names()}
    used = {page: sum(bool(reason_not_run(one)) for one in pages.blocks(page)) for page in pages.names()}
    assert written == used


def test_a_test_takes_only_blocks_that_exist() -> None:
    assert len(taken()) > 40
    assert [one for one in taken() if not any(one.has(block) for block in ALL)] == []


def test_a_page_follows_a_page_whose_blocks_are_run() -> None:
    chained = {page for chain in chains() for page in chain}
    assert {page for page in pages.names() if predecessor(page)} <= chained


def test_each_diagram_is_drawn_by_the_test_of_the_site() -> None:
    assert "mermaid" in SITE.read_text(encoding="utf-8")


BLOCK: Final = Block("README.md", 1, "", "", "", "", "")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (replace(BLOCK, text="iu run", fenced=False), "code is indented"),
        (replace(BLOCK, text="$ iu run"), "a block without a language"),
        (replace(BLOCK, language="text", text="3 events"), "no test takes it"),
        (replace(BLOCK, language="rust", text="fn"), "no test takes it"),
        (replace(BLOCK, language="yaml", text="a: b", file="nowhere.yaml"), "nothing on the page uses"),
        (
            replace(BLOCK, language="sh", text="iu run", note="not run: it is slow"),
            "no program that is absent",
        ),
        (
            replace(BLOCK, language="sh", text="docker build deploy/nowhere", note="not run: no Docker"),
            "it names ['deploy/nowhere']",
        ),
        (
            replace(
                pages.blocks("docs/operate/celery.md")[-1],
                text="docker ps",
                note="not run: there is no Docker",
            ),
            "a test takes it",
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_block_that_nobody_runs_is_reported(given: Block, said: str) -> None:
    assert said in str(fault(given))


def test_a_drawing_and_a_block_that_is_run_are_accepted() -> None:
    assert fault(replace(BLOCK, text="┌──┐")) is None
    assert fault(replace(BLOCK, language="sh", text="iu run")) is None
    assert fault(replace(BLOCK, language="sh", text="docker ps", note="not run: there is no Docker")) is None


WRONG: Final = (
    replace(BLOCK, language="console", text="$ echo two\nthree\n"),
    replace(BLOCK, language="console", text="$ false\n"),
    replace(BLOCK, language="console", text="$ echo 'error: it works'\nerror: it works\n"),
    replace(BLOCK, language="console", text="$ true   # exits with 3\n"),
    replace(BLOCK, language="sh", text="false\ntrue\n"),
    replace(BLOCK, language="sh", text="iu seek nowhere --reason x\n"),
    replace(BLOCK, language="sh", text="iu deliver --stay --max-seconds 1\n"),
    replace(BLOCK, language="sh", text="make nothing\n"),
    replace(BLOCK, language="sh", text="pip install 'iu-pipelines[nothing]'\n"),
    replace(BLOCK, language="sql", text="select nothing;\nselect 1;\n"),
    replace(BLOCK, language="python", text="from iu_pipelines import nothing\n"),
    replace(BLOCK, language="yaml", text="routes: {a: {}}\n"),
)


def test_a_block_that_does_not_do_what_it_shows_fails(server: PageServer, tmp_path: Path) -> None:
    world = PageWorld(tmp_path, server, "")
    for block in WRONG:
        with pytest.raises(AssertionError, match=r"README\.md, line 1"):
            follow(world, block)


def test_what_a_page_exports_and_the_ids_that_it_shows_hold_for_its_next_blocks(
    server: PageServer, tmp_path: Path
) -> None:
    world = PageWorld(tmp_path, server, "")
    shown = "0199c1d2-0000-7000-8000-00000000000a"
    emit = f"iu emit order_paid orders/5 --subject {shown} --actor shop"
    follow(world, replace(BLOCK, language="sh", text="export KIND=order_paid\ncd secrets\n"))
    follow(world, replace(BLOCK, language="console", text="$ echo $KIND; ls\norder_paid\nSHOP\n"))
    assert world.call(f"{emit} | tee id").code == 0
    follow(world, replace(BLOCK, language="console", text=f"$ cat id\n{shown}\n"))
    follow(world, replace(BLOCK, language="sh", text=f"test $(cat id) = {shown}\niu event show {shown}\n"))


def test_the_extras_that_a_page_installs_exist() -> None:
    content = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    for extra in content["project"]["optional-dependencies"]:
        assert pip(["install", f"iu-pipelines[{extra}]"]) == 0
    assert pip(["install", ".[all]"]) == pip(["install", "--quiet", "iu-pipelines", "s3fs"]) == 0
    assert pip(["install", ".[nothing]"]) == pip(["install"]) == pip(["uninstall", "s3fs"]) == 1
