"""Ingestion of a git history: it writes units and versions, and the trigger emits the events."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from acceptance.gitfolder import GitFolder
from acceptance.unit_totals import Totals, totals
from iu_pipelines.cli.main import run
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import PermissionDenied, UsageError
from iu_pipelines.ingest import git, sample
from iu_pipelines.ingest.git import ForeignHistory, ingest_git
from iu_pipelines.ingest.git_history import open_repository
from iu_pipelines.ingest.tally import IngestResult, Progress

VERSIONS = """
    select unit.canonical_address as address, version.version_seq as seq, version.version_ref as ref,
           version.version_facts as facts
      from public.unit_version as version
      join public.information_unit as unit on unit.unit_id = version.unit_id
     order by 1, 2"""
EVENTS = """
    select event_type, canonical_address as address, safe_payload, actor_ref
      from public.event_outbox
     order by event_seq"""


def ingest(gateway: Gateway, folder: GitFolder, prefix: str = "") -> IngestResult:
    return ingest_git(gateway, open_repository(folder.path), prefix)


def versions(gateway: Gateway) -> list[tuple[str, int, str]]:
    return [(row["address"], row["seq"], row["ref"]) for row in gateway.fetch_all(VERSIONS)]


def small_history(folder: GitFolder) -> list[str]:
    """Make three commits: two files added; one modified; one modified and the other removed."""
    return [
        folder.commit({b"a.md": b"1", b"docs/b.md": b"1"}),
        folder.commit({b"a.md": b"2"}),
        folder.commit({b"a.md": b"3"}, removed=[b"docs/b.md"]),
    ]


def test_each_file_is_a_unit_and_each_commit_that_changes_it_a_version(
    gateway: Gateway, folder: GitFolder
) -> None:
    one, two, three = small_history(folder)
    result = ingest(gateway, folder)
    assert (result.units_added, result.versions_added, result.events_emitted) == (2, 5, 3)
    assert versions(gateway) == [
        ("a.md", 1, one),
        ("a.md", 2, two),
        ("a.md", 3, three),
        ("docs/b.md", 1, one),
        ("docs/b.md", 2, three),
    ]


def test_every_version_but_the_first_emits_an_event_with_references_only(
    gateway: Gateway, folder: GitFolder
) -> None:
    _, two, three = small_history(folder)
    ingest(gateway, folder)
    seen = gateway.fetch_all(EVENTS)
    assert {row["event_type"] for row in seen} == {"version_applied"}
    assert {row["actor_ref"] for row in seen} == {"iu_ingest_git"}
    assert [(row["address"], row["safe_payload"]) for row in seen] == [
        ("a.md", {"version_seq": 2, "version_ref": two}),
        ("a.md", {"version_seq": 3, "version_ref": three}),
        ("docs/b.md", {"version_seq": 2, "version_ref": three}),
    ]


def test_no_content_is_stored_anywhere(gateway: Gateway, folder: GitFolder) -> None:
    folder.commit({b"a.md": b"CANARY-1"})
    folder.commit({b"a.md": b"CANARY-2"})
    ingest(gateway, folder)
    for table in ("information_unit", "unit_version", "event_outbox"):
        assert gateway.fetch_value(f"select count(*) from public.{table} as t where t::text ~ 'CANARY'") == 0
    assert {frozenset(row["facts"]) for row in gateway.fetch_all(VERSIONS)} == {frozenset({"change"})}


def test_ingesting_again_adds_nothing(gateway: Gateway, folder: GitFolder) -> None:
    small_history(folder)
    ingest(gateway, folder)
    before = versions(gateway)
    again = ingest(gateway, folder)
    assert (again.units_added, again.versions_added, again.events_emitted) == (0, 0, 0)
    assert versions(gateway) == before


def test_ingesting_again_reads_and_adds_only_new_commits(gateway: Gateway, folder: GitFolder) -> None:
    for n in range(30):
        folder.commit({b"a.md": str(n).encode()})
    ingest(gateway, folder)
    new = folder.commit({b"a.md": b"new", b"c.md": b"new"})
    result = ingest(gateway, folder)
    assert (result.units_added, result.versions_added, result.events_emitted) == (1, 2, 1)
    assert result.versions_read == 3, "the newest known commit and the new one"
    assert versions(gateway)[-2:] == [("a.md", 31, new), ("c.md", 1, new)]


def test_a_branch_that_is_merged_later_is_added_later(gateway: Gateway, folder: GitFolder) -> None:
    base = folder.commit({b"a": b"1"})
    left = folder.commit({b"a": b"2"})
    ingest(gateway, folder)
    side = folder.commit({b"b": b"1"}, parents=[base], branch="side")
    folder.commit({b"b": b"1"}, parents=[left, side])
    result = ingest(gateway, folder)
    assert result.versions_added == 1
    assert versions(gateway) == [("a", 1, base), ("a", 2, left), ("b", 1, side)]


@pytest.mark.parametrize("after_chunks", [1, 2, 3])
def test_an_interrupted_ingestion_keeps_whole_chunks_and_can_be_continued(
    new_database: Callable[[str], str],
    template: str,
    folder: GitFolder,
    monkeypatch: pytest.MonkeyPatch,
    after_chunks: int,
) -> None:
    many = {f"file {n}".encode(): b"1" for n in range(7)}
    folder.commit(many)
    folder.commit(dict.fromkeys(many, b"2"))
    monkeypatch.setattr(git, "CHUNK_VERSIONS", 4)
    with Gateway(new_database(template)) as whole, Gateway(new_database(template)) as broken:
        ingest(whole, folder)
        with pytest.raises(KeyboardInterrupt):
            ingest_git(broken, open_repository(folder.path), on_progress=interrupt(after_chunks))
        assert totals(broken).versions == 4 * after_chunks
        ingest(broken, folder)
        assert versions(broken) == versions(whole)
        assert broken.fetch_all(EVENTS) == whole.fetch_all(EVENTS)


def interrupt(after_chunks: int) -> Callable[[Progress], None]:
    def on_progress(at: Progress) -> None:
        if at.versions_read >= 4 * after_chunks:
            raise KeyboardInterrupt

    return on_progress


def test_a_chunk_whose_events_are_refused_leaves_nothing_behind(gateway: Gateway, folder: GitFolder) -> None:
    small_history(folder)
    gateway.execute(
        "update public.event_type_registry set enabled = false where event_type = 'version_applied'"
    )
    with pytest.raises(Exception, match="version_applied"):
        ingest(gateway, folder)
    assert totals(gateway) == Totals(units=0, versions=0)
    gateway.execute(
        "update public.event_type_registry set enabled = true where event_type = 'version_applied'"
    )
    assert ingest(gateway, folder).versions_added == 5


def test_two_concurrent_ingestions_store_each_version_once_without_gaps_in_numbers(
    gateway: Gateway, folder: GitFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(40):
        folder.commit({b"a": str(n).encode(), b"b": str(n).encode()})
    monkeypatch.setattr(git, "CHUNK_VERSIONS", 2)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: ingest(gateway, folder), range(2)))
    assert sum(result.versions_added for result in results) == 80
    assert [(address, seq) for address, seq, _ in versions(gateway)] == [
        (address, seq) for address in ("a", "b") for seq in range(1, 41)
    ]
    assert [ref for address, _, ref in versions(gateway) if address == "a"] == folder.ids


def test_unusual_names_become_addresses_of_one_line(gateway: Gateway, folder: GitFolder) -> None:
    names = [
        b"with space",
        b"new\nline",
        "café.md".encode(),
        b"bad\xff",
        b" edge ",
        b"50%",
        b"long/" * 300 + b"x",
    ]
    folder.commit(dict.fromkeys(names, b"1"))
    folder.commit(dict.fromkeys(names, b"2"))
    assert ingest(gateway, folder).events_emitted == len(names)
    addresses = {row["address"] for row in gateway.fetch_all(EVENTS)}
    assert {"with space", "new%0Aline", "café.md", "bad%FF", "%20edge%20", "50%25"} < addresses


def test_another_repository_is_refused_without_a_prefix_and_ingested_with_one(
    gateway: Gateway, folder: GitFolder, tmp_path: Path
) -> None:
    small_history(folder)
    ingest(gateway, folder)
    other = GitFolder(tmp_path / "web")
    other.commit({b"a.md": b"other"})
    with pytest.raises(ForeignHistory, match=r"came from another repository.*web") as caught:
        ingest(gateway, other)
    assert caught.value.hint
    assert "--prefix web/" in caught.value.hint
    assert ingest(gateway, other, "web/").units_added == 1
    assert ingest(gateway, other, "web/").versions_added == 0
    assert ingest(gateway, folder).versions_added == 0


@pytest.mark.parametrize("prefix", [" web/", "we\nb/", "50%/", "x" * 101])
def test_a_prefix_that_cannot_begin_an_address_is_refused(
    gateway: Gateway, folder: GitFolder, prefix: str
) -> None:
    small_history(folder)
    with pytest.raises(UsageError, match="prefix"):
        ingest(gateway, folder, prefix)
    assert totals(gateway).units == 0


def test_the_emitter_role_suffices_and_the_auditor_role_does_not(
    gateway: Gateway, database: str, folder: GitFolder
) -> None:
    small_history(folder)
    with Gateway(database, role="iu_auditor") as auditor, pytest.raises(PermissionDenied):
        ingest(auditor, folder)
    with Gateway(database, role="iu_emitter") as emitter:
        assert ingest(emitter, folder).events_emitted == 3
    assert len(gateway.fetch_all(EVENTS)) == 3


def test_the_sample_makes_units_versions_and_events_once(gateway: Gateway) -> None:
    first, second = sample.ingest_sample(gateway), sample.ingest_sample(gateway)
    assert (first.units_added, first.versions_added, first.events_emitted) == (11, 40, 29)
    assert second.versions_added == 0
    assert all(address.startswith("sample/") for address, _, _ in versions(gateway))


def test_the_command_prints_what_it_added_and_then_that_nothing_is_new(
    database: str, folder: GitFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    small_history(folder)
    command = ["ingest", "git", str(folder.path), "--database-url", database]
    assert run(command) == 0
    printed = capsys.readouterr().out
    assert "read 5 file versions of 3 commits" in printed
    assert "added 2 units and 5 versions; the trigger emitted 3 version_applied events" in printed
    assert run(command) == 0
    assert "nothing new" in capsys.readouterr().out


def test_the_command_prints_json(
    database: str, folder: GitFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    small_history(folder)
    assert run(["ingest", "git", str(folder.path), "--database-url", database, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["head"], answer["versions_added"], answer["events_emitted"]) == (folder.ids[-1], 5, 3)


def test_a_folder_that_is_no_repository_is_a_usage_error_that_names_it(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ingest", "git", str(tmp_path), "--database-url", database]) == 2
    printed = capsys.readouterr()
    assert f"{tmp_path} is not a git repository" in printed.err
    assert "hint:" in printed.err
    assert "Traceback" not in printed.err
    assert not printed.out


def test_a_repository_without_a_commit_is_no_error(
    database: str, folder: GitFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ingest", "git", str(folder.path), "--database-url", database]) == 0
    assert "has no commit yet" in capsys.readouterr().out


def test_a_database_without_the_schema_says_how_to_install_it(
    empty_database: str, folder: GitFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    small_history(folder)
    assert run(["ingest", "git", str(folder.path), "--database-url", empty_database]) == 1
    assert "iu migrate" in capsys.readouterr().err
