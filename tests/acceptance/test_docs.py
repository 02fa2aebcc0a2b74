"""The documents are true: commands exist and print what is written, and links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console import PROJECT, Shell, commands, first_difference
from typer.main import get_command

from iu_pipelines.cli.main import build_app

DOCUMENTS = sorted({PROJECT / "README.md", *PROJECT.glob("docs/**/*.md")})
EVERY_DOCUMENT = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT))
)
_FENCED = re.compile(r"^```(?:console|sh|shell)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")
_PATH = re.compile(r"`((?:sql|tests|iu_pipelines|docs|deploy|bench)/[^`\s]*)`")
_STATEMENT = re.compile(r"\s(?:&&|\|\||\||>|>>|#)(?:\s|$)")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.run("iu stop")


def test_the_tutorial_prints_what_it_says(shell: Shell) -> None:
    for command in commands((PROJECT / "docs/tutorial/README.md").read_text(encoding="utf-8")):
        difference = first_difference(command.output, shell.run(command.text))
        assert difference is None, f"$ {command.text}\n{difference}"


@EVERY_DOCUMENT
def test_every_command_in_a_document_exists_with_its_options(document: Path) -> None:
    for line in fenced_lines(document):
        for statement in _STATEMENT.split(line.removeprefix("$ ")):
            if statement.strip().startswith("iu "):
                parse(shlex.split(statement))


@EVERY_DOCUMENT
def test_every_make_target_in_a_document_exists(document: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    wanted = {
        word
        for line in fenced_lines(document)
        for word in re.findall(r"\bmake ([a-z][a-z-]*)", line)
        if line.removeprefix("$ ").startswith("make ")
    }
    assert wanted <= targets


@EVERY_DOCUMENT
def test_every_link_in_a_document_leads_to_a_file(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = [target for target in _LINK.findall(text) if not (document.parent / target).exists()]
    assert broken == []


@EVERY_DOCUMENT
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    named = _PATH.findall(document.read_text(encoding="utf-8"))
    missing = [path for path in named if "<" not in path and not (PROJECT / path).exists()]
    assert missing == []


def test_the_comparison_of_outputs_sees_a_difference() -> None:
    assert first_difference(["batch 1: 2 events in 3 ms"], ["batch 1: 2 events in 14 ms"]) is None
    assert first_difference(["batch 1: 2 events"], ["batch 1: 3 events"])
    assert first_difference(["a"], ["a", "b"])
    assert first_difference(["a", "b"], ["a"])
    assert first_difference(["a", "...", "c"], ["a", "x", "y", "c"]) is None
    assert first_difference(["a", "...", "d"], ["a", "x", "y", "c"])


def test_a_command_that_does_not_exist_is_noticed() -> None:
    for command in ("iu frobnicate", "iu run --nope", "iu gate frob", "iu seek latest"):
        with pytest.raises(Exception, match=r"[Nn]o such|[Mm]issing"):
            parse(command.split())


def fenced_lines(document: Path) -> list[str]:
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for block in _FENCED.findall(text) for line in block.splitlines()]


def parse(words: list[str]) -> None:
    """Parse a command as the command line would, without running it; raises where it does not exist."""
    command: Any = get_command(build_app())
    context = command.make_context("iu", words[1:])
    rest = [*context._protected_args, *context.args]
    while rest and getattr(command, "commands", None):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        rest = [*context._protected_args, *context.args]
