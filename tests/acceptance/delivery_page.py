"""The tutorials: their files, and a shell with a server, ports and the logins of a page.

`python tests/acceptance/delivery_page.py PAGE` runs the commands of a page and rewrites their output.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import urlsplit

PROJECT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

import servers  # noqa: E402
from acceptance.console import Shell, rewritten  # noqa: E402
from dev_server import free_port  # noqa: E402
from iu_pipelines.db.gateway import Gateway  # noqa: E402

PAGE: Final = PROJECT / "docs" / "tutorial" / "delivery.md"
EVENT_JOBS: Final = PROJECT / "docs" / "tutorial" / "event-jobs.md"
_FILE: Final = re.compile(
    r"^`([\w./-]+)`[^\n]*(?:\n[^\n`]+)?:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_EXPORT: Final = re.compile(r"^export (\w+)=(.*)$", re.MULTILINE)
_ANY_PORT: Final = "${PGPORT:-5432}"
_SERVER: Final = "127.0.0.1:5432"
_OTHERS: Final = (8787, 3000)
"""The ports of the receiver and of the web UI."""

_SAVED: Final = "*.pid"
"""The files in which a page keeps the process ids of what it starts in the background."""


def files(text: str) -> dict[str, str]:
    """Return the files of a page: a fenced block after a line that begins with a name in backquotes."""
    return dict(_FILE.findall(text))


class FileShell(Shell):
    """A shell in which the files of a page exist, and what the page starts listens on free ports."""

    def __init__(self, folder: Path, given: Mapping[str, str], **environment: str) -> None:
        self._ports = {str(port): str(free_port()) for port in _OTHERS}
        super().__init__(folder, **{name: self.placed(value) for name, value in environment.items()})
        self.add_program("python", Path(sys.executable))
        for name, text in given.items():
            path = self.folder / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(self.placed(text))

    def add_program(self, name: str, program: Path) -> None:
        """Let the commands of the page find a program under a name."""
        shim = self.folder.parent / "bin" / name
        shim.write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
        shim.chmod(0o755)

    def run(self, command: str) -> tuple[str, ...]:
        return tuple(self.shown(line) for line in super().run(self.placed(command)))

    @property
    def web_port(self) -> int:
        """The port of the web UI that the page starts."""
        return int(self._ports["3000"])

    def stop(self) -> None:
        """End what the page has started in the background, and wait for it."""
        for saved in self.folder.glob(_SAVED):
            super().run(f"kill $(cat '{saved}') 2>/dev/null && tail --pid=$(cat '{saved}') -f /dev/null")

    def placed(self, text: str) -> str:
        """Return a text with the ports that are used here."""
        return _PORT.sub(lambda found: self._ports[found.group()], text)

    def shown(self, text: str) -> str:
        """Return a text with the ports that the page shows."""
        for shown, used in self._ports.items():
            text = re.sub(rf"\b{used}\b", shown, text)
        return text


class PageShell(FileShell):
    """A shell for a page with a server and logins: its files name them, and here they are on another port."""

    def __init__(self, folder: Path, page: Path, url: str, psql: Path) -> None:
        given = files(page.read_text(encoding="utf-8"))
        place = urlsplit(url)
        self._server = f"127.0.0.1:{place.port}"
        names: dict[str, str] = {}
        for name, value in _EXPORT.findall(given.pop("people.env").replace(_ANY_PORT, "5432")):
            names[name] = Template(value.strip('"')).safe_substitute(names, PWD=".")
        owner = place._replace(netloc=f"{place.username}@{place.hostname}:{place.port}").geturl()
        given["pgpass"] = given["pgpass"].replace(
            ":postgres:of-the-tutorial", f":{place.username}:{place.password}"
        )
        super().__init__(folder, given, **{**names, "OWNER": owner})
        self.add_program("psql", psql)

    def placed(self, text: str) -> str:
        """Return a text with the server and the ports that are used here."""
        return super().placed(text.replace(_SERVER, self._server))

    def shown(self, text: str) -> str:
        """Return a text with the server and the ports that the page shows."""
        return super().shown(text.replace(self._server, _SERVER))


_PORT: Final = re.compile(rf"\b({'|'.join(map(str, _OTHERS))})\b")


@contextmanager
def page_shell(folder: Path, page: Path = PAGE) -> Iterator[PageShell]:
    """Yield a shell for a page, with a PostgreSQL of its own that asks for passwords."""
    home = Path(tempfile.mkdtemp(prefix="tutorial-", dir=servers.memory()))
    server = servers.make(home)
    try:
        url = _with_database(server.ensure_running(), "shop")
        shell = PageShell(folder, page, url, servers.program(server, "psql"))
        try:
            yield shell
        finally:
            shell.stop()
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def _with_database(url: str, name: str) -> str:
    with Gateway(url) as gateway:
        gateway.execute(f"create database {name}")
    return urlsplit(url)._replace(path=f"/{name}").geturl()


if __name__ == "__main__":
    os.chdir(PROJECT)
    for chosen in map(Path.resolve, map(Path, sys.argv[1:])):
        with tempfile.TemporaryDirectory() as scratch, page_shell(Path(scratch), chosen) as sandbox:
            chosen.write_text(rewritten(chosen.read_text(encoding="utf-8"), sandbox), encoding="utf-8")
