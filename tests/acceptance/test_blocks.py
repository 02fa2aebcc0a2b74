"""Every block of every page is run: by a test that takes it, or here, in the world of the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import pages
from acceptance.page_blocks import HOW, chains, follow, is_taken, own, reason_not_run
from acceptance.page_world import PageServer, PageWorld, page_server
from pages import Block

ALL: Final = [block for page in pages.with_blocks() for block in pages.blocks(page)]
_DIAGRAM: Final = re.compile(r"(flowchart|stateDiagram-v2|erDiagram|sequenceDiagram)\b")
_COMMAND: Final = re.compile(r"^\s*(?:\$|iu|pip|psql|make|docker|kubectl|select|insert) ", re.MULTILINE)


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    """A server of its own, which shadows that of the test run."""
    with page_server() as server:
        yield server


@pytest.mark.parametrize("chain", chains(), ids=lambda chain: "+".join(Path(page).stem for page in chain))
def test_the_blocks_of_a_page_do_what_it_shows(chain: list[str], server: PageServer, tmp_path: Path) -> None:
    world = PageWorld(tmp_path, server, "".join(map(pages.text, chain)))
    for page in chain:
        for block in own(page):
            follow(world, block)


def unexplained(block: Block) -> bool:
    """Return whether nobody runs a block, and its page does not say why."""
    if not block.fenced:
        return True
    if not block.language:
        return bool(_COMMAND.search(block.text))
    if block.language == "mermaid":
        return not _DIAGRAM.match(block.text)
    return not (block.language in HOW or block.file or is_taken(block) or reason_not_run(block))


def test_every_block_is_run_or_its_page_says_why_not() -> None:
    assert [str(block) for block in ALL if unexplained(block)] == []
