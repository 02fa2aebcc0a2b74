"""`iu exec`: the program that replaces it connects to the same database."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from cli.running import Iu, refused, shell
from iu_pipelines.db.gateway import libpq_environment
from iu_pipelines.errors import UsageError

CONNECTED = """
import psycopg
with psycopg.connect("") as connection:
    print(*connection.execute("select current_database(), current_setting('application_name')").fetchone())
"""


def test_a_program_connects_without_a_url_of_its_own(kept_database: str) -> None:
    url = f"{kept_database}{'&' if '?' in kept_database else '?'}application_name=shop"
    done = shell("exec", sys.executable, "-c", CONNECTED, IU_DATABASE_URL=url, PGSERVICE="nowhere")
    assert (done.returncode, done.stderr) == (0, "")
    database = libpq_environment(url)["PGDATABASE"]
    assert done.stdout.split() == [database, "shop"]


def test_options_after_the_program_are_its_own_and_so_is_the_exit_code(kept_database: str) -> None:
    done = shell("--database-url", kept_database, "exec", "sh", "-c", 'echo "$@"; exit 7', "sh", "--json")
    assert (done.returncode, done.stdout) == (7, "--json\n")


def test_a_program_is_ended_by_a_closed_pipe_as_if_the_shell_had_started_it(kept_database: str) -> None:
    done = shell("exec", "sh", "-c", "kill -PIPE $$; echo alive", IU_DATABASE_URL=kept_database)
    assert (done.returncode, done.stdout) == (-signal.SIGPIPE, "")


def test_a_program_that_cannot_be_run_is_named(kept_iu: Iu, command: Iu, kept_database: str) -> None:
    before = signal.getsignal(signal.SIGPIPE)
    refused(command("--database-url", kept_database, "exec", "nowhere/shop"), 2, "'nowhere/shop'")
    assert signal.getsignal(signal.SIGPIPE) == before
    refused(command("exec"), 2, "PROGRAM")


def test_the_psql_of_the_embedded_server_is_found(tmp_path: Path) -> None:
    python = tmp_path / "bin"
    python.mkdir()
    (python / "sh").symlink_to("/bin/sh")
    given = {"IU_HOME": str(tmp_path / "home"), "PATH": str(python)}
    try:
        shell("wait", "--no-migrated", **given)
        done = shell("exec", "sh", "-c", "psql --no-psqlrc -Atc 'select current_database()'", **given)
        assert (done.returncode, done.stdout, done.stderr) == (0, "iu\n", "")
    finally:
        shell("stop", **given)


def test_a_url_that_is_none_has_no_variables() -> None:
    with pytest.raises(UsageError, match="does not begin with postgresql"):
        libpq_environment("mysql://127.0.0.1/shop")
    variables = libpq_environment("postgresql://ann:a%20b@db.example:5433/shop?sslmode=require&keepalives=1")
    assert variables == {
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGUSER": "ann",
        "PGPASSWORD": "a b",
        "PGDATABASE": "shop",
        "PGSSLMODE": "require",
    }
