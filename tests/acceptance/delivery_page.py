"""The tutorial about deliveries: its files, and a shell with a server, a port and the logins of the page.

`python tests/acceptance/delivery_page.py` runs the commands and rewrites their output.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

PROJECT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

import servers  # noqa: E402
from acceptance.console import Shell, rewritten  # noqa: E402
from dev_server import free_port  # noqa: E402
from iu_pipelines.db.gateway import Gateway  # noqa: E402

PAGE: Final = PROJECT / "docs" / "tutorial" / "delivery.md"
_FILE: Final = re.compile(
    r"^`([\w./-]+)`[^\n]*(?:\n[^\n`]+)?:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_EXPORT: Final = re.compile(r"^export (\w+)=(.*)$", re.MULTILINE)
_SERVER: Final = "127.0.0.1:5432"
_RECEIVER: Final = "127.0.0.1:8787"


def files(text: str) -> dict[str, str]:
    """Return the files of the page: a fenced block after a line that begins with a name in backquotes."""
    return dict(_FILE.findall(text))


class PageShell(Shell):
    """A shell in which the files of the page exist, with the server and the receiver on free ports."""

    def __init__(self, folder: Path, url: str, psql: Path, port: int) -> None:
        given = files(PAGE.read_text(encoding="utf-8"))
        place = urlsplit(url)
        self._ports = {_SERVER: f"127.0.0.1:{place.port}", _RECEIVER: f"127.0.0.1:{port}"}
        names = dict(_EXPORT.findall(self._placed(given.pop("people.env"))))
        owner = place._replace(netloc=f"{place.username}@{place.hostname}:{place.port}").geturl()
        super().__init__(folder, **{**names, "OWNER": owner})
        given["pgpass"] = given["pgpass"].replace(
            ":postgres:of-the-tutorial", f":{place.username}:{place.password}"
        )
        for name, program in (("psql", psql), ("python", Path(sys.executable))):
            shim = folder / "bin" / name
            shim.write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
            shim.chmod(0o755)
        for name, text in given.items():
            path = self.folder / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(self._placed(text).replace('("127.0.0.1", 8787)', f'("127.0.0.1", {port})'))

    def run(self, command: str) -> tuple[str, ...]:
        return tuple(self._shown(line) for line in super().run(command))

    def _placed(self, text: str) -> str:
        for shown, used in self._ports.items():
            text = text.replace(shown, used)
        return text

    def _shown(self, text: str) -> str:
        for shown, used in self._ports.items():
            text = text.replace(used, shown)
        return text


@contextmanager
def page_shell(folder: Path) -> Iterator[PageShell]:
    """Yield a shell for the page, with a PostgreSQL of its own that asks for passwords."""
    home = Path(tempfile.mkdtemp(prefix="tutorial-", dir=servers.memory()))
    server = servers.make(home)
    try:
        url = _with_database(server.ensure_running(), "shop")
        shell = PageShell(folder, url, servers.program(server, "psql"), free_port())
        try:
            yield shell
        finally:
            shell.run(f"kill $(cat '{folder}/work/receiver.pid') 2>/dev/null")
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def _with_database(url: str, name: str) -> str:
    with Gateway(url) as gateway:
        gateway.execute(f"create database {name}")
    return urlsplit(url)._replace(path=f"/{name}").geturl()


if __name__ == "__main__":
    os.chdir(PROJECT)
    with tempfile.TemporaryDirectory() as scratch, page_shell(Path(scratch)) as sandbox:
        PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), sandbox), encoding="utf-8")
