"""Output in a pipe, in a terminal, and where the reader closes the pipe."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest

from cli.emitting import SUBJECT, add_letter
from cli.offices import Shop
from cli.running import Iu, commands, in_terminal, shell, without_spinner, written_to_terminal
from delivery.world import url_of
from iu_pipelines.cli import output
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import outbox
from waiting import PATIENCE


def test_piped_output_has_no_colours_and_whole_ids(database: str) -> None:
    with Gateway(database) as gateway:
        event_id = outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
    shell("run", "--database-url", database)
    done = shell("audit", "--database-url", database)
    assert "\x1b" not in done.stdout
    assert str(event_id) in done.stdout


@pytest.mark.parametrize(("columns", "whole"), [(60, "event"), (200, "attempt")])
def test_a_narrow_terminal_shows_ids_whole(database: str, columns: int, whole: str) -> None:
    with Gateway(database) as gateway:
        event_id = outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
    shell("run", "--database-url", database)
    shown = in_terminal(columns, "audit", "--database-url", database)
    (line,) = [line for line in shown.splitlines() if str(event_id) in line]
    assert ("event " in line) == (whole == "event")


def test_characters_that_the_terminal_cannot_show_are_escaped(database: str) -> None:
    done = shell(
        "emit",
        "tür",
        "a",
        "--subject",
        SUBJECT,
        "--actor",
        "t",
        "--database-url",
        database,
        PYTHONIOENCODING="ascii",
    )
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "error: unknown event type 't\\xfcr'")


def piped(command: str, reader: str, database: str) -> tuple[int, str]:
    """Run `iu` with its output in a pipe. Return the exit code of `iu`, which bash takes, and stderr."""
    done = subprocess.run(
        [
            "bash",
            "-c",
            f'"$1" -m iu_pipelines {command} | {reader} >/dev/null; exit "${{PIPESTATUS[0]}}"',
            "-",
            sys.executable,
        ],
        env={**os.environ, "IU_DATABASE_URL": database},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "--version",
        "gate --help",
        "gate show",
        "gate show --json",
        "status",
        "audit",
        "export",
        "run",
    ],
)
def test_an_output_that_nobody_reads_ends_the_command_quietly_with_141(database: str, command: str) -> None:
    assert piped(command, "true", database) == (141, "")


@pytest.mark.parametrize("command", ["--help", "gate show", "verify", "steps list --json"])
def test_a_reader_that_takes_one_line_is_no_error(database: str, command: str) -> None:
    code, err = piped(command, "head -n 1", database)
    assert code in {0, 141}
    assert err == ""


def test_an_error_whose_reader_is_gone_ends_quietly(database: str) -> None:
    assert piped("frob 2>&1", "true", database) == (141, "")


def test_a_run_whose_reader_is_gone_ends_after_a_whole_batch_and_loses_nothing(database: str) -> None:
    with Gateway(database) as gateway:
        for number in range(40):
            outbox.emit(gateway, "version_applied", f"docs/{number}", uuid4(), "test", {})
    code, err = piped("run --batch-limit 1", "head -n 1", database)
    assert (code, err) == (141, "")
    with Gateway(database) as gateway:
        done = attempts_and_batches(gateway)
        assert 1 <= done[0] < 40
        assert done[0] == done[1]
        assert shell("run", "--database-url", database).returncode == 0
        assert attempts_and_batches(gateway)[0] == 40


def attempts_and_batches(gateway: Gateway) -> tuple[int, int]:
    """Return the number of attempts, and the number that the batches recorded."""
    (row,) = gateway.fetch_all(
        "select (select count(*) from public.iu_route_attempt) as attempts,"
        " (select coalesce(sum(seen), 0) from public.iu_route_batch) as seen"
    )
    return row["attempts"], int(row["seen"])


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_full_device_is_named_in_one_sentence(database: str, unbuffered: str) -> None:
    for words in (("gate", "show"), ("--version",)):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "iu_pipelines", *words],
                env={**os.environ, "IU_DATABASE_URL": database, "PYTHONUNBUFFERED": unbuffered},
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        assert done.returncode == 1
        assert done.stderr == "error: no space is left on the device\nhint:  Free some, or write elsewhere.\n"


def test_closed_streams_are_no_error(database: str) -> None:
    for command, code in (("gate show >&-", 0), ("gate show --json >&-", 0), ("frob 2>&-", 2)):
        assert piped(command, "cat", database) == (code, "")


@pytest.mark.parametrize("words", [("gate", "show"), ("gate", "sho"), ("gate", "--help"), ("verify", "040")])
def test_a_terminal_with_no_color_gets_no_styles(database: str, words: tuple[str, ...]) -> None:
    written = written_to_terminal(80, *words, IU_DATABASE_URL=database, NO_COLOR="1", FORCE_COLOR="1")
    assert written
    assert not re.search(r"\x1b\[[0-9;]*m", written)


def test_a_terminal_gets_styles(database: str) -> None:
    assert "\x1b[1" in written_to_terminal(80, "gate", "show", IU_DATABASE_URL=database)
    assert "\x1b[1;31m" in written_to_terminal(80, "gate", "sho")


def test_a_pipe_gets_styles_only_with_force_color_and_never_a_spinner(database: str) -> None:
    words = ("verify", "040", "--database-url", database)
    plain, forced = shell(*words), shell(*words, FORCE_COLOR="1")
    assert "\x1b" not in plain.stdout
    assert "\x1b[1" in forced.stdout
    assert (plain.stderr, forced.stderr) == ("", "")
    unstyled = re.sub(r"\x1b\[[0-9;]*m|\([\d,.]+ m?s\)", "", forced.stdout)
    assert unstyled.split() == re.sub(r"\([\d,.]+ m?s\)", "", plain.stdout).split()


@pytest.fixture(scope="module")
def used(kept_database: str) -> str:
    """The URL of a database with batches, attempts, and a dead letter."""
    with Gateway(kept_database) as gateway:
        for number in range(6):
            outbox.emit(gateway, "version_applied", f"docs/handbook/{number}.md", uuid4(), "test", {})
    add_letter(kept_database, "iu.version_applied.workflow")
    shell("run", "--batch-limit", "2", "--database-url", kept_database)
    return kept_database


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "audit",
        "audit verify",
        "batch list",
        "gate show",
        "steps list",
        "type list",
        "route list",
        "capture list",
        "worker list",
        "event list",
        "doctor",
        "retention show",
        "plan FILE",
        "verify 040",
        "probe 020",
        "evidence --out DIR",
        "run",
        "gate set frob true --reason test",
        "emit frob a --subject 00000000-0000-4000-8000-000000000001 --actor test",
        "run --batch-limit 0",
    ],
)
def test_output_fits_60_columns_with_whole_words(used: str, tmp_path: Path, command: str) -> None:
    file = tmp_path / "outbox.yaml"
    file.write_text("event_types: {shop.order_paid: {subject_table: orders, payload_keys: any}}", "utf-8")
    places = {"FILE": str(file), "DIR": str(tmp_path / "packs")}
    assert_fits_60_columns([places.get(word, word) for word in command.split()], used)


def assert_fits_60_columns(words: Sequence[str], url: str) -> None:
    """Assert that a command breaks no word in a terminal of 60 columns, and leaves none out."""
    wide, narrow = (
        without_spinner(in_terminal(columns, *words, IU_DATABASE_URL=url)) for columns in (400, 60)
    )
    too_long = [line for line in narrow.splitlines() if len(line.rstrip()) > 60]
    assert [line for line in too_long if len(line.split()) > 1] == []
    # Digits and hashes change between the two calls. Only a word that is longer than a line, such as a URL,
    # is broken.
    letters = re.compile(r"\b[a-z_]{4,}\b", re.IGNORECASE)
    long = " ".join(word for word in [*wide.split(), *narrow.split()] if len(word) > 40)
    differ = {*letters.findall(narrow)} ^ {*letters.findall(wide)}
    assert [word for word in differ if word not in long] == []
    assert sorted(re.findall("[✓✗]|PASS|FAIL", narrow)) == sorted(re.findall("[✓✗]|PASS|FAIL", wide))


def test_output_about_deliveries_fits_60_columns_with_whole_words(shop: Shop) -> None:
    shop.office.emit(3, 2)
    url = url_of(shop.office.url, shop.office.login("auditor"))
    for command in (
        "deliver status",
        "promote list",
        "promote show 1",
        "target show hook",
    ):
        assert_fits_60_columns(command.split(), url)


def test_every_help_page_fits_60_columns_with_whole_words(
    command: Iu, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, _ in commands():
        monkeypatch.setenv("COLUMNS", "400")
        wide = command(*words, "--help").out
        monkeypatch.setenv("COLUMNS", "60")
        done = command(*words, "--help")
        assert (done.code, [line for line in done.out.splitlines() if len(line) > 60]) == (0, []), words
        assert {*done.out.split()} <= {*wide.split()}, words
        assert "2147483647" not in wide
        assert "\x1b" not in wide


def test_a_line_to_copy_is_not_wrapped(empty_database: str) -> None:
    shown = in_terminal(60, "migrate", "--plan", IU_DATABASE_URL=empty_database)
    (line,) = [line for line in shown.splitlines() if "020_gates.sql" in line and "psql" in line]
    assert line.startswith("  psql -1 -v ON_ERROR_STOP=1 -f ")


def test_a_line_that_is_wrapped_keeps_its_indent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr("sys.stdout", screen := Terminal())
    output.print_line("  hook: the gate is closed; open it with: iu gate set")
    lines = screen.getvalue().splitlines()
    assert len(lines) > 1
    assert [line for line in lines if not re.match(r"  \S", line) or len(line) > 30] == []


def test_a_value_that_is_missing_is_a_dash_in_a_narrow_terminal_too(shop: Shop) -> None:
    url = url_of(shop.office.url, shop.office.login("auditor"))
    shown = in_terminal(60, "deliver", "status", IU_DATABASE_URL=url)
    assert re.search(r"^ per minute +-\s*$", shown, re.MULTILINE)


@pytest.mark.parametrize("columns", ["", "60"], ids=["without COLUMNS", "with COLUMNS"])
def test_a_dumb_terminal_has_the_width_it_says_and_gets_no_styles(database: str, columns: str) -> None:
    written = written_to_terminal(60, "verify", "040", IU_DATABASE_URL=database, TERM="dumb", COLUMNS=columns)
    lines = written.replace("\r\n", "\n").split("\n")
    assert "040_routes" in written
    assert "\x1b" not in written
    assert [line for line in lines if len(line) > 60] == []
    assert max(len(line.rstrip()) for line in lines) > 40


def test_a_line_printed_beside_a_spinner_is_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The spinner is on stderr, and the line on stdout, of the same terminal."""
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setattr("sys.stderr", screen)
    with output.working("waiting"):
        output.print_line("a line")
        output.print_warning("careful")
        output.print_table("A table", ["number"], [[1]], empty="no rows")
    written = screen.getvalue()
    assert "waiting" in written
    for text in ("a line", "warning: ", "A table"):
        before = re.sub(r"\x1b\[[0-9;]*m", "", written.partition(text)[0])
        assert before.endswith(("\x1b[2K", "\n")), text


class Terminal(StringIO):
    """What was written to a terminal."""

    def isatty(self) -> bool:
        return True
