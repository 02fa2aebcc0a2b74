"""The embedded PostgreSQL: one server under IU_HOME, started when needed, found again by the next process.

Everything is in `<home>/postgres`: `data` (the cluster, with `iu.json`: its port and password), `server.log`,
and `lock`, held while one process starts or stops the server. The server outlives the process that started
it and listens on loopback, and on a socket in a private directory, for a password only.

The running server holds a lock on the open data directory, which the kernel drops when its last process is
gone. So a dead server is told from a living one without believing a pid file, and a server is "running"
when it is alive and lets us in.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import stamina

from iu_pipelines.db.embedded import binaries
from iu_pipelines.db.embedded.binaries import Programs, ServerUser
from iu_pipelines.db.gateway import Gateway, is_starting, probe
from iu_pipelines.errors import ConnectionFailed, DatabaseError, EmbeddedServerError, UsageError

DATABASE: Final = "iu"
"""The database that the product lives in."""

_SUPERUSER: Final = "postgres"
_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.02
_LOG_BYTES: Final = 10_000_000
_FULL: Final = "53300"
_NOT_OPEN: Final = re.compile(r"FATAL:  the database system is .*|FATAL:  .* does not exist")
_PASSING: Final = re.compile("Address already in use|could not create any TCP/IP sockets|is still in use")
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")

_SETTINGS: Final[Mapping[str, str]] = {
    "cluster_name": "iu",
    "jit": "off",
    "listen_addresses": _HOST,
    "log_min_error_statement": "panic",
    "log_timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "unix_socket_permissions": "0700",
}


@dataclass(frozen=True, slots=True)
class _Record:
    """What `iu.json` says: how to reach the cluster that it lies in."""

    port: int
    password: str
    socket_directory: str

    def url(self, database: str) -> str:
        return f"postgresql://{_SUPERUSER}:{self.password}@{_HOST}:{self.port}/{database}?sslmode=disable"


class EmbeddedServer:
    """The server of one IU_HOME. Any number of processes may use it, start it and stop it at once.

    `pg_bin` names the directory of PostgreSQL's programs; otherwise PATH and then the wheel are searched.
    `settings` are server settings for the next start, over the defaults. Every method raises
    EmbeddedServerError with the reason and what to do.
    """

    def __init__(
        self, home: Path, *, pg_bin: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.home = home.absolute()
        self._pg_bin = pg_bin
        self._settings = {**_SETTINGS, **(settings or {})}
        self._root = self.home / "postgres"
        self._data = self._root / "data"
        self._log = self._root / "server.log"

    def ensure_running(self) -> str:
        """Start the server unless it runs, and return the URL of the database `iu`, made when missing."""
        with self._in_words(), self._locked():
            if not self._data.exists():
                self._initialise()
            self._serve()
            return self.ensure_database(DATABASE)

    def is_running(self) -> bool:
        """Whether the server is alive and lets us in, or would if it had a connection to spare."""
        with self._in_words():
            if not self._is_alive():
                return False
            reason = self._answer()
            return reason is None or reason.code == _FULL

    def url(self, database: str = DATABASE) -> str:
        """The URL of a database of this server, whether or not it exists or runs."""
        with self._in_words():
            return self._record().url(database)

    def ensure_database(self, name: str) -> str:
        """Make the database unless it is there, and return its URL. The server has to run, or to recover."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for a database",
                hint="use up to 63 lowercase letters, digits and underscores, not beginning with a digit",
            )
        url = self.url(name)
        try:
            for attempt in stamina.retry_context(on=is_starting, attempts=None, timeout=_START_SECONDS):
                with attempt:
                    probe(url)
        except ConnectionFailed as error:
            if error.code != "3D000":
                raise
            self._create_database(name)
        return url

    def stop(self) -> bool:
        """Stop the server and wait until it is gone. False when it was not running."""
        with self._in_words():
            if not self._data.exists():
                return False
            with self._locked():
                alive = self._is_alive()
                if alive:
                    self._terminate()
                self._forget_sockets()
                return alive

    # --- one process at a time -------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        ignore = self.home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        with (self._root / "lock").open("a", encoding="utf-8") as lock:
            if not _wait(lambda: _try_lock(lock.fileno(), fcntl.LOCK_EX), 2 * _START_SECONDS):
                raise EmbeddedServerError(
                    f"another process has been starting or stopping the server in {self.home} for too long",
                    hint=f"end it; it holds {lock.name}",
                )
            yield

    def _is_alive(self) -> bool:
        """Whether any process of this cluster exists: the lock on the data directory is theirs."""
        if not self._data.exists():
            return False
        with _opened(self._data) as data:
            return not _try_lock(data, fcntl.LOCK_SH)

    def _answer(self) -> ConnectionFailed | None:
        """None when the server lets us in, else the reason why not."""
        try:
            probe(self._record().url(_SUPERUSER))
        except ConnectionFailed as error:
            return error
        return None

    # --- a new cluster ---------------------------------------------------------------------------------

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there when it is whole."""
        new = self._root / "data.new"
        user = binaries.server_user(self._data)
        found = binaries.find(self._pg_bin, user, None)
        self._discard(new)
        new.mkdir(mode=0o700)
        _give(new, user)
        password = secrets.token_urlsafe(24)
        try:
            with _opened(new) as data:
                _try_lock(data, fcntl.LOCK_EX)
                self._initdb(found, user, data, new, password)
            _write_record(new, _Record(0, password, ""), user)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        new.rename(self._data)

    def _discard(self, leftover: Path) -> None:
        """Remove what a killed process left, once the initdb that it started has ended, too."""
        if not leftover.exists():
            return
        with _opened(leftover) as data:
            _wait(lambda: _try_lock(data, fcntl.LOCK_EX), _START_SECONDS)
        shutil.rmtree(leftover)

    def _initdb(self, found: Programs, user: ServerUser, data: int, path: Path, password: str) -> None:
        with tempfile.TemporaryFile() as secret:
            secret.write(password.encode())
            secret.seek(0)
            if user.switch:
                os.fchown(secret.fileno(), user.uid, user.gid)
            done = subprocess.run(
                [
                    str(found.directory / "initdb"),
                    f"--pgdata={_reachable(path, data, user)}",
                    f"--pwfile=/dev/fd/{secret.fileno()}",
                    *_initdb_options(found.major),
                    *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
                ],
                pass_fds=[data, secret.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                **user.popen(),
            )
        if done.returncode:
            raise self._failure("could not make a new database cluster", done.stdout)

    # --- start -----------------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Come back when the server lets us in; start it as often as a start fails for a passing reason."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with _opened(self._data) as data:
                if _try_lock(data, fcntl.LOCK_EX):
                    seen = self._launch(data)
                else:
                    self._end_orphans()
                    seen = self._log_size()
            if self._came_up(deadline):
                return
            self._raise_unless_passing(seen)
        raise self._failure(f"the server did not come up within {_START_SECONDS:.0f} seconds", "")

    def _came_up(self, deadline: float) -> bool:
        while time.monotonic() < deadline and self._is_alive():
            reason = self._answer()
            if reason is None:
                return True
            if reason.code == _FULL:
                raise reason
            if reason.code == "28P01":
                raise EmbeddedServerError(
                    f"the server in {self.home} refuses the password that {self._data}/iu.json holds",
                    hint=f"give user {_SUPERUSER} that password again (alter role … password …)",
                )
            time.sleep(_POLL_SECONDS)
        return False

    def _launch(self, data: int) -> int:
        """Start the server detached, holding `data`, and return where its log begins."""
        user = binaries.server_user(self._data)
        found = binaries.find(self._pg_bin, user, self._major())
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self._forget_sockets()
        settings = self._server_settings(self._new_record(user))
        command = [
            str(found.directory / "postgres"),
            "-D",
            str(_reachable(self._data, data, user)),
            *settings,
        ]
        with self._log_file() as log:
            begin = self._log_size()
            subprocess.run(
                ["/bin/sh", "-c", '"$0" "$@" &', *command],
                pass_fds=[data],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=True,
                **user.popen(),
            )
        return begin

    def _server_settings(self, record: _Record) -> list[str]:
        where = {"port": str(record.port), "unix_socket_directories": record.socket_directory}
        settings = self._settings | where
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _new_record(self, user: ServerUser) -> _Record:
        """The record of the next start: the last port if it is free, and a fresh socket directory."""
        old = self._record()
        sockets = tempfile.mkdtemp(prefix="iu-", dir=_short_directory())
        _give(Path(sockets), user)
        record = replace(old, port=_free_port(old.port), socket_directory=sockets)
        _write_record(self._data, record, user)
        return record

    def _raise_unless_passing(self, seen: int) -> None:
        """Raise for what the log says since `seen`, unless another start can help."""
        with self._log.open("rb") as log:
            log.seek(seen)
            said = log.read().decode("utf-8", "replace")
        if re.search(r"FATAL|PANIC", _NOT_OPEN.sub("", said)) and not _PASSING.search(said):
            raise self._failure("the server did not start", said)
        time.sleep(_POLL_SECONDS)

    def _major(self) -> int:
        text = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        return int(text.partition(".")[0])

    # --- stop ------------------------------------------------------------------------------------------

    def _terminate(self) -> None:
        for sent, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, _STOP_SECONDS / 3)):
            pid = self._postmaster()
            if pid:
                os.kill(pid, sent)
            self._end_orphans()
            if _wait(lambda: not self._is_alive(), seconds):
                return
        raise EmbeddedServerError(
            f"the server in {self.home} does not stop",
            hint=f"look at {self._log}, and end process {self._postmaster() or 'postgres'} by hand",
        )

    def _postmaster(self) -> int | None:
        """The pid that the pid file names, if that process is a postgres."""
        try:
            first = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
        except (FileNotFoundError, IndexError):
            return None
        return int(first) if first.isdigit() and "postgres" in _program_of(int(first)) else None

    def _end_orphans(self) -> None:
        """End the processes that work on after their postmaster was killed. They are found on Linux only."""
        if self._postmaster() or not (self._data / "postmaster.pid").exists():
            return
        data = self._data.stat()
        for directory in Path("/proc").glob("[0-9]*/cwd"):
            with suppress(OSError):
                if os.path.samestat(directory.stat(), data):
                    os.kill(int(directory.parent.name), signal.SIGQUIT)

    def _forget_sockets(self) -> None:
        directory = self._record().socket_directory
        if directory:
            shutil.rmtree(directory, ignore_errors=True)

    # --- records, log, words ---------------------------------------------------------------------------

    def _record(self) -> _Record:
        path = self._data / "iu.json"
        try:
            return _Record(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise EmbeddedServerError(
                f"{path} is missing: no embedded server was ever started here",
                hint="start it first; where these are the data of something else, set IU_HOME elsewhere",
            ) from None
        except (ValueError, TypeError):
            raise EmbeddedServerError(
                f"{path} cannot be read", hint="restore the file, or move the data away to begin anew"
            ) from None

    def _create_database(self, name: str) -> None:
        with Gateway(self.url(_SUPERUSER), application_name="iu embedded") as gateway:
            try:
                gateway.execute(f'create database "{name}"')
            except DatabaseError as error:
                if error.code not in ("42P04", "23505"):
                    raise

    @contextmanager
    def _log_file(self) -> Iterator[int]:
        if self._log_size() > _LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        log = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield log
        finally:
            os.close(log)

    def _log_size(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def _failure(self, what: str, said: str) -> EmbeddedServerError:
        if re.search("No space left on device|Check free disk space", said):
            return self._disk_full()
        lines = [line for line in said.splitlines() if re.search(r"FATAL|PANIC|HINT|error:|ERROR", line)]
        words = "; ".join(re.sub(r"^.*?(?=FATAL|PANIC|HINT|ERROR|error:)", "", line) for line in lines[-3:])
        return EmbeddedServerError(
            f"{what} in {self.home}" + (f": {words}" if words else ""), hint=f"see {self._log}"
        )

    def _disk_full(self) -> EmbeddedServerError:
        return EmbeddedServerError(
            f"no space is left on the disk of {self.home}",
            hint="free some space, or set IU_HOME to another disk",
        )

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """What the operating system refuses is said in our words."""
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._disk_full() from error
            raise EmbeddedServerError(
                f"cannot use {error.filename or self.home}: {error.strerror}",
                hint="set IU_HOME to a directory that you may write to",
            ) from error


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(until: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _reachable(path: Path, handle: int, user: ServerUser) -> Path:
    """A name of the open directory that `user` can follow even below a directory for root only."""
    if user.switch and sys.platform == "linux":
        return Path(f"/proc/self/fd/{handle}")
    return path


def _give(path: Path, user: ServerUser) -> None:
    if user.switch:
        os.chown(path, user.uid, user.gid)


def _write_record(data: Path, record: _Record, user: ServerUser) -> None:
    new = data / "iu.json.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(record), file)
        file.flush()
        os.fsync(file.fileno())
    _give(new, user)
    new.replace(data / "iu.json")


def _initdb_options(major: int) -> list[str]:
    """The locale is C.UTF-8 where there is one: PostgreSQL's own since 17, else the one of Linux."""
    if major >= 17:
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    else:
        locale = ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]
    return [
        f"--username={_SUPERUSER}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--data-checksums",
        "--no-instructions",
        *locale,
    ]


def _short_directory() -> str:
    """Where a socket's path stays below the 103 bytes that a system allows."""
    common = "/tmp"  # noqa: S108 - mkdtemp makes a private directory inside
    return common if os.access(common, os.W_OK | os.X_OK) else tempfile.gettempdir()


def _free_port(preferred: int) -> int:
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((_HOST, port))
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise EmbeddedServerError(f"no port is free on {_HOST}", hint="close programs that hold many ports")


def _program_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
    except FileNotFoundError:
        ps = ["/bin/ps", "-o", "comm=", "-p", str(pid)]
        return subprocess.run(ps, capture_output=True, text=True, check=False).stdout
