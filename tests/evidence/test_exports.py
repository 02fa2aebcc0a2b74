"""Exports: what pandas and pyarrow read back equals the database, value for value."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pandas as pd
import psycopg
import pyarrow.parquet as pq
import pytest

from databases import Server
from domain.samples import ROUTE, add_letter
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.statements import load
from iu_pipelines.domain import dead_letters, outbox, worker
from iu_pipelines.domain.outbox import NewEvent
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.errors import StatementFailed, UsageError
from iu_pipelines.evidence import exports
from iu_pipelines.evidence.exports import Asked, Exported, Format, What, new_file

EVENTS = 22_000
NAMES = ["docs/a", "=1+1", "+x", "@y", "-z", 'quote " and, comma', "größe/日本語/🙂", "emoji 👩‍👩‍👧"]
WHATS: tuple[What, ...] = ("attempts", "events", "batches", "dead-letters")
VIEWS = {
    "attempts": ("iu_route_attempt", "attempt_id"),
    "events": ("event_outbox", "event_seq"),
    "batches": ("iu_route_batch", "batch_id"),
    "dead-letters": ("iu_route_dead_letter", "created_at, dead_letter_id"),
}


@pytest.fixture(scope="module")
def exported_from(server: Server, template: str) -> Iterator[str]:
    """Yield the URL of a database with 22,000 attempts, failed ones, replays, nulls and unusual texts."""
    name = f"iu_exports_{os.getpid()}"
    url = server.create(name, template)
    with Gateway(url) as gateway:
        outbox.emit_many(
            gateway,
            [
                NewEvent("version_applied", NAMES[n % len(NAMES)], uuid4(), "test", {"n": n})
                for n in range(EVENTS - 100)
            ],
        )
        worker.run_once(gateway, DEFAULT_WORKER, 100_000, "run-1")
        outbox.emit(gateway, "sql_link_created", "docs/b", uuid4(), "=cmd()", {"note": "line\nbreak\t🙂"})
        worker.run_once(gateway, DEFAULT_WORKER, 100, None)
        _fail(gateway)
        for number in range(40):
            letter = add_letter(gateway, key=f"test:{number}")
            dead_letters.replay(gateway, letter, "run-3")
        worker.run_once(gateway, "second", 100_000)
    yield url
    server.drop(name)


def _fail(gateway: Gateway) -> None:
    """Let three events fail on a live route."""
    gateway.run_script(
        f"""
        alter table public.iu_outbound_route drop constraint dry_run_is_enforced;
        update public.iu_outbound_route set dry_run = false where route_code = '{ROUTE}';
        """
    )
    for _ in range(3):
        outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
    worker.run_once(gateway, DEFAULT_WORKER, 100, "run-2")
    gateway.execute("update public.iu_outbound_route set dry_run = true")


def written(url: str, asked: Asked, form: Format, *, for_spreadsheet: bool = False) -> tuple[bytes, Exported]:
    out = io.BytesIO()
    with Gateway(url, role="iu_auditor") as gateway:
        done = exports.export(gateway, asked, out, form, for_spreadsheet=for_spreadsheet)
    return out.getvalue(), done


def stored(url: str, what: What) -> list[tuple[Any, ...]]:
    """Return the rows as Python values: ids and JSON as text, times in UTC."""
    names = ", ".join(
        f"{column.name}::text" if column.type in ("jsonb", "uuid") else
        f"{column.name}::text::bigint" if column.type == "xid8" else column.name
        for column in exports.columns(what)
    )  # fmt: skip
    view, order = VIEWS[what]
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        return connection.execute(f"select {names} from public.{view} order by {order}".encode()).fetchall()


def plain(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


@pytest.mark.parametrize("what", WHATS)
def test_parquet_read_by_pyarrow_equals_the_database(exported_from: str, what: What) -> None:
    content, done = written(exported_from, Asked(what), "parquet")
    read = pq.read_table(io.BytesIO(content))
    expected = stored(exported_from, what)
    assert done.rows == len(expected) == read.num_rows
    assert [tuple(row.values()) for row in read.to_pylist()] == expected
    types = {field.name: str(field.type) for field in read.schema}
    described = {column.name: column.type for column in exports.columns(what)}
    assert {types[name] for name, kind in described.items() if kind == "timestamptz"} == {
        "timestamp[us, tz=UTC]"
    }
    assert {types[name] for name, kind in described.items() if kind in ("bigint", "xid8")} <= {"int64"}
    assert not [name for name, kind in types.items() if "float" in kind or "double" in kind or kind == "null"]


@pytest.mark.parametrize("what", WHATS)
def test_parquet_read_by_pandas_equals_the_database(exported_from: str, what: What) -> None:
    content, _ = written(exported_from, Asked(what), "parquet")
    read = pd.read_parquet(io.BytesIO(content), dtype_backend="numpy_nullable")
    values = [tuple(plain(value) for value in row) for row in read.itertuples(index=False, name=None)]
    assert values == stored(exported_from, what)


@pytest.mark.parametrize("what", WHATS)
def test_csv_read_by_pandas_equals_the_database(exported_from: str, what: What) -> None:
    content, done = written(exported_from, Asked(what), "csv")
    described = exports.columns(what)
    times = [column.name for column in described if column.type == "timestamptz"]
    read = pd.read_csv(
        io.BytesIO(content),
        dtype={c.name: exports._DTYPES[c.type] for c in described if c.name not in times},
        parse_dates=times,
    )
    expected = stored(exported_from, what)
    assert done.rows == len(expected) == len(read)
    values = [tuple(plain(value) for value in row) for row in read.itertuples(index=False, name=None)]
    assert values == expected


def test_the_sample_has_what_the_comparison_is_about(exported_from: str) -> None:
    rows = stored(exported_from, "attempts")
    decisions = {row[8] for row in rows}
    assert len(rows) > 40_000
    assert {"dry_run", "failed", "skipped"} <= decisions
    assert any(row[6] > 1 and row[1] is None for row in rows)


def test_filters_select_by_time_worker_and_run(exported_from: str) -> None:
    def numbers(**chosen: Any) -> int:
        return written(exported_from, Asked(**chosen), "csv")[1].rows

    assert numbers(run_ref="run-2") == 3
    assert numbers(run_ref="run-3") == 40
    assert numbers(worker_name="second") > EVENTS - 100
    whole = numbers()
    middle = stored(exported_from, "attempts")[whole // 2][14]
    assert numbers(since=middle) + numbers(until=middle) == whole
    assert numbers(since=datetime.now(UTC) + timedelta(days=1)) == 0
    assert numbers(what="batches", run_ref="run-1") == 1
    assert numbers(what="dead-letters", worker_name="nobody") == 0


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_export_without_rows_has_the_columns(exported_from: str, form: Format) -> None:
    content, done = written(exported_from, Asked(worker_name="none"), form)
    read = pd.read_csv(io.BytesIO(content)) if form == "csv" else pd.read_parquet(io.BytesIO(content))
    assert done.rows == 0
    assert list(read.columns) == [column.name for column in exports.columns("attempts")]


@pytest.mark.parametrize("what", WHATS)
def test_each_statement_has_the_columns_of_its_rows(exported_from: str, what: What) -> None:
    text = load(exports.__name__)[what.replace("-", "_")]
    given = {"since": None, "until": None, "worker_name": None, "run_ref": None}
    with psycopg.connect(exported_from) as connection:
        described = connection.execute(f"{text} limit 0".encode(), given).description
    assert described
    assert [column.name for column in described] == [column.name for column in exports.columns(what)]


def test_texts_like_formulas_are_counted_and_disarmed_only_if_asked(exported_from: str) -> None:
    content, done = written(exported_from, Asked("events"), "csv")
    assert done.formulas > 1_000
    assert b",=1+1," in content
    disarmed, again = written(exported_from, Asked("events"), "csv", for_spreadsheet=True)
    assert again.formulas == done.formulas
    assert b",'=1+1," in disarmed
    assert b",=1+1," not in disarmed
    assert (
        disarmed.replace(b"'=", b"=").replace(b"'+", b"+").replace(b"'-", b"-").replace(b"'@", b"@")
        == content
    )


def test_an_export_shows_one_snapshot(gateway: Gateway, database: str) -> None:
    events = [NewEvent("version_applied", "docs/a", uuid4(), "test", {}) for _ in range(exports.CHUNK + 5)]
    outbox.emit_many(gateway, events)
    pages = exports._pages(gateway, Asked("events"))
    seen = len(next(pages))
    with Gateway(database) as other:
        outbox.emit(other, "version_applied", "docs/new", uuid4(), "test", {})
    assert seen + sum(len(page) for page in pages) == exports.CHUNK + 5


def test_a_file_that_exists_is_kept_unless_forced(tmp_path: Path) -> None:
    place = tmp_path / "audit.csv"
    place.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="exists") as refused, new_file(place, force=False):
        pass
    assert "--force" in str(refused.value.hint)
    with new_file(place, force=True) as out:
        out.write(b"new")
        assert place.read_text(encoding="utf-8") == "mine"
    assert place.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [place]


def test_a_file_that_another_program_made_meanwhile_is_kept(tmp_path: Path) -> None:
    place = tmp_path / "audit.csv"
    with pytest.raises(UsageError, match="exists"), new_file(place, force=False) as out:
        out.write(b"new")
        place.write_bytes(b"theirs")
    assert place.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("error", [KeyboardInterrupt, StatementFailed("it failed")])
def test_an_export_that_was_interrupted_leaves_no_file(tmp_path: Path, error: Any) -> None:
    with pytest.raises((KeyboardInterrupt, StatementFailed)), new_file(tmp_path / "a", force=False) as out:
        out.write(b"a part")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_killed_export_leaves_no_file_under_its_name(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from iu_pipelines.evidence.exports import new_file\n"
        "with new_file(Path(sys.argv[1]), force=False) as out:\n"
        "    out.write(b'a part'); out.flush(); os.kill(os.getpid(), 9)"
    )
    place = tmp_path / "audit.csv"
    done = subprocess.run([sys.executable, "-c", program, str(place)], check=False)
    assert done.returncode == -9
    assert not place.exists()


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="No such file or directory"),
        new_file(tmp_path / "none" / "a.csv", force=False),
    ):
        pass


def test_ids_are_text(exported_from: str) -> None:
    content, _ = written(exported_from, Asked("events"), "parquet")
    first = pq.read_table(io.BytesIO(content)).to_pylist()[0]
    assert UUID(first["event_id"])
