"""A PgBouncer in front of the server of a test, with the configuration that its page shows."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pages
import process_groups
from dev_server import free_port

PROGRAM: Final = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
USER: Final = "nobody"


@contextmanager
def in_front_of(url: str, shared: Path) -> Iterator[str]:
    """Yield the URL of a pooler in transaction mode with two connections to the server of `url`."""
    assert PROGRAM
    parts = urlsplit(url)
    port = free_port()
    home = Path(tempfile.mkdtemp(prefix="pgbouncer-", dir=shared))
    shutil.chown(home, USER) if os.geteuid() == 0 else None
    login = f'"{parts.username}" "{parts.password or ""}"\n'
    (home / "userlist.txt").write_text(login, encoding="utf-8")
    (home / "pgbouncer.ini").write_text(configuration(parts.port or 5432, port, home), encoding="utf-8")
    for file in home.iterdir():
        file.chmod(0o644)
    home.chmod(0o755)
    as_user = ("-u", USER) if os.geteuid() == 0 else ()
    group = process_groups.start(home / "log", os.environ, PROGRAM, *as_user, str(home / "pgbouncer.ini"))
    try:
        group.wait_for("process up")
        yield parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}", query="").geturl()
    finally:
        group.kill()
        shutil.rmtree(home)


def configuration(server_port: int, port: int, home: Path) -> str:
    """Return the configuration of the page, with the ports and files of this test and without passwords."""
    (text,) = pages.code("docs/how-to/pgbouncer.md", "PgBouncer", "ini")
    changes = {
        "port=5432": f"port={server_port}",
        "listen_port = 6432": f"listen_port = {port}\nunix_socket_dir =\ndefault_pool_size = 2",
        "auth_type = scram-sha-256": "auth_type = trust",
        "/etc/pgbouncer/userlist.txt": str(home / "userlist.txt"),
    }
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return text
