"""How a block of each language is run in the surroundings of the pages, and which blocks other tests run.

`python tests/acceptance/page_blocks.py PAGE` runs the blocks of pages and rewrites the output shown there.
"""

from __future__ import annotations

import ast
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

import pages  # noqa: E402
from acceptance.console import ANY, HOME, Command, commands_of, first_difference  # noqa: E402
from acceptance.page_world import PageWorld, page_server  # noqa: E402
from pages import Block  # noqa: E402

NOT_RUN: Final = re.compile(r"not run: (.+)", re.DOTALL)
_AFTER: Final = re.compile(r"the blocks follow those of (\S+)")
_TAIL: Final = 20
_EXITS: Final = re.compile(r"# exits with (\d+)")
_DIFFERENCE: Final = {0, 3}
"""The exit codes of `iu plan` for a file that it accepts."""


def follow(world: PageWorld, block: Block) -> None:
    """Run a block. AssertionError if it does not do what the page says."""
    if block.file:
        world.write(block.file, block.text)
    else:
        HOW[block.language](world, block)


def _console(world: PageWorld, block: Block) -> None:
    for command in commands_of(block.text):
        done = world.call(command.text)
        difference = first_difference(command.output, done.lines) or _wrong_code(command, done.code)
        assert difference is None, _report(block, command.text, done.lines, difference)
        world.learn(command.output, done.lines)


def _wrong_code(command: Command, code: int) -> str | None:
    """Describe an exit code that the page does not make one expect, or return None."""
    if said := _EXITS.search(command.text):
        expected = code == int(said.group(1))
    else:
        expected = (code != 0) == any(line.startswith("error: ") for line in command.output)
    return None if expected else f"it exits with {code}"


def _script(world: PageWorld, block: Block) -> None:
    _succeeds(world, block, f"set -ex\n{block.text}set +x")


def _succeeds(world: PageWorld, block: Block, script: str, codes: Sequence[int] = (0,)) -> None:
    done = world.call(script)
    assert done.code in codes, _report(block, script, done.lines, f"it exits with {done.code}")


def _sql(world: PageWorld, block: Block) -> None:
    world.write("block.sql", block.text)
    _succeeds(world, block, "psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --file block.sql")


def _python(world: PageWorld, block: Block) -> None:
    world.write("block.py", block.text)
    _succeeds(world, block, "python block.py")


def _outbox_file(world: PageWorld, block: Block) -> None:
    world.write("block.yaml", block.text)
    _succeeds(world, block, "iu plan block.yaml", (0, 3))


HOW: Final[Mapping[str, Callable[[PageWorld, Block], None]]] = {
    "console": _console,
    "sh": _script,
    "sql": _sql,
    "python": _python,
    "yaml": _outbox_file,
}
"""What is done with the blocks of a language that no other test takes."""


def _report(block: Block, script: str, lines: Sequence[str], difference: str) -> str:
    return "\n".join([f"{block}: {difference}", f"$ {script}", *lines[-_TAIL:]])


@dataclass(frozen=True)
class Taken:
    """The blocks that a test takes: those of a language at a place of a page, or all that are followed."""

    page: str
    place: str = ""
    language: str = ""

    def has(self, block: Block) -> bool:
        if block.page != self.page:
            return False
        if self.place:
            return self.language == block.language and self.place in {block.heading, block.note}
        return block.language == "console" or bool(block.file)


@cache
def taken() -> Sequence[Taken]:
    """Return what the calls of `pages.code`, `pages.run` and `commands(pages.text(…))` in all tests take."""
    programs = [path.read_text(encoding="utf-8") for path in (PROJECT / "tests").rglob("*.py")]
    return [one for text in programs if "pages." in text for one in _taken_by(ast.parse(text))]


def _taken_by(module: ast.Module) -> Iterator[Taken]:
    constants = dict(_constants(module))
    for node in ast.walk(module):
        match node:
            case ast.Call(ast.Attribute(ast.Name("pages"), "code" | "run"), [page, place, *language]):
                named = [_value(argument, constants) for argument in (page, place, *language)]
                yield Taken(named[0], named[1], *(named[2:] or ["python"]))
            case ast.Call(ast.Name("commands"), [ast.Call(ast.Attribute(ast.Name("pages"), "text"), [page])]):
                yield Taken(_value(page, constants))


def _constants(module: ast.Module) -> Iterator[tuple[str, str]]:
    for node in module.body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Constant(str(value))) | ast.AnnAssign(
                ast.Name(name), _, ast.Constant(str(value))
            ):
                yield name, value


def _value(argument: ast.expr, constants: Mapping[str, str]) -> str:
    """Return the text of an argument: a literal, or the name of a constant of the module."""
    match argument:
        case ast.Constant(str(value)):
            return value
        case ast.Name(name) if name in constants:
            return constants[name]
    raise AssertionError(f"{ast.unparse(argument)}: write out the page and the place of a block")


def is_taken(block: Block) -> bool:
    return any(one.has(block) for one in taken())


def reason_not_run(block: Block) -> str | None:
    """Return why a block is not run, if its page says so in the comment before it."""
    said = NOT_RUN.fullmatch(block.note)
    return said.group(1) if said else None


def own(page: str) -> list[Block]:
    """Return the blocks of a page that are run in the surroundings of the pages."""
    return [
        block
        for block in pages.blocks(page)
        if block.language in HOW and not is_taken(block) and not reason_not_run(block)
    ]


def predecessor(page: str) -> str | None:
    """Return the page after whose blocks those of a page are run, or None."""
    found = [after.group(1) for comment in pages.comments(page) if (after := _AFTER.fullmatch(comment))]
    return found[0] if found else None


def chains() -> list[list[str]]:
    """Return the pages with such blocks; a page whose blocks follow those of another one comes after it."""
    before = {page: first for page in pages.with_blocks() if (first := predecessor(page))}
    after = {first: page for page, first in before.items()}
    found = []
    for page in pages.with_blocks():
        if page not in before and (own(page) or page in after):
            chain = [page]
            while chain[-1] in after:
                chain.append(after[chain[-1]])
            found.append(chain)
    return found


def rewritten(page: str, world: PageWorld) -> str:
    """Run the blocks of a page, and return it with the present output; `...` in an output keeps it."""
    text = pages.text(page)
    for block in own(page):
        if block.language != "console":
            follow(world, block)
            continue
        lines: list[str] = []
        for command in commands_of(block.text):
            done = world.call(command.text)
            world.learn(command.output, done.lines)
            named = [line.replace(str(world.folder), HOME) for line in done.lines if line]
            lines += map(world.renamed, command.lines)
            lines += command.output if ANY in command.output else named
        assert block.text in text, f"{block} is indented; rewrite it by hand"
        text = text.replace(block.text, "\n".join([*lines, ""]))
    return text


if __name__ == "__main__":
    with page_server() as server:
        for chain in chains():
            if {*chain} & {*sys.argv[1:]}:
                with tempfile.TemporaryDirectory() as scratch:
                    place = PageWorld(Path(scratch), server, "".join(map(pages.text, chain)))
                    for name in chain:
                        result = rewritten(name, place)
                        if name in sys.argv[1:]:
                            (PROJECT / name).write_text(result, encoding="utf-8")
