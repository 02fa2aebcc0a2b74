"""Fixtures with an office, for the tests of several directories."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from databases import Server
from delivery.office import Office
from iu_pipelines.db.gateway import Gateway


@pytest.fixture(scope="session")
def office_template(server: Server, shared: Path, delivery_template: str) -> Iterator[str]:
    """Yield the name of a template database of this process with a route that may be promoted."""
    name = f"{shared.name.lower().replace('-', '_')}_office_{os.getpid()}"
    url = server.create(name, delivery_template)
    with Gateway(url) as gateway:
        office = Office(gateway, url)
        try:
            office.prepare()
        finally:
            office.close()
    yield name
    server.drop(name)


@pytest.fixture
def office(new_database: Callable[[str], str], office_template: str) -> Iterator[Office]:
    """Yield a new database with a route that may be promoted, and its logins."""
    url = new_database(office_template)
    with Gateway(url) as gateway:
        office = Office(gateway, url)
        yield office
        office.close()
