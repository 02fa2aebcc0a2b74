"""Network namespaces of one test, each joined to this host by a pair of interfaces, whose link can be cut."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest


@dataclass(frozen=True)
class Namespace:
    """One namespace. Programs in it reach this host at `host`, and nothing else."""

    name: str
    link: str
    host: str

    @property
    def command(self) -> Sequence[str]:
        """What is put before a command, so that it runs in the namespace."""
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Take the link down, as a cable that is unplugged."""
        _ip("link", "set", self.link, "down")

    def restore(self) -> None:
        _ip("link", "set", self.link, "up")


@contextmanager
def namespaces(count: int) -> Iterator[list[Namespace]]:
    """Yield namespaces with addresses of their own in 10.213.0.0/16; skip where they cannot be made."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("ip netns needs root and iproute2")
    made: list[Namespace] = []
    try:
        made.extend(_made(number) for number in range(count))
        yield made
    finally:
        for one in made:
            subprocess.run(["ip", "link", "del", one.link], capture_output=True, check=False)
            subprocess.run(["ip", "netns", "del", one.name], capture_output=True, check=False)


def _made(number: int) -> Namespace:
    name = f"iu{uuid4().hex[:8]}"
    network = f"10.213.{os.getpid() % 60 * 4 + number}"
    link, peer = f"{name}a", f"{name}b"
    try:
        _ip("netns", "add", name)
        _ip("link", "add", link, "type", "veth", "peer", "name", peer)
        _ip("link", "set", peer, "netns", name)
    except subprocess.CalledProcessError as error:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        pytest.skip(f"ip netns: {error.stderr.decode().strip()}")
    _ip("addr", "add", f"{network}.1/24", "dev", link)
    _ip("link", "set", link, "up")
    _ip("-n", name, "addr", "add", f"{network}.2/24", "dev", peer)
    _ip("-n", name, "link", "set", peer, "up")
    _ip("-n", name, "link", "set", "lo", "up")
    # The first address of this host is reached from every namespace.
    _ip("-n", name, "route", "add", "default", "via", f"{network}.1")
    return Namespace(name, link, f"{network}.1")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, check=True)
