"""The surroundings in which the blocks of the pages are run: a server, logins, a receiver and a folder.

Each page begins with a new folder and a new database `app` at `db.example:5432`. It has the core and the
module iu-delivery, the logins of docs/operate/roles.md, the table of docs/how-to/capture-a-table.md, the
configuration of docs/how-to/outbox-file.md, and events about orders, of which the worker has read the first
40 and not the last 12. For a page about promotions their thresholds are lower. Every other database that the
page names is like it, unless the page creates it. A receiver listens at 127.0.0.1:8787.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import pages
import servers
from acceptance.console import Shell, stable
from databases import Server
from delivery.receiver import receiving
from domain.test_plans import apply
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from iu_pipelines.domain import outbox, worker
from iu_pipelines.emit import subject
from programs import PROJECT
from waiting import eventually

PASSWORD: Final = "…"
"""The password of every login, as the pages write it."""

ORDERS: Final = 8
READ: Final = 40
UNREAD: Final = 12
KNOWN: Final = "0199c1d2-0000-7000-8000-000000000042"
"""The event that pages name without having shown it. It stands for the newest one."""

_SERVER: Final = "db.example:5432"
_DATABASE: Final = re.compile(r"\bdb\.example:5432/(\w+)")
_CREATED: Final = re.compile(r"^\W*createdb .*?(\w+)$", re.MULTILINE)
_SERVERS: Final = re.compile(r"\b(?:db\.example|localhost|127\.0\.0\.1):5432\b")
_RECEIVER: Final = "127.0.0.1:8787"
_FOLDERS: Final = {"/etc/iu/secrets": "secrets", "/mnt/evidence": "evidence"}
_KEPT: Final = frozenset({"postgres", "template0", "template1", "template_app"})
_IDS: Final = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{64}\b|\bevt_[0-9a-f]{32}_\d+"
)
_INSTALLERS: Final = """
create role installer superuser login password '…';
create role you superuser login password '…';
"""
_THRESHOLDS: Final = {"events": 12, "subjects": 4, "hours": 0}

_BEFORE: Final = """. "$PAGE_STATE"
trap 'code=$?; { export -p; echo "cd \\"$PWD\\""; } > "$PAGE_STATE"; exit $code' EXIT
"""
_REPOSITORY: Final = """
git init --quiet --initial-branch=main
for edition in one two; do
    echo $edition > handbook.md; git add handbook.md; git commit --quiet --message $edition
