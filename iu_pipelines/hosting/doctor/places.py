"""Checks of the directory of IU_HOME, of its disk, and of the ports of `iu dev`."""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from iu_pipelines import extras
from iu_pipelines.domain.doctor.findings import Verdict
from iu_pipelines.errors import UsageError
from iu_pipelines.evidence import store
from iu_pipelines.hosting import ports
from iu_pipelines.hosting.doctor.machine import MACHINE, Machine

_HOST: Final = "127.0.0.1"
_LITTLE_BYTES: Final = 1 << 30
_LITTLE_SHARE: Final = 0.05
_LISTENING: Final = "0A"


@MACHINE("disk.home")
def home(machine: Machine) -> Verdict:
    """Look at the directory of the settings: whether it can be written, and how much of its disk is free."""
    place = machine.settings.home
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return Verdict("problem", f"{existing} cannot be written", "Set IU_HOME to a directory of this user.")
    usage = shutil.disk_usage(existing)
    found = f"{place}: {usage.free / 1e9:,.1f} GB of {usage.total / 1e9:,.1f} GB are free"
    if usage.free >= _LITTLE_BYTES and usage.free >= _LITTLE_SHARE * usage.total:
        return Verdict("ok", found)
    return Verdict(
        "warning", found, "Free space, set IU_HOME to another disk, or see docs/operate/retention.md."
    )


@MACHINE("port.web")
def web_port(machine: Machine) -> Verdict:
    """Look at the port of the web UI of `iu dev`."""
    return _port(machine.port, "--port")


@MACHINE("port.evidence")
def evidence_port(machine: Machine) -> Verdict | None:
    """Look at the port of the evidence pages, unless another server serves them."""
    chosen = machine.settings
    if chosen.evidence_url or not store.local_directory(chosen.evidence_location):
        return None
    return _port_beside(machine, ports.evidence_port(machine.port), "--evidence-port")


@MACHINE("port.metrics")
def metrics_port(machine: Machine) -> Verdict | None:
    """Look at the port of the metrics, which are served if their extra is installed."""
    if not extras.is_installed("prometheus_client"):
        return None
    return _port_beside(machine, ports.metrics_port(machine.port), "--metrics-port")


def _port_beside(machine: Machine, port: int, option: str) -> Verdict:
    """Look at another port of `iu dev`, which is taken while the web UI runs."""
    if _is_taken(port) and _dagster_version(machine.port):
        return Verdict("ok", f"{_HOST} port {port}: taken, and the web UI of iu dev is running")
    return _port(port, option)


def _port(port: int, option: str) -> Verdict:
    if not _is_taken(port):
        return Verdict("ok", f"{_HOST} port {port} is free")
    server = _dagster_version(port)
    if server:
        return Verdict("ok", f"{_HOST} port {port}: the web UI of Dagster {server} is running")
    return Verdict(
        "warning",
        f"{_HOST} port {port} is taken by {_listener(port) or 'a process that this user cannot see'}",
        f"Stop that process, or choose another port: iu dev {option} PORT",
    )


def _is_taken(port: int) -> bool:
    try:
        ports.require_free(_HOST, port, "")
    except UsageError:
        return True
    return False


def _dagster_version(port: int) -> str | None:
    """Return the version of the web server of Dagster that listens on a port, or None."""
    try:
        with urllib.request.urlopen(f"http://{_HOST}:{port}/server_info", timeout=2) as answer:
            found = json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return found.get("dagster_webserver_version") if isinstance(found, dict) else None


def _listener(port: int) -> str | None:
    """Return the process that listens on a port, from `/proc` of Linux; None if it is not visible."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port)}
    for file in Path("/proc").glob("[0-9]*/fd/*") if wanted else ():
        try:
            if str(file.readlink()) in wanted:
                process = file.parents[1]
                command = (process / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
                return f"process {process.name} ({Path(command).name})"
        except OSError:
            continue
    return None


def _inodes(port: int) -> set[str]:
    """Return the inodes of the sockets that listen on a port."""
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text(encoding="ascii").splitlines()[1:] if table.exists() else ():
            _, local, _, state, *rest = line.split()
            if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                found.add(rest[5])
    return found
