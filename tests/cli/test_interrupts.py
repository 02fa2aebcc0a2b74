"""Ctrl-C at any time: one line on stderr, exit code 130, no traceback."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import psycopg
import pytest

from cli.running import accept_ctrl_c
from waiting import PATIENCE, eventually

LINE: Final = "error: interrupted; what was committed is kept\n"

# What the script `iu` of an installation does, with a sign where `main` begins. Other modules are imported
# after it. A signal that arrives earlier, while Python itself starts, is handled by Python.
PROGRAM: Final = """
import sys
from iu_pipelines.__main__ import main
sys.stderr.write("."); sys.stderr.flush()
main()
"""


def start(*words: str) -> subprocess.Popen[str]:
    """Start `iu`, and return when its `main` begins."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=accept_ctrl_c,  # noqa: PLW1509  this test starts no thread
    )
    assert process.stderr
    assert process.stderr.read(1) == "."
    return process


def interrupted(delay: float, *words: str, again: float | None = None) -> tuple[int, str]:
    """Interrupt `iu` after `delay` seconds, and again after `again`. Return its exit code and stderr."""
    process = start(*words)
    for pause in (delay, again):
        if pause is not None:
            time.sleep(pause)
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    return process.returncode, err


def duration(*words: str) -> float:
    process, started = start(*words), time.monotonic()
    process.communicate(timeout=PATIENCE)
    return time.monotonic() - started


@pytest.mark.parametrize(("words", "times"), [(("--help",), 30), (("--version",), 10), (("status",), 20)])
def test_ctrl_c_at_any_moment_ends_with_one_line_and_130(
    database: str, words: tuple[str, ...], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_DATABASE_URL", database)
    whole = min(duration(*words) for _ in range(3))
    seen = []
    for number in range(times):
        delay = whole * (number + random.random()) / times
        code, err = interrupted(delay, *words)
        # A signal after the command's last line ends a process that has nothing left to do.
        assert (code, err) in {(130, LINE), (0, ""), (-signal.SIGINT, "")}, delay
        seen.append(code)
    assert seen.count(130) > times / 3


def test_ctrl_c_twice_ends_with_one_line_and_no_traceback(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_DATABASE_URL", database)
    whole = duration("status")
    for number in range(10):
        pause = random.random() * 0.02
        code, err = interrupted(whole * number / 10, "status", again=pause)
        # The second signal can arrive when Python has put back the default action, which ends it too.
        assert code in {130, 0, -signal.SIGINT}
        assert err in {LINE, ""}


def test_ctrl_c_during_a_query_cancels_it(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_DATABASE_URL", database)
    waiting = (
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )
    with psycopg.connect(database) as holder, psycopg.connect(database, autocommit=True) as observer:
        holder.execute("lock table public.dot_config")
        process = start("gate", "show")
        eventually(lambda: observer.execute(waiting).fetchone() == (1,))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err) == (130, LINE)
        eventually(lambda: observer.execute(waiting).fetchone() == (0,))


def test_ctrl_c_while_connecting_ends_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("IU_DATABASE_URL", f"postgresql://127.0.0.1:{silent.getsockname()[1]}/x")
        process = start("status")
        connection, _ = silent.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (130, LINE)


def test_ctrl_c_while_the_embedded_server_starts_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_HOME", str(tmp_path))
    tmp_path.chmod(0o755)
    try:
        for delay in (0.6, 0.9, 1.3, 1.8):
            code, err = interrupted(delay, "gate", "show")
            if "schema is not installed" in err:  # the server runs, and the command had ended
                assert code in {1, -signal.SIGINT}
                continue
            *before, last = err.splitlines(keepends=True)
            assert (code, last) == (130, LINE), (delay, err)
            assert all(line.startswith("warning: a new database was made in ") for line in before), err
    finally:
        subprocess.run([sys.executable, "-m", "iu_pipelines", "stop"], check=True, timeout=PATIENCE)


def test_an_interruption_is_json_on_stderr_with_json(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_DATABASE_URL", database)
    code, err = interrupted(0.01, "status", "--json")
    assert code == 130
    assert err.startswith('{"error": {"code": null, "message": "interrupted; ')
