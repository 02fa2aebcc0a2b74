"""`iu audit export`: files, formats and refusals. The values are tested in `tests/evidence`."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cli.emitting import emit
from cli.running import Iu, refused
from iu_pipelines import extras


def test_attempts_are_written_as_csv_and_as_parquet(iu: Iu, tmp_path: Path) -> None:
    made = [emit(iu) for _ in range(3)]
    iu("run")
    done = iu("audit", "export", "--output", str(tmp_path / "a.csv"))
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{tmp_path / 'a.csv'}: 3 rows, ")
    with (tmp_path / "a.csv").open(encoding="utf-8") as lines:
        assert [row["event_id"] for row in csv.DictReader(lines)] == made
    answer = iu("audit", "export", "--output", str(tmp_path / "a.parquet"), "--json").json
    assert (answer["format"], answer["rows"]) == ("parquet", 3)
    assert list(pd.read_parquet(tmp_path / "a.parquet")["event_id"]) == made


def test_the_dash_is_stdout(database: str, iu: Iu) -> None:
    event_id = emit(iu)
    words = ["audit", "export", "--what", "events", "-o", "-", "--database-url", database]
    done = subprocess.run(
        [sys.executable, "-m", "iu_pipelines", *words], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert [row["event_id"] for row in csv.DictReader(done.stdout.splitlines())] == [event_id]


def test_a_closed_pipe_ends_it_quietly(database: str, iu: Iu) -> None:
    from iu_pipelines.db.gateway import Gateway

    with Gateway(database) as gateway:
        gateway.execute(
            """insert into public.event_outbox (event_domain, event_type)
               select 'iu', 'version_applied' from generate_series(1, 25000)"""
        )
    words = ["audit", "export", "--what", "events", "-o", "-", "--database-url", database]
    with subprocess.Popen(
        [sys.executable, "-m", "iu_pipelines", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141


def test_a_file_is_overwritten_only_with_force(iu: Iu, tmp_path: Path) -> None:
    place = tmp_path / "a.csv"
    place.write_text("mine", encoding="utf-8")
    refused(iu("audit", "export", "-o", str(place)), 2, "exists", "--force")
    assert place.read_text(encoding="utf-8") == "mine"
    assert iu("audit", "export", "-o", str(place), "--force").code == 0
    assert place.read_text(encoding="utf-8").startswith("attempt_id,")


def test_texts_like_formulas_are_named_or_disarmed(iu: Iu, tmp_path: Path) -> None:
    iu("emit", "version_applied", "=1+1", "--subject", "00000000-0000-4000-8000-000000000001", "--actor", "t")
    words = ("audit", "export", "--what", "events", "-o", str(tmp_path / "a.csv"), "--force")
    assert "1 text in" in iu(*words).err
    assert ",=1+1," in (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert iu(*words, "--spreadsheet").err == ""
    assert ",'=1+1," in (tmp_path / "a.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-o", "-", "--format", "parquet"), "parquet cannot be written to stdout"),
        (("-o", "-", "--json"), "--json cannot be combined with --output -"),
        (("-o", "a.parquet", "--spreadsheet"), "--spreadsheet is only for CSV"),
        (("-o", "a.csv", "--what", "events", "--run", "r"), "--run does not apply to events"),
        (("-o", "a.csv", "--what", "events", "--worker", "w"), "--worker does not apply to events"),
        (("-o", "none/a.csv"), "cannot write 'none/a.csv'"),
        (("-o", ""), "--output '' is blank"),
        (("-o", "a.xlsx"), "--output 'a.xlsx' ends in neither .csv nor .parquet"),
        (("-o", "a"), "--output 'a' ends in neither .csv nor .parquet"),
        (("-o", "a.csv", "--format", "parquet"), "--output 'a.csv' contradicts --format parquet"),
        (("-o", "a.csv", "--since", "1d", "--until", "2d"), " is not after --since "),
    ],
)
def test_a_combination_without_sense_is_refused(iu: Iu, words: tuple[str, ...], said: str) -> None:
    done = iu("audit", "export", *words)
    message = json.loads(done.err)["error"]["message"] if "--json" in words else done.err
    assert done.code == 2
    assert said in message


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--worker", "nope"), "no such worker: 'nope'"),
        (("--worker", ""), "no such worker: ''"),
        (("--run", "nope"), "no attempts of run 'nope'"),
        (("--what", "batches", "--run", "nope"), "no batches of run 'nope'"),
    ],
)
def test_a_name_of_nothing_is_refused_before_anything_is_written(
    iu: Iu, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    refused(iu("audit", "export", "-o", str(tmp_path / "a.csv"), *words), 1, said)
    assert list(tmp_path.iterdir()) == []
    refused(iu("audit", "export", "-o", "-", *words), 1, said)


def test_before_the_first_migration_nothing_is_written(empty_iu: Iu) -> None:
    refused(empty_iu("audit", "export", "-o", "-"), 1, "iu migrate")


def test_a_format_is_needed_only_for_another_ending(iu: Iu, tmp_path: Path) -> None:
    done = iu("audit", "export", "-o", str(tmp_path / "a.txt"), "--format", "csv", "--json")
    assert (done.code, done.json["format"]) == (0, "csv")


@pytest.mark.parametrize(("name", "extra"), [("a.csv", "evidence"), ("a.parquet", "parquet")])
def test_a_missing_extra_is_named(
    iu: Iu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    missing = {"evidence": "pandas", "parquet": "pyarrow"}[extra]
    installed = extras.is_installed
    monkeypatch.setattr(extras, "is_installed", lambda module: module != missing and installed(module))
    done = iu("audit", "export", "-o", str(tmp_path / name))
    refused(done, 2, f"the extra [{extra}] is not installed", missing)
    assert list(tmp_path.iterdir()) == []
