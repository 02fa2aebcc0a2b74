"""Databases with a shop, and connections of each kind that `emit` takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emit import kinds, shop
from iu_pipelines.db.gateway import Gateway


@pytest.fixture
def shop_url(database: str) -> str:
    """Return the URL of a new database with a shop."""
    with Gateway(database) as gateway:
        gateway.run_script(shop.SCHEMA)
    return database


@pytest.fixture(params=kinds.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Return the name of each kind of connection."""
    name: str = request.param
    return name


@pytest.fixture
def caller(kind: str, shop_url: str) -> Iterator[kinds.Caller]:
    """Yield a connection of each kind, with its commit and its rollback."""
    with kinds.opened(kind, shop_url) as caller:
        yield caller


@pytest.fixture
def django_connection(shop_url: str) -> Iterator[Any]:
    """Yield `django.db.connection` to a new database with a shop."""
    with kinds.django_connection(shop_url) as connection:
        yield connection
