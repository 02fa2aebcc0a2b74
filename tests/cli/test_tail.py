"""`iu tail`: in a process of its own, so that Ctrl-C and a closed pipe are real."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from cli.emitting import emit
from cli.running import Iu


@contextlib.contextmanager
def tailing(database: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "iu_pipelines",
            "tail",
            "--interval",
            "0.1",
            "--database-url",
            database,
            *words,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def test_new_events_are_printed_and_ctrl_c_ends_it_quietly(iu: Iu, database: str) -> None:
    old = emit(iu)
    with tailing(database, "-n", "1") as process:
        assert old in read_line(process)
        new = emit(iu)
        assert new in read_line(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (out, err, process.returncode) == ("", "", 0)


def test_json_lines_have_their_kind(iu: Iu, database: str) -> None:
    emit(iu)
    with tailing(database, "--json", "--attempts") as process:
        event: dict[str, Any] = json.loads(read_line(process))
        iu("run")
        attempt: dict[str, Any] = json.loads(read_line(process))
    assert (event["kind"], attempt["kind"]) == ("event", "attempt")
    assert event["event_id"] == attempt["event_id"]
    assert isinstance(event["safe_payload"], dict)


def test_a_closed_pipe_ends_it_quietly(iu: Iu, database: str) -> None:
    emit(iu)
    with tailing(database, "-n", "1") as process:
        read_line(process)
        assert process.stdout
        process.stdout.close()
        emit(iu)
        assert process.wait(timeout=30) == 141
        assert process.stderr
        assert process.stderr.read() == ""


def test_it_ends_after_the_seconds_given(iu: Iu) -> None:
    event_id = emit(iu)
    done = iu("tail", "--seconds", "0")
    assert (done.code, done.out.count(event_id)) == (0, 1)
    iu("run")
    assert iu("tail", "--seconds", "0", "--worker", "iu_outbound_default").out.count("attempt") == 1


@pytest.mark.parametrize("words", [("-n", "10001"), ("--interval", "0"), ("--seconds", "-1")])
def test_a_number_out_of_range_is_refused(iu: Iu, words: tuple[str, ...]) -> None:
    assert iu("tail", *words).code == 2


def test_control_characters_of_a_text_are_not_printed(iu: Iu, database: str) -> None:
    from iu_pipelines.db.gateway import Gateway

    with Gateway(database) as gateway:
        gateway.execute(
            """insert into public.event_outbox (event_domain, event_type, canonical_address)
               values ('iu', 'version_applied', E'a\\x1b[31m\\nb')"""
        )
    assert "a [31m b" in iu("tail", "--seconds", "0").out
