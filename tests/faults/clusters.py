"""Other clusters: restored dumps, and copied files with and without a new identity."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import servers
from iu_pipelines.db.embedded import server_user
from iu_pipelines.db.embedded.server import EmbeddedServer

ROLES = ("iu_owner", "iu_emitter", "workflow_admin", "iu_auditor")


def data_of(server: EmbeddedServer) -> Path:
    return server.home / "postgres" / "data"


def tool(server: EmbeddedServer, name: str, *arguments: str, **files: Any) -> None:
    """Run one of PostgreSQL's programs, in the version and as the user of this server."""
    user = server_user.find(data_of(server))
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            [str(servers.program(server, name)), *arguments],
            check=False,
            **{"stdout": said, "stderr": said, **files, **user.popen()},
        )
        said.seek(0)
        assert done.returncode == 0, f"{name}: {said.read().decode()}"


def dump(server: EmbeddedServer, url: str, archive: Path, *options: str) -> None:
    """Run `pg_dump` in the custom format."""
    with archive.open("wb") as out:
        tool(server, "pg_dump", "--format=custom", f"--dbname={url}", *options, stdout=out)


def restore(server: EmbeddedServer, url: str, archive: Path, *options: str) -> None:
    """Run `pg_restore`, which must succeed for every object."""
    with archive.open("rb") as source:
        tool(server, "pg_restore", "--exit-on-error", f"--dbname={url}", *options, stdin=source)


def copy_files(server: EmbeddedServer, home: Path) -> EmbeddedServer:
    """Copy a stopped server's files to another home."""
    (home / "postgres").mkdir(parents=True)
    copy = servers.make(home, {"fsync": "off"})
    shutil.copytree(data_of(server), data_of(copy), symlinks=True)
    owner = data_of(server).stat()
    for path in (data_of(copy), *data_of(copy).rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    return copy


def base_backup(server: EmbeddedServer, copy: EmbeddedServer, *options: str) -> None:
    """Run `pg_basebackup` of a running server into the empty home of another."""
    data = data_of(copy)
    data.mkdir(parents=True, mode=0o700)
    program = servers.program(server, "pg_basebackup")
    how = ("--checkpoint=fast", "--no-sync", f"--pgdata={data}", f"--dbname={server.url('postgres')}")
    done = subprocess.run([program, *how, *options], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    user = server_user.find(data_of(server))
    for path in (data, *data.rglob("*")):
        user.own(path)


def give_new_identity(server: EmbeddedServer) -> None:
    """Change the system identifier in pg_control and reset the WAL, as `pg_createsubscriber` does."""
    control = data_of(server) / "global" / "pg_control"
    content = bytearray(control.read_bytes())
    end = next(place for place in range(64, 600, 4) if _crc32c(content[:place]) == _number(content, place))
    content[0] ^= 0x55
    content[end : end + 4] = struct.pack("<I", _crc32c(content[:end]))
    control.write_bytes(content)
    reset_wal(server, "--force")


def reset_wal(server: EmbeddedServer, *options: str) -> None:
    """Run `pg_resetwal` with these options on a stopped server."""
    data = os.open(data_of(server), os.O_RDONLY)
    try:
        tool(server, "pg_resetwal", *options, f"/proc/self/fd/{data}", pass_fds=[data])
    finally:
        os.close(data)


def _number(content: bytearray, place: int) -> int:
    return int(struct.unpack_from("<I", content, place)[0])


def _crc32c(content: bytes | bytearray) -> int:
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF
