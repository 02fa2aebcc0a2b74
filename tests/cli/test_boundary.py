"""The error boundary: words and an exit code for everything that can go wrong, and never a traceback."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from iu_pipelines.cli import main
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import outbox

Iu = Callable[..., Any]
SUBJECT = "00000000-0000-4000-8000-000000000001"
EMIT = ("emit", "version_applied", "docs/a", "--subject", SUBJECT, "--actor", "test")


def refused(done: Any, code: int, *words: str) -> None:
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert "hint: " in done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("emit", "nope", "docs/a", "--subject", SUBJECT, "--actor", "test"), ["nope"]),
        (("emit", "version_applied", "", "--subject", SUBJECT, "--actor", "test"), ["canonical_address"]),
        (("emit", "version_applied", "docs/a", "--subject", SUBJECT, "--actor", ""), ["actor_ref"]),
        ((*EMIT, "--payload", "[]"), ["array"]),
        ((*EMIT, "--payload", "null"), ["payload"]),
        ((*EMIT, "--payload", '{"a": [{"Body": "x"}]}'), ["Body"]),
        ((*EMIT, "--payload", '{"a": {"api_token": "x"}}'), ["api_token"]),
        ((*EMIT, "--payload", '{"n": "' + "x" * 9000 + '"}'), ["8192"]),
        (("run", "--batch-limit", "0"), ["batch_limit 0"]),
        (("run", "--batch-limit", "-1"), ["batch_limit -1"]),
        (("run", "--batch-limit", "1000000"), ["batch_limit 1000000"]),
        (("run", "--worker", "two words"), ["two words"]),
        (("seek", "nowhere", "--reason", "test"), ["nowhere"]),
        (("seek", "beginning", "--reason", ""), ["reason"]),
        (("replay", SUBJECT), [SUBJECT]),
        (("discard", SUBJECT, "--reason", "test"), [SUBJECT]),
        (("gate", "set", "no.such", "true", "--reason", "test"), ["no.such"]),
        (("gate", "set", "iu_core.routes_enabled", "maybe", "--reason", "test"), ["maybe"]),
        (("route", "enable", "nope"), ["nope"]),
        (("route", "add", "iu.second", "nope"), ["nope"]),
        (("route", "add", "Not A Code", "version_applied"), ["Not A Code"]),
        (("route", "add", "iu.version_applied.workflow", "version_applied"), ["iu.version_applied.workflow"]),
        (("batch", "show", "99"), ["99"]),
        ((*EMIT, "--payload", r'{"a": "\u0000"}'), ["payload", "u0000"]),
        ((*EMIT, "--payload", r'{"a": "\ud800"}'), ["payload", "surrogate"]),
        ((*EMIT, "--payload", '{"a": 1e400}'), ["payload", "Infinity"]),
        (("run", "--worker", "a\udc80"), ["'\\udc80'"]),
        (("emit", "version_applied", "a\udc80", "--subject", SUBJECT, "--actor", "t"), ["'\\udc80'"]),
    ],
)
def test_what_the_engine_refuses_exits_with_1_and_names_the_value(
    kept_iu: Iu, words: tuple[str, ...], named: list[str]
) -> None:
    refused(kept_iu(*words), 1, *named)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("frob",), ["frob"]),
        (("run", "--frob"), ["--frob"]),
        (("run", "--batch-limit", "many"), ["--batch-limit", "many"]),
        (("run", "--batch-limit", "99999999999"), ["99999999999"]),
        (("run", "--max-batches", "0"), ["--max-batches", "0"]),
        (("emit", "version_applied"), ["address"]),
        (("emit", "version_applied", "a", "--subject", "abc", "--actor", "t"), ["abc", "UUID"]),
        ((*EMIT, "--payload", "{oops"), ["not JSON", "{oops", "column"]),
        ((*EMIT, "--payload", '{"n": NaN}'), ["NaN"]),
        ((*EMIT, "--payload", "[" * 100_000), ["nested too deeply"]),
        ((*EMIT, "--payload", '{"n": ' + "9" * 5000 + "}"), ["not JSON", "4300 digits"]),
        ((*EMIT, "--payload", "@/no/such/file"), ["/no/such/file"]),
        ((*EMIT, "--payload", "@/"), ["'/'"]),
        (("replay",), ["--due"]),
        (("replay", SUBJECT, "--due"), ["--due"]),
        (("replay", "abc"), ["abc"]),
        (("discard", SUBJECT), ["--reason"]),
        (("rollback", "frob"), ["frob"]),
        (("verify", "frob"), ["frob"]),
        (("probe", "frob"), ["frob"]),
        (("audit", "--limit", "0"), ["--limit"]),
        (("gate",), ["gate"]),
    ],
)
def test_bad_usage_exits_with_2_and_names_what_was_given(
    no_iu: Iu, words: tuple[str, ...], named: list[str]
) -> None:
    refused(no_iu(*words), 2, *named)


@pytest.mark.parametrize(
    ("url", "code", "named"),
    [
        ("mysql://localhost/x", 2, "mysql"),
        ("nonsense", 2, "nonsense"),
        ("postgresql+psycopg2://localhost/x", 2, "leave the driver out"),
        ("postgresql://iu@127.0.0.1:1/x", 1, "127.0.0.1:1"),
        ("postgresql://iu@no-such-host.invalid/x", 1, "no-such-host.invalid"),
        ("postgresql://iu:s3cret@127.0.0.1:1/x", 1, "iu:***@"),
    ],
)
def test_a_wrong_database_url_is_an_error_without_its_password(
    command: Iu, url: str, code: int, named: str
) -> None:
    done = command("status", "--database-url", url)
    refused(done, code, named)
    assert "s3cret" not in done.err


def test_a_usage_error_does_not_repeat_the_password(command: Iu) -> None:
    done = command("run", "--frob", "--database-url", "postgresql://iu:s3cret@127.0.0.1:1/x")
    refused(done, 2, "--frob")
    assert "s3cret" not in done.err


@pytest.mark.parametrize("words", [("run",), ("audit",), ("gate", "show"), ("types",), ("replay", "--due")])
def test_an_empty_database_asks_for_migrate(empty_iu: Iu, words: tuple[str, ...]) -> None:
    refused(empty_iu(*words), 1, "iu migrate")


def test_an_error_in_json_is_one_object_on_stderr(kept_iu: Iu) -> None:
    done = kept_iu("emit", "nope", "a", "--subject", SUBJECT, "--actor", "t", "--json")
    assert (done.code, done.out) == (1, "")
    assert done.error["code"] == "IU101"
    assert "nope" in done.error["message"]
    assert done.error["hint"]
    assert kept_iu("run", "--frob", "--json").error["code"] is None


def test_options_count_before_the_command_as_well(command: Iu, kept_database: str) -> None:
    done = command("--json", "--database-url", kept_database, "types")
    assert len(done.json) == 3
    group = command("--json", "gate", "show", "--database-url", kept_database)
    assert len(group.json["gates"]) == 5


def test_the_url_after_the_command_wins_over_the_one_before_it(command: Iu, kept_database: str) -> None:
    done = command("--database-url", "postgresql://127.0.0.1:1/x", "types", "--database-url", kept_database)
    assert done.code == 0


def test_the_environment_names_the_database(
    command: Iu, kept_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_DATABASE_URL", kept_database)
    assert command("types").code == 0


def test_a_bad_setting_is_a_usage_error_that_names_the_variable(
    iu: Iu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_BATCH_LIMIT", "many")
    refused(iu("run"), 2, "IU_BATCH_LIMIT", "many")


def test_a_role_without_privileges_is_told_so(database: str, gateway: Gateway, command: Iu) -> None:
    role = f"iu_test_{uuid4().hex}"
    gateway.execute(f"create role {role} login password 'x'")
    try:
        scheme, _, rest = database.partition("://")
        done = command("run", "--database-url", f"{scheme}://{role}:x@{rest.rpartition('@')[2]}")
        assert done.code == 1
        assert "permission denied" in done.err
        assert "Traceback" not in done.err
    finally:
        gateway.execute(f"drop role {role}")


def test_a_defect_is_words_and_shows_its_traceback_only_on_demand(
    iu: Iu, monkeypatch: pytest.MonkeyPatch, database: str, command: Iu
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("iu_pipelines.domain.event_types.list_types", broken)
    refused(iu("types"), 1, "unexpected ZeroDivisionError: by zero", "--debug")
    assert "Traceback" in command("--debug", "types", "--database-url", database).err


def test_help_and_version_exit_with_0(command: Iu) -> None:
    assert "Usage: iu" in command("--help").out
    assert "Usage: iu gate set" in command("gate", "set", "--help").out
    assert command("--version").out.startswith("iu-pipelines ")


def test_every_command_takes_the_url_and_json() -> None:
    def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
        children = getattr(command, "commands", {})
        for name, child in children.items():
            yield from leaves(child, (*path, name))
        if not children:
            yield path, command

    import typer.main

    found = dict(leaves(typer.main.get_command(main.build_app())))
    assert len(found) > 20
    for path, leaf in found.items():
        given = {option for parameter in leaf.params for option in parameter.opts}
        assert {"--database-url", "--json"} <= given, " ".join(path)
        assert leaf.help, " ".join(path)


def test_what_is_piped_has_no_colours_and_no_cut_off_ids(database: str) -> None:
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


def test_what_the_terminal_cannot_show_is_escaped(database: str) -> None:
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


def test_a_reader_that_goes_away_early_is_no_error(database: str) -> None:
    pipe = f"{sys.executable} -m iu_pipelines gate show --database-url '{database}' | head -n 1"
    done = subprocess.run(["/bin/sh", "-c", pipe], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_ends_a_run_in_words_with_130(database: str) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "iu_pipelines", "run", "--linger-seconds", "60", "--database-url", database],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with Gateway(database) as gateway:
        outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
        deadline = time.monotonic() + 30
        while (
            not gateway.fetch_value("select count(*) from public.iu_route_batch")
            and time.monotonic() < deadline
        ):
            time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert ": 1 event, 1 attempt," in out
    assert err.startswith("error: interrupted")
    assert "Traceback" not in err


def test_without_a_url_the_embedded_server_is_started_found_again_and_stopped(tmp_path: Path) -> None:
    home = {"IU_HOME": str(tmp_path / "home with a space")}
    try:
        assert shell("migrate", **home).returncode == 0
        done = shell("status", **home)
        assert done.returncode == 0, done.stderr
        assert "Steps: all" in done.stdout
    finally:
        stopped = shell("stop", **home)
    assert stopped.stdout.startswith("stopped:")
    assert shell("stop", **home).stdout.startswith("not running:")


def shell(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "iu_pipelines", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def in_terminal(columns: int, *words: str) -> str:
    """Run a command in a terminal of so many columns, and return what it showed."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    command = [sys.executable, "-m", "iu_pipelines", *words]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns)}
    with subprocess.Popen(
        command, stdout=terminal, stderr=terminal, stdin=terminal, env=environment
    ) as process:
        os.close(terminal)
        shown = bytearray()
        with contextlib.suppress(OSError):
            while read := os.read(screen, 65536):
                shown += read
        process.wait(timeout=60)
    os.close(screen)
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
