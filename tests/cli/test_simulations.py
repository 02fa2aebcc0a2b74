"""`iu simulate`: what it prints, its JSON, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from cli.running import Iu, refused
from engine.sessions import drain, emit_many, make_live, opened
from iu_pipelines import extras
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.worker import DEFAULT_WORKER

FILE: Final = """
routes:
  docs.index:
    event_type: version_applied
    target: {kind: workflow, ref: index}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "outbox.yaml"
    path.write_text(FILE)
    return str(path)


def test_both_decisions_and_examples_are_shown_by_type_and_route(iu: Iu, worked: Gateway, file: str) -> None:
    done = iu("simulate", file)
    assert done.code == 0
    assert done.out.startswith("6 events from ")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert f"version_applied docs.index {DEFAULT_WORKER} not routed dry_run 6" in lines
    assert f"version_applied iu.version_applied.workflow {DEFAULT_WORKER} dry_run dry_run 6" in lines
    assert "6 of 6 decisions would change; 0 events not read yet" in lines
    assert "Replays: first attempts are compared." in lines
    newest = worked.fetch_value("select max(event_id::text) from public.event_outbox")
    assert newest in done.out


def test_json_has_the_comparison_with_ids_and_differences_are_only_what_changes(
    iu: Iu, worked: Gateway, file: str
) -> None:
    found = iu("simulate", file, "--json", "--examples", "2").json
    assert (found["events"], found["decisions"], found["changed"], found["not_read"]) == (6, 6, 6, 0)
    assert [len(one["examples"]) for one in found["comparison"]] == [2, 2]
    assert [one["changed"] for one in found["comparison"]] == [True, False]
    assert found["changes"][0]["name"] == "docs.index"
    assert found["proposed"] == {
        "version_applied": {"docs.index": "dry_run", "iu.version_applied.workflow": "dry_run"}
    }
    only = iu("simulate", file, "--json", "--differences").json
    assert [one["route_code"] for one in only["comparison"]] == ["docs.index"]
    assert "Decisions " not in iu("simulate", file, "--differences").out


def test_a_database_without_events_is_an_answer(iu: Iu, file: str) -> None:
    done = iu("simulate", file, "--since", "1h")
    assert done.code == 0
    assert "Decisions: no events" in done.out
    assert "Changed decisions: none" in done.out


def test_attempts_that_failed_are_counted_apart_and_do_not_change(
    iu: Iu, gateway: Gateway, database: str, tmp_path: Path
) -> None:
    with opened(database) as (session,):
        make_live(session, "iu.version_applied.workflow")
        emit_many(session, 2)
        drain(session, DEFAULT_WORKER)
        session.execute("update public.iu_outbound_route set dry_run = true")
    same = tmp_path / "same.yaml"
    same.write_text(iu("export").out)
    done = iu("simulate", str(same))
    assert "; 0 changes of the configuration" in done.out
    assert "0 of 2 decisions would change; 2 attempts failed, which is not simulated; 0 events" in done.out
    assert "Changed decisions: none" in done.out
    assert "Failures: an attempt that failed is counted apart" in " ".join(done.out.split())
    found = iu("simulate", str(same), "--json").json
    assert (found["changed"], found["failed"]) == (0, 2)
    assert iu("simulate", str(same), "--limit", "1").out.startswith("the newest 1 event from ")
    assert iu("simulate", str(same), "--limit", "3").out.startswith("2 events from ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--since", "7x"), "'7x' is neither an age nor a time"),
        (("--since", "99999w"), "the age 99999w is longer than 100 years"),
        (("--since", "0001-01-01T00:00+14:00"), "the time '0001-01-01T00:00+14:00' is out of range"),
        (("--since", "0d"), "the window is empty: it begins at "),
        (("--since", "9999-12-31T23:59:59+00:00"), "the window is empty: it begins at "),
        (("--until", "2020-01-01"), "the window is empty: it begins at "),
    ],
)
def test_a_window_that_is_none_is_refused_with_what_to_write(
    kept_iu: Iu, file: str, options: tuple[str, ...], message: str
) -> None:
    done = kept_iu("simulate", file, *options)
    refused(done, 2, message, "Write an age such as 30m, 12h or 7d, or a time such as ")
    assert ("Let `since` be before `until`" in done.err) == ("empty" in message)


@pytest.mark.parametrize(
    "since", ["90s", "30m", "12h", "7d", "52w", "2020-01-01", "2020-01-01T08:00", "1999-12-31T23:59:59Z"]
)
def test_an_age_and_a_time_begin_a_window(kept_iu: Iu, file: str, since: str) -> None:
    assert kept_iu("simulate", file, "--since", since, "--until", "9999-12-31T23:59:59+00:00").code == 0


def test_an_invalid_file_and_an_unknown_worker_are_refused_by_name(
    kept_iu: Iu, file: str, tmp_path: Path
) -> None:
    refused(
        kept_iu("simulate", file, "--worker", "nobody"), 1, "no such worker: 'nobody'", "Existing workers: "
    )
    refused(kept_iu("simulate", str(tmp_path / "none.yaml")), 2, "cannot read the file")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("routes: {a.b: {event_type: nothing, target: {kind: workflow, ref: x}}}")
    refused(kept_iu("simulate", str(wrong)), 1, "line 1, column 16", "no such event type: 'nothing'")


def test_without_pandas_the_extra_is_named(kept_iu: Iu, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "is_installed", lambda module: module != "pandas")
    refused(kept_iu("simulate", file), 2, "the extra [evidence] is not installed: no module named pandas")
