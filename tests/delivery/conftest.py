"""Databases with the module iu-delivery, and a live route in them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from databases import Server
from delivery.sending import Ground
from delivery.world import World
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.settings import sql_root


@pytest.fixture
def delivery_database(new_database: Callable[[str], str], delivery_template: str) -> str:
    """Return the URL of a new database with the core and the module."""
    return new_database(delivery_template)


@pytest.fixture
def owner(delivery_database: str) -> Iterator[Gateway]:
    """Yield a gateway of the administrator to a new database with the module."""
    with Gateway(delivery_database) as gateway:
        yield gateway


@pytest.fixture
def world(owner: Gateway, delivery_database: str, server: Server) -> Iterator[World]:
    """Yield a database with one target and one live route, and a sender."""
    world = World(owner, delivery_database, f"iu_test_sender_{os.getpid()}")
    world.add_target("hook")
    world.add_route("shop.paid", "version_applied", "hook")
    world.open_gates()
    yield world
    world.close()


@pytest.fixture
def ground(
    owner: Gateway, delivery_database: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ground]:
    """Yield a database without targets, and a receiver process that targets can be added for."""
    world = World(owner, delivery_database, f"iu_test_sender_{os.getpid()}")
    ground = Ground(world, tmp_path, monkeypatch)
    yield ground
    ground.close()
    world.close()


@pytest.fixture
def sql_tree(tmp_path: Path) -> Path:
    """Return a copy of the SQL tree, which a test may change."""
    return Path(shutil.copytree(sql_root(), tmp_path / "sql"))


@pytest.fixture
def worlds(server: Server, delivery_template: str) -> Iterator[Callable[[], World]]:
    """Yield a function that drops the previous database and makes a world in the next."""
    name = f"{delivery_template}_machine_{os.getpid()}"
    gateways: list[Gateway] = []

    def end() -> None:
        while gateways:
            gateways.pop().close()
        server.drop(name)

    def make() -> World:
        end()
        url = server.create(name, delivery_template)
        gateways.append(Gateway(url))
        return World(gateways[0], url, f"iu_test_sender_{os.getpid()}")

    yield make
    end()
