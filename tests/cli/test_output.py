"""Output in a pipe, in a terminal, and where the reader closes the pipe."""

from __future__ import annotations

import subprocess
import sys
from uuid import uuid4

import pytest

from cli.emitting import SUBJECT
from cli.running import in_terminal, shell
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


def test_a_pipe_that_is_closed_early_is_no_error(database: str) -> None:
    pipe = '"$1" -m iu_pipelines gate show --database-url "$2" | head -n 1'
    done = subprocess.run(
        ["/bin/sh", "-c", pipe, "sh", sys.executable, database],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