done
"""
_IU: Final = """#!/bin/sh
case "$*" in
"dev"* | "metrics "*--serve* | "deliver "*--stay* | "tail") exec "{python}" "{programs}" iu "$@" ;;
esac
exec "{python}" -I -S "{forked}" "{socket}" "$@"
"""
_CHECKED: Final = '#!/bin/sh\nexec "{python}" "{programs}" {name} "$@"\n'
_PYTHON: Final = """#!/bin/sh
case "$1 $2" in "-m venv") shift 2; exec "{python}" "{programs}" venv "$@" ;; esac
exec "{python}" "$@"
"""
_SHIMS: Final = {"iu": _IU, "python": _PYTHON, "python3": _PYTHON, "pip": _CHECKED, "make": _CHECKED}
_FORKED: Final = PROJECT / "tests" / "acceptance" / "forked_iu.py"
_PROGRAMS: Final = PROJECT / "tests" / "acceptance" / "page_programs.py"


@dataclass(frozen=True)
class Done:
    """The exit code and the lines of a command."""

    code: int
    lines: tuple[str, ...]


class PageServer:
    """A server whose databases have the names that the pages give them, and a receiver of webhooks."""

    def __init__(self, url: str, programs: Path, receiver: str, socket: Path) -> None:
        self._server = Server(url)
        self.programs = programs
        self.socket = socket
        self.place = f"127.0.0.1:{urlsplit(url).port}"
        self.receiver = receiver
        with Gateway(url) as gateway:
            gateway.run_script(_INSTALLERS)
        _fill(self._server.create("template_app"))

    def renew(self, text: str) -> str:
        """Drop the databases of the page before, and create those that this one names.

        Return the id of the newest event of `app`.
        """
        with Gateway(self._server.url("postgres")) as gateway:
            found = gateway.fetch_all("select datname from pg_database")
        for name in {row["datname"] for row in found} - _KEPT:
            self._server.drop(name)
        for name in {"app", *_DATABASE.findall(text)} - {*_CREATED.findall(text)} - _KEPT:
            created = self._server.create(name, "template_app")
            if "iu promote" in text:
                _lower_thresholds(created)
        with Gateway(self._server.url("app")) as gateway:
            return str(_emit(gateway, UNREAD)[-1])

    def close(self) -> None:
        self._server.close()


def _fill(url: str) -> None:
    with Gateway(url) as gateway:
        migration.apply(gateway, ["delivery"])
        for script in pages.code("docs/operate/roles.md", "Roles and logins", "sql"):
            gateway.run_script(script)
        table, _ = pages.code("docs/how-to/capture-a-table.md", "Capture a table", "sql")
        gateway.run_script(table)
        apply(gateway, _outbox_file())
        _emit(gateway, READ)
        for reader in worker.list_workers(gateway):
            worker.run_once(gateway, reader.worker_name, 1000)


def _lower_thresholds(url: str) -> None:
    for name, value in _THRESHOLDS.items():
        change = _threshold(url, "admin_login", f"propose('{name}', {value}, 'a trial') ->> 'change_no'")
        _threshold(url, "approver_login", f"decide({change}, 'approve', 'a trial')")


def _outbox_file() -> str:
    (file,) = pages.code("docs/how-to/outbox-file.md", "The keys", "yaml")
    return file


def _emit(gateway: Gateway, events: int) -> list[UUID]:
    return outbox.emit_many(gateway, [_order(number) for number in range(events)])


def _order(number: int) -> outbox.NewEvent:
    order = number % ORDERS + 1
    payload = {"total_cents": 100 * number, "item_count": 1}
    return outbox.NewEvent("order_paid", f"orders/{order}", subject("public.orders", order), "shop", payload)


def _threshold(url: str, login: str, call: str) -> object:
    place = urlsplit(url)
    as_login = place._replace(netloc=f"{login}:%E2%80%A6@{place.hostname}:{place.port}")
    with Gateway(as_login.geturl()) as gateway:
        return gateway.fetch_value(f"select public.fn_iu_promotion_threshold_{call}")


class PageWorld(Shell):
    """A shell for a page. What a command exports, and the folder that it goes to, hold for the next one."""

    def __init__(self, folder: Path, server: PageServer, text: str) -> None:
        newest = server.renew(text)
        host, _, port = server.place.partition(":")
        super().__init__(
            folder,
            PATH=f"{folder / 'bin'}{os.pathsep}{server.programs}{os.pathsep}{os.environ['PATH']}",
            PAGE_STATE=str(folder / "state"),
            PGHOST=host,
            PGPORT=port,
            PGUSER="installer",
            PGDATABASE="app",
            IU_DATABASE_URL=f"postgresql://installer@{server.place}/app",
            IU_SENDER_DATABASE_URL=f"postgresql://sender_login@{server.place}/app",
            IU_DEPLOYMENT="production",
        )
        self._places = {_RECEIVER: server.receiver}
        self._places |= {path: str(self.folder / name) for path, name in _FOLDERS.items()}
        self._server = server.place
        self._aliases = {KNOWN: newest}
        places = {"python": sys.executable, "programs": _PROGRAMS, "forked": _FORKED, "socket": server.socket}
        for name, text in _SHIMS.items():
            shim = folder / "bin" / name
            shim.write_text(text.format(name=name, **places))
            shim.chmod(0o755)
        (folder / "state").touch()
        (folder / ".pgpass").touch(mode=0o600)
        (folder / ".pgpass").write_text(f"*:*:*:*:{PASSWORD}\n", encoding="utf-8")
        self._furnish()

    def _furnish(self) -> None:
        """Make what a page finds: a git repository, one beside it, the SQL, a file and a secret."""
        for name in _FOLDERS.values():
            (self.folder / name).mkdir(mode=0o700)
        (self.folder / "sql").symlink_to(PROJECT / "sql")
        self.write("outbox.yaml", _outbox_file())
        self.write("secrets/SHOP", "host=127.0.0.1 whsec_b2YtdGhlLXR1dG9yaWFsLWFuZC1ub3QtYS1zZWNyZXQ=\n")
        done = self.call(f"mkdir ../web\n{_REPOSITORY}\ncd ../web\n{_REPOSITORY}\ncd '{self.folder}'")
        assert done.code == 0, done.lines

    def write(self, name: str, text: str) -> None:
        """Write a file that a page shows, which only its owner may read."""
        path = self.folder / self.placed(name)
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(self.placed(text), encoding="utf-8")

    def call(self, script: str) -> Done:
        """Run a script as a page shows it, and return its output as the page would show it."""
        done = subprocess.run(
            ["sh", "-c", _BEFORE + self.placed(script)],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        return Done(done.returncode, tuple(self._shown(line.rstrip()) for line in done.stdout.splitlines()))

    def learn(self, shown: Sequence[str], printed: Sequence[str]) -> None:
        """Let the ids that a page shows stand, from now on, for those that were printed in their place."""
        lines = list(printed)
        for line in shown:
            for other in lines:
                if stable(other) == stable(line):
                    self._aliases |= zip(_IDS.findall(line), _IDS.findall(other), strict=True)
                    lines.remove(other)
                    break

    def renamed(self, line: str) -> str:
        """Return a line of a page with the ids that are used here in place of those that it shows."""
        for shown, used in self._aliases.items():
            line = line.replace(shown, used) if shown != KNOWN else line
        return line

    def placed(self, text: str) -> str:
        """Return a text of a page with the ids, addresses and folders that are used here."""
        for shown, used in (*self._aliases.items(), *self._places.items()):
            text = text.replace(shown, used)
        return _SERVERS.sub(self._server, text)

    def _shown(self, text: str) -> str:
        for shown, used in self._places.items():
            text = text.replace(used, shown)
        return text.replace(self._server, _SERVER)


@contextmanager
def _forking(socket: Path) -> Iterator[Path]:
    """Yield the socket of a process that runs `iu` without the time in which Python starts."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen([sys.executable, _FORKED, socket], env=environment) as process:
        try:
            eventually(socket.exists, "the process that runs iu listens")
            yield socket
        finally:
            process.kill()


@contextmanager
def page_server() -> Iterator[PageServer]:
    """Yield a server of its own, because the pages create logins and databases by name."""
    home = Path(tempfile.mkdtemp(prefix="pages-", dir=servers.memory()))
    server = servers.make(home)
    try:
        with receiving(home / "received") as receiver, _forking(home / "iu") as socket:
            url = server.ensure_running()
            programs = servers.program(server, "psql").parent
            made = PageServer(url, programs, f"127.0.0.1:{receiver.port}", socket)
            yield made
            made.close()
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
