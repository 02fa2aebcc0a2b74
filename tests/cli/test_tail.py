"""`iu tail`: in a process of its own, so that Ctrl-C and a closed pipe are real."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from cli.emitting import emit
from cli.running import Iu, accept_ctrl_c, refused
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.domain import outbox, worker


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
        preexec_fn=accept_ctrl_c,  # noqa: PLW1509  this test starts no thread
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


def test_a_lost_connection_is_opened_again_and_nothing_is_missed(own_server: EmbeddedServer) -> None:
    own_server.ensure_running()
    with Gateway(own_server.url()) as gateway:
        migration.apply(gateway)
    with tailing(own_server.url(), "-n", "1", "--attempts") as process:
        made = [_emit(own_server.url())]
        assert made[0] in read_line(process)
        with Gateway(own_server.url()) as gateway:
            gateway.execute(
                """select pg_terminate_backend(pid, 5000) from pg_stat_activity
                   where application_name = 'iu' and pid <> pg_backend_pid()"""
            )
        made.append(_emit(own_server.url()))
        assert made[1] in read_line(process)
        own_server.stop()
        assert process.stderr
        lost = process.stderr.readline()
        assert lost.startswith("warning: connection lost: ")
        assert lost.endswith("; trying again\n")
        own_server.ensure_running()
        with Gateway(own_server.url()) as gateway:
            made.append(_emit(own_server.url()))
            worker.run_once(gateway, worker.DEFAULT_WORKER, 10)
        assert made[2] in read_line(process)
        assert [made[number] in read_line(process) for number in range(3)] == [True] * 3
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")


def _emit(url: str) -> str:
    with Gateway(url) as gateway:
        return str(outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {}))


def test_an_event_that_commits_after_a_later_one_is_marked(iu: Iu, database: str) -> None:
    known = emit(iu)
    with tailing(database, "-n", "1") as process, Gateway(database) as early, Gateway(database) as late:
        assert known in read_line(process)  # the tail has begun
        with late.transaction() as session:
            slow = str(outbox.emit(session, "version_applied", "docs/a", uuid4(), "test", {}))
            time.sleep(1.2)
            fast = str(outbox.emit(early, "version_applied", "docs/a", uuid4(), "test", {}))
            first = read_line(process)
        second = read_line(process)
    assert (fast in first, "committed late" in first) == (True, False)
    assert (slow in second, second.rstrip().endswith("committed late")) == (True, True)


def test_it_ends_after_the_seconds_given(iu: Iu) -> None:
    event_id = emit(iu)
    done = iu("tail", "--seconds", "0")
    assert (done.code, done.out.count(event_id)) == (0, 1)
    iu("run")
    assert iu("tail", "--seconds", "0", "--worker", "iu_outbound_default").out.count("attempt") == 1


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (
            ("--type", "version_aplied"),
            "no such event type: 'version_aplied'",
            "Similar types: version_applied",
        ),
        (("--type", ""), "no such event type: ''", "Existing types: "),
        (("--domain", "nope"), "no such domain: 'nope'", "Existing domains: iu"),
        (("--worker", "nope"), "no such worker: 'nope'", "workers: "),
        (("--route", "iu.version_applied.workflw"), "no such route: ", "iu.version_applied.workflow"),
    ],
)
def test_a_name_of_nothing_is_refused(iu: Iu, words: tuple[str, ...], said: str, hint: str) -> None:
    refused(iu("tail", "--seconds", "0", *words), 1, said, hint)


def test_names_of_what_was_removed_are_accepted(iu: Iu, database: str) -> None:
    with Gateway(database) as gateway:
        gateway.execute(
            """insert into public.event_outbox (event_domain, event_type) values ('old', 'removed');
               insert into public.iu_outbound_route (route_code, event_type, target_kind, target_ref)
               values ('gone', 'version_applied', 'workflow', 'x');
               delete from public.iu_outbound_route where route_code = 'gone'"""
        )
    for words in (("--type", "removed"), ("--domain", "old"), ("--route", "gone")):
        assert iu("tail", "--seconds", "0", *words).code == 0


@pytest.mark.parametrize("words", [("-n", "10001"), ("--interval", "0"), ("--seconds", "-1")])
def test_a_number_out_of_range_is_refused(iu: Iu, words: tuple[str, ...]) -> None:
    assert iu("tail", *words).code == 2


def test_control_characters_of_a_text_are_not_printed(iu: Iu, database: str) -> None:
    with Gateway(database) as gateway:
        gateway.execute(
            """insert into public.event_outbox (event_domain, event_type, canonical_address)
               values ('iu', 'version_applied', E'a\\x1b[31m\\nb')"""
        )
    assert "a [31m b" in iu("tail", "--seconds", "0").out
