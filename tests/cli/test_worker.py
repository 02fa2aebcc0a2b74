"""`iu run`, `iu seek` and `iu batch`."""

from __future__ import annotations

import signal
import subprocess
import sys
from uuid import uuid4

import pytest

from cli.emitting import emit
from cli.running import Iu, accept_ctrl_c, refused
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import outbox
from waiting import PATIENCE


def test_run_prints_each_batch_and_a_total_with_its_rate(iu: Iu) -> None:
    for _ in range(3):
        emit(iu)
    done = iu("run", "--batch-limit", "2")
    lines = done.out.splitlines()
    assert done.code == 0
    assert [line.split(", ")[0].split(": ")[1] for line in lines[:2]] == ["2 events", "1 event"]
    assert lines[2].startswith(
        "iu_outbound_default: 3 events in 2 batches, 3 attempts, 0 skipped, 0 dead letters in "
    )
    assert lines[2].endswith("/s")
    assert lines[3] == "stopped: nothing is left to read"


def test_run_once_makes_one_batch(iu: Iu) -> None:
    for _ in range(3):
        emit(iu)
    done = iu("run", "--once", "--batch-limit", "2", "--run-ref", "mine", "--json").json
    assert (done["seen"], done["stopped_reason"], len(done["batches"])) == (2, "max_batches", 1)
    assert iu("batch", "list", "--run", "mine", "--json").json[0]["seen"] == 2
    emit(iu)
    said = iu("run", "--once", "--batch-limit", "1").out
    assert said.endswith("stopped: the limit of batches is reached; events may be left\n")


def test_run_with_a_closed_gate_exits_with_0_and_names_the_gate(iu: Iu) -> None:
    emit(iu)
    iu("gate", "set", "iu_core.routes_enabled", "false", "--reason", "test")
    done = iu("run")
    assert done.code == 0
    assert "the gate iu_core.routes_enabled is closed; events are held" in done.out
    assert iu("run", "--json").json["status"] == "master_gate_closed"


def test_ctrl_c_ends_a_run_with_a_message_and_exit_code_130(database: str) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "iu_pipelines", "run", "--linger-seconds", "60", "--database-url", database],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=accept_ctrl_c,  # noqa: PLW1509  this test starts no thread
    )
    with Gateway(database) as gateway:
        outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
    assert run.stdout
    line = next(line for line in run.stdout if "event" in line)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 130
    assert ": 1 event, 1 attempt," in line
    assert err.startswith("error: interrupted")
    assert "Traceback" not in err


def test_run_after_a_seek_to_the_beginning_reads_again(iu: Iu) -> None:
    emit(iu)
    iu("run")
    done = iu("seek", "beginning", "--reason", "test")
    assert done.code == 0
    assert iu("run", "--json").json["seen"] == 1


def test_an_id_of_no_batch_is_refused(iu: Iu) -> None:
    refused(iu("batch", "show", "9" * 22), 2, "is not in the range 0 to 9223372036854775807")


def test_batches_are_listed_and_shown_with_their_attempts(iu: Iu) -> None:
    emit(iu)
    iu("run")
    (batch,) = iu("batch", "list", "--json").json
    shown = iu("batch", "show", str(batch["batch_id"]), "--json").json
    assert shown["batch"] == batch
    assert [attempt["decision"] for attempt in shown["attempts"]] == ["dry_run"]
    assert "Attempts of batch" in iu("batch", "show", str(batch["batch_id"])).out
    assert "iu_outbound_default" in iu("batch", "list").out


def test_an_unknown_worker_is_refused_and_similar_names_are_listed(iu: Iu, gateway: Gateway) -> None:
    for words in (("run", "--worker", "iu_outbond_default"), ("seek", "beginning", "--reason", "x")):
        done = iu(*words, *(() if "--worker" in words else ("--worker", "iu_outbond_default")))
        refused(done, 1, "no such worker: 'iu_outbond_default'", "workers: iu_outbound_default", "--create")
    refused(iu("run", "--worker", "night"), 1, "Existing workers: iu_outbound_default.")
    assert gateway.fetch_value("select count(*) from public.iu_route_worker_cursor") == 1


def test_create_makes_a_worker_that_later_commands_accept(iu: Iu) -> None:
    emit(iu)
    assert iu("run", "--worker", "night", "--create", "--json").json["seen"] == 1
    assert iu("run", "--worker", "night", "--json").json["seen"] == 0
    assert iu("seek", "beginning", "--reason", "new", "--worker", "day", "--create").code == 0
    assert iu("run", "--worker", "day", "--json").json["seen"] == 1


def test_an_unknown_worker_from_the_environment_is_refused(iu: Iu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_WORKER_NAME", "nigth")
    refused(iu("run"), 1, "no such worker: 'nigth'")


def test_the_default_worker_is_created_without_the_option(iu: Iu, gateway: Gateway) -> None:
    gateway.execute("delete from public.iu_route_worker_cursor")
    assert iu("run").code == 0


def shop_events(gateway: Gateway, iu: Iu, count: int = 1) -> None:
    gateway.execute("update public.event_type_registry set event_domain = 'shop'")
    for _ in range(count):
        emit(iu)


def test_a_worker_is_added_listed_and_retired(iu: Iu, gateway: Gateway) -> None:
    shop_events(gateway, iu, 2)
    done = iu("worker", "add", "shop_worker", "--domain", "shop", "--reason", "test")
    assert done.out.splitlines() == [
        "shop_worker: added, reads domain shop",
        "run it with: iu run --worker shop_worker",
    ]
    assert "exists" in iu("worker", "add", "shop_worker", "--domain", "shop").out
    _, listed = iu("worker", "list", "--json").json
    assert (listed["worker_name"], listed["event_domain"], listed["backlog"]) == ("shop_worker", "shop", 2)
    refused(
        iu("worker", "retire", "shop_worker", "--reason", "test"), 1, "has 2 unread events", "iu run --worker"
    )
    assert iu("run", "--worker", "shop_worker", "--json").json["seen"] == 2
    assert iu("worker", "retire", "shop_worker", "--reason", "test").out == "shop_worker: retired\n"
    refused(iu("run", "--worker", "shop_worker"), 1, "was retired at", "iu worker add shop_worker")
    assert "resumed" in iu("worker", "add", "shop_worker", "--domain", "shop").out
    assert iu("worker", "list").code == 0


def test_create_takes_the_domain_of_the_new_worker(iu: Iu, gateway: Gateway) -> None:
    shop_events(gateway, iu)
    words = ("run", "--worker", "shop_worker", "--domain", "shop")
    refused(iu(*words), 2, "--domain needs --create")
    assert iu(*words, "--create", "--json").json["seen"] == 1
    assert iu(*words, "--create", "--json").json["seen"] == 0
    refused(iu("run", "--worker", "shop_worker", "--domain", "iu", "--create"), 1, "reads domain shop")
