"""The documents: commands exist and print what is shown, and links and paths exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.main import get_command

import pages
from acceptance.console import PROJECT, Shell, commands, first_difference
from acceptance.delivery_page import files
from generators.command_line import entries
from iu_pipelines.cli.main import build_app
from iu_pipelines.db.gateway import Gateway

DOMAINS = "docs/how-to/several-domains.md"
PRESENT = [page for page in pages.names() if not page.startswith(("CHANGELOG.md", "docs/decisions/"))]
LAYERS = ("domain", "defs", "cli")
AT_THE_ROOT = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
DOCUMENTS = sorted({*(PROJECT / name for name in AT_THE_ROOT), *PROJECT.glob("docs/**/*.md")})
_FOLDERS = ("sql", "iu_pipelines", "tests", "docs", "bench", "deploy", ".ci", ".github")
_PATH = re.compile(
    rf"`((?:{'|'.join(map(re.escape, _FOLDERS))})/[^`\s]*"
    r"|[\w./<>*-]+\.(?:py|sql|toml|md|j2|css|tsv|mjs|yml|lock))`"
)
_MODULE = re.compile(r"`(iu_pipelines(?:\.\w+)+)`")
_PLACEHOLDER = re.compile(r"<\w+>|NNN(?:_\w+)?")
_STATEMENT = re.compile(r"\s(?:&&|\|\||\||>|>>|&|#)(?:\s|$)")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.run("iu stop")


def test_the_sql_in_the_readme_emits_one_event(gateway: Gateway) -> None:
    (script,) = pages.code("README.md", "iu_pipelines", "sql")
    gateway.execute("create table handbook (page text primary key, body text, version int)")
    gateway.run_script(script)
    events = gateway.fetch_all("select canonical_address, safe_payload from public.event_outbox")
    assert [tuple(event.values()) for event in events] == [("docs/leave.md", {"version_seq": 3})]


def test_the_commands_of_the_page_on_domains_print_the_output_shown(shell: Shell, gateway: Gateway) -> None:
    (script,) = pages.code(DOMAINS, "Register a type of the domain", "sql")
    gateway.run_script(script)
    (notes,) = pages.code(DOMAINS, "Register a type of the domain", "text")
    for command in commands(pages.text(DOMAINS)):
        printed = shell.run(f"export IU_DATABASE_URL='{gateway.url}'; {command.text}")
        if command.text == "iu status":
            assert set(notes.splitlines()) <= set(printed)
        elif command.text.startswith("iu emit"):
            assert UUID(printed[0])
        else:
            difference = first_difference(command.output, printed)
            assert difference is None, f"$ {command.text}\n{difference}"
    changes = gateway.fetch_all("select reason from public.iu_config_history where name = 'shop_outbound'")
    assert [change["reason"] for change in changes] == [
        "orders go to billing",
        "billing reads the orders itself",
        "billing needs help",
    ]


def test_the_commands_of_the_page_on_lost_events_print_the_output_shown(
    shell: Shell, gateway: Gateway
) -> None:
    shown = event_id = "01a21c1a-63eb-71e7-a3a4-439c755e1fe0"
    for command in commands(pages.text("docs/how-to/why.md")):
        text = command.text.replace(shown, event_id)
        printed = shell.run(f"export IU_DATABASE_URL='{gateway.url}'; {text}")
        if text.startswith("iu emit"):
            event_id = str(UUID(printed[0]))
        difference = first_difference(command.output, printed)
        assert difference is None, f"$ {text}\n{difference}"


def test_every_command_in_a_document_exists_with_its_options() -> None:
    commands = {
        statement.strip()
        for document in DOCUMENTS
        for line in fenced_lines(document)
        for statement in _STATEMENT.split(line.removeprefix("$ "))
        if statement.strip().startswith("iu ")
    }
    assert len(commands) > 30
    for command in sorted(commands):
        parse(shlex.split(command))


def test_every_example_in_a_help_page_is_a_command_that_exists_with_its_options() -> None:
    examples = {line for one in entries() for line in one.examples}
    assert len(examples) > 90
    for example in sorted(examples):
        statements = [part for part in _STATEMENT.split(example) if part.startswith("iu ")]
        assert statements, example
        for statement in statements:
            parse(shlex.split(statement))


def test_every_make_target_in_a_document_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    wanted = {
        word
        for document in DOCUMENTS
        for line in fenced_lines(document)
        for word in re.findall(r"\bmake ([a-z][a-z-]*)", line)
        if line.removeprefix("$ ").startswith("make ")
    }
    inline = [text for page in PRESENT for text in pages.inline_code(page)]
    wanted |= {text.split()[1] for text in inline if re.fullmatch(r"make [a-z-]+", text)}
    assert {"demo", "test"} <= wanted <= targets


def test_every_command_within_a_sentence_exists_with_its_options() -> None:
    commands = {
        (page, text.partition(" | ")[0])
        for page in PRESENT
        for text in pages.inline_code(page)
        if text.startswith("iu ")
    }
    assert len(commands) > 200
    assert {named: unknown for named in commands if (unknown := unknown_words(named[1]))} == {}


def test_an_unknown_word_of_a_command_within_a_sentence_is_reported() -> None:
    assert unknown_words("iu frobnicate NAME") == ["frobnicate"]
    assert unknown_words("iu gate frob") == ["frob"]
    assert unknown_words("iu run --worker NAME --nope=1") == ["--nope=1"]
    assert unknown_words("iu COMMAND --help") == unknown_words("iu deliver replay EVENT_ID --route R") == []


def test_every_link_leads_to_a_file_and_to_a_heading_in_it() -> None:
    links = [(page, link) for page in pages.names() for link in pages.links(page)]
    assert len(links) > 500
    assert [link for link in links if is_broken(*link)] == []


@pytest.mark.parametrize(
    "link",
    ["docs/nowhere.md", "docs/operate/gates.md#open-sesame", "#nothing", "docs/performance.md#goals-1"],
)
def test_a_link_that_leads_nowhere_is_reported(link: str) -> None:
    assert is_broken("README.md", link)


def test_links_that_lead_somewhere_are_accepted() -> None:
    for link in ("docs/operate/gates.md#stop-everything", "#install", "LICENSE", "https://example.org/#x"):
        assert not is_broken("README.md", link)


def test_a_heading_has_the_same_anchor_in_the_repository_and_on_the_site() -> None:
    """They differ if it has two hyphens, or letters other than those of ASCII."""
    anchors = [(page, anchor) for page in pages.names() for anchor in pages.anchors(page)]
    on_site = [one for one in anchors if one[0].startswith("docs/")]
    assert [one for one in on_site if "--" in one[1] or not one[1].isascii()] == []


def test_every_path_that_a_document_names_exists() -> None:
    missing = {
        document: [
            path for path in missing_paths(prose(document), document.parent) if path not in files_of(document)
        ]
        for document in DOCUMENTS
    }
    assert {document: paths for document, paths in missing.items() if paths} == {}


def files_of(document: Path) -> dict[str, str]:
    """Return the files that a document tells its reader to make."""
    return files(document.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "`iu_pipelines/defs/mount.py`",
        "`defs/mount.py`",
        "`mount.py`",
        "`iu_pipelines/<noun>/nothing.py`",
        "`tests/nowhere`",
        "`iu_pipelines.defs.mount`",
        "`iu_pipelines.defs.factory.build_nothing`",
        "`verify/NNN_name.toml`",
    ],
)
def test_a_path_that_does_not_exist_is_reported(text: str) -> None:
    assert missing_paths(f"See {text}.", PROJECT) == [text.strip("`")]


def test_existing_paths_and_words_that_are_no_paths_are_accepted() -> None:
    text = (
        "`iu_pipelines/domain/<noun>.py` `runtime/NNN_name.sql` `db/gateway.py` `guarantees.toml` `tests/sql`"
        " `iu_pipelines.defs.factory` `iu_pipelines.defs.factory.build_defs` `IU_HOME/dagster` `iu/worker`"
        " `dagster.yaml` `report.html` `min(event_seq)` `iu_core.routes_enabled`"
    )
    assert missing_paths(text, PROJECT) == []


NOUNS = sorted({folder.name for folder in (PROJECT / "sql/iu-core/objects").glob("*/")} - {"shared"})


def test_the_page_of_nouns_has_both_rows_of_each_noun() -> None:
    page = (PROJECT / "docs/concepts/nouns.md").read_text(encoding="utf-8")
    for noun in NOUNS:
        label = noun.replace("_", " ")
        rows = re.findall(rf"^\| {label.removesuffix('s')}s? \|.*$", page, re.MULTILINE)
        assert len(rows) == 2, f"{noun} must have a row in the table of nouns and one in the table of places"
        modules = [f"iu_pipelines/{layer}/{noun}.py" for layer in LAYERS]
        for place in (f"sql/iu-core/objects/{noun}", *modules):
            assert ((PROJECT / place).exists()) == (f"(../../{place}" in rows[1]), place


def test_the_comparison_of_outputs_finds_differences() -> None:
    assert first_difference(["batch 1: 2 events in 3 ms"], ["batch 1: 2 events in 14 ms"]) is None
    assert first_difference(["batch 1: 2 events"], ["batch 1: 3 events"])
    assert first_difference(["a"], ["a", "b"])
    assert first_difference(["a", "b"], ["a"])
    assert first_difference(["a", "...", "c"], ["a", "x", "y", "c"]) is None
    assert first_difference(["a", "...", "d"], ["a", "x", "y", "c"])


def test_a_command_that_does_not_exist_is_reported() -> None:
    for command in ("iu frobnicate", "iu run --nope", "iu gate frob", "iu seek latest"):
        with pytest.raises(Exception, match=r"[Nn]o such|[Mm]issing"):
            parse(command.split())


def is_broken(page: str, link: str) -> bool:
    """Return whether a link of a page leads to no file, or to no heading of a page."""
    if re.match(r"https?://|mailto:", link):
        return False
    path, _, anchor = link.partition("#")
    target = (PROJECT / page).parent / path if path else PROJECT / page
    if not target.exists():
        return True
    if not anchor or target.suffix != ".md":
        return False
    return anchor not in pages.anchors(target.resolve().relative_to(PROJECT).as_posix())


@cache
def program() -> Any:
    return get_command(build_app())


def options_of(command: Any) -> set[str]:
    return {"--help"} | {name for one in command.params for name in (*one.opts, *one.secondary_opts)}


def unknown_words(text: str) -> list[str]:
    """Return the words that name no command and no option. A word in capitals is a placeholder."""
    command = program()
    known = options_of(command)
    words = shlex.split(text)[1:]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
        known |= options_of(command)
    if words and getattr(command, "commands", None) and not words[0].startswith("-"):
        return [] if words[0].isupper() else words[:1]
    return [word for word in words if word.startswith("-") and word.partition("=")[0] not in known]


def prose(document: Path) -> str:
    """Return the text of a document without its fenced blocks."""
    return re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)


def missing_paths(text: str, folder: Path) -> list[str]:
    """Return the paths and modules in backticks in `text` that do not exist.

    A path may be relative to the root or to `folder`, or be the end of a longer path.
    """
    paths = [path for path in _PATH.findall(text) if not exists(path, folder)]
    return paths + [module for module in _MODULE.findall(text) if not is_module(module)]


def exists(path: str, folder: Path) -> bool:
    if (PROJECT / path).exists() or (folder / path).exists():
        return True
    pattern = _PLACEHOLDER.sub("*", path.rstrip("/"))
    return any(fnmatch(known, pattern) or fnmatch(known, f"*/{pattern}") for known in known_paths())


def is_module(name: str) -> bool:
    """Return whether `name` is a module, a package, or defined in a module."""
    path = PROJECT.joinpath(*name.split("."))
    holder = path.parent.with_suffix(".py")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    return holder.is_file() and bool(
        re.search(rf"^(?:def |class )?{path.name}\b", holder.read_text(encoding="utf-8"), re.MULTILINE)
    )


@cache
def known_paths() -> frozenset[str]:
    paths = [*PROJECT.glob("*"), *(path for folder in _FOLDERS for path in (PROJECT / folder).rglob("*"))]
    return frozenset(str(path.relative_to(PROJECT)) for path in paths if path.suffix != ".pyc")


def fenced_lines(document: Path) -> list[str]:
    page = document.relative_to(PROJECT).as_posix()
    found = [block.text for block in pages.blocks(page) if block.language in {"console", "sh"}]
    return [line for text in found for line in text.replace("\\\n", " ").splitlines()]


def parse(words: list[str]) -> None:
    """Parse a command without running it. Raises if the command or an option does not exist.

    An option that acts when it is parsed, such as --version, is refused.
    """
    assert not {"--version", "--install-completion", "--show-completion"} & {*words}
    command = program()
    context = command.make_context("iu", words[1:])
    rest = [*context._protected_args, *context.args]
    while rest and getattr(command, "commands", None):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        rest = [*context._protected_args, *context.args]
