"""Fixtures: one PostgreSQL server for a test run, and a new database for every test that needs one.

The server has the default settings of PostgreSQL (`servers.py`) and is shared by all xdist workers. A
watchdog process stops it, even if the run is killed. IU_TEST_DATABASE_URL is the URL of a server to use
instead; its user must be a superuser. IU_TEST_ISOLATION is the default isolation level of every database.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import servers
from databases import Server, locked
from generators.catalog import Catalog, gather
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration

pytest_plugins = ["iu_pipelines.pytest_plugin", "delivery.office_fixtures", "releases", "scheduling"]

_NUMBERS: Final = itertools.count()
_SIGNALS: Final = (signal.SIGINT, signal.SIGPIPE)  # Dagster changes that of SIGTERM

_VARIABLES: Final = {"IU_LONG", "IU_TEST_DATABASE_URL", "IU_TEST_ISOLATION", *servers.VARIABLES}

_SHARED: Final = pytest.StashKey[Path]()
_WATCHDOG: Final = pytest.StashKey["subprocess.Popen[bytes]"]()
_OWN_URL: Final = os.environ.get("IU_TEST_DATABASE_URL")

_WATCH: Final = 'cat >/dev/null; "$2" -c "$3" "$1"; rm -rf "$1"'
_STOP: Final = """
import sys, pathlib
from iu_pipelines.db.embedded.server import EmbeddedServer
for home in pathlib.Path(sys.argv[1]).iterdir():
    EmbeddedServer(home).stop()
"""


def pytest_configure(config: pytest.Config) -> None:
    for name in {name for name in os.environ if name.startswith("IU_")} - _VARIABLES:
        del os.environ[name]
    servers.prefer_binaries()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell script ignores it for what it starts in the background. Dagster then ignores SIGTERM too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    given = getattr(config, "workerinput", None)
    if given:
        config.stash[_SHARED] = Path(given["iu_shared"])
        return
    if place := servers.memory():
        tempfile.tempdir = os.environ["TMPDIR"] = str(place)  # inherited by the processes of xdist
    shared = config.stash[_SHARED] = Path(tempfile.mkdtemp(prefix="iu-tests-"))
    config.stash[_WATCHDOG] = subprocess.Popen(
        ["/bin/sh", "-c", _WATCH, "sh", str(shared), sys.executable, _STOP],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["iu_shared"] = str(node.config.stash[_SHARED])


def pytest_unconfigure(config: pytest.Config) -> None:
    watchdog = config.stash.get(_WATCHDOG, None)
    if watchdog and watchdog.stdin:
        watchdog.stdin.close()
        watchdog.wait(timeout=120)


@pytest.fixture(autouse=True)
def _read_committed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the default isolation level of tests with the mark `read_committed`, if the run has another one."""
    if request.node.get_closest_marker("read_committed"):
        monkeypatch.setenv("PGOPTIONS", r"-c default_transaction_isolation=read\ committed")


@pytest.fixture(autouse=True)
def _kept_signals() -> Iterator[None]:
    """Find a test that leaves a handler: with that of SIGPIPE, a closed connection ends the process."""
    before = [signal.getsignal(number) for number in _SIGNALS]
    yield
    assert [signal.getsignal(number) for number in _SIGNALS] == before


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest) -> Path:
    """Return the directory that all xdist workers of this run share."""
    return request.config.stash[_SHARED]


@pytest.fixture(scope="session")
def server(shared: Path) -> Iterator[Server]:
    """Yield the server of this run."""
    server = Server(_OWN_URL or servers.make(shared / "home").ensure_running())
    yield server
    server.close()


def pytest_collection_finish() -> None:
    """Exempt the imported modules from garbage collection."""
    gc.freeze()


@pytest.fixture(scope="session")
def template(server: Server, shared: Path) -> str:
    """Return the name of a template database with every step applied. No session may connect to it."""
    name = f"{shared.name.lower().replace('-', '_')}_template"
    with locked(shared / "template.lock"):
        if not server.exists(name):
            server.drop(f"{name}_new")
            with Gateway(server.create(f"{name}_new")) as gateway:
                migration.apply(gateway)
            server.rename(f"{name}_new", name)
    return name


@pytest.fixture(scope="session")
def delivery_template(server: Server, shared: Path) -> str:
    """Return the name of a template database with the core and the module."""
    name = f"{shared.name.lower().replace('-', '_')}_delivery"
    with locked(shared / "delivery.lock"):
        if not server.exists(name):
            server.drop(f"{name}_new")
            with Gateway(server.create(f"{name}_new")) as gateway:
                migration.apply(gateway, ["delivery"])
            server.rename(f"{name}_new", name)
    return name


@pytest.fixture(scope="session")
def catalog(server: Server, delivery_template: str) -> Catalog:
    """Return what pages are generated from: the catalog of a database with the core and the module."""
    name = f"iu_test_catalog_{os.getpid()}_{next(_NUMBERS)}"
    with Gateway(server.create(name, delivery_template)) as gateway:
        found = gather(gateway)
    server.drop(name)
    return found


@pytest.fixture
def new_database(server: Server) -> Iterator[Callable[[str], str]]:
    """Yield a function that creates a database from a template; each is dropped when the test ends."""
    made: list[str] = []

    def make(template: str) -> str:
        made.append(f"iu_test_{os.getpid()}_{next(_NUMBERS)}")
        return server.create(made[-1], template)

    yield make
    for name in made:
        server.drop(name)


@pytest.fixture(scope="module")
def kept_database(server: Server, template: str) -> Iterator[str]:
    """Yield the URL of a database with every step applied, for tests that leave it as they found it."""
    name = f"iu_test_kept_{os.getpid()}_{next(_NUMBERS)}"
    yield server.create(name, template)
    server.drop(name)


@pytest.fixture
def database(new_database: Callable[[str], str], template: str) -> str:
    """Return the URL of a new database with every step applied."""
    return new_database(template)


@pytest.fixture
def empty_database(new_database: Callable[[str], str]) -> str:
    """Return the URL of a new empty database."""
    return new_database("template1")


@pytest.fixture
def gateway(database: str) -> Iterator[Gateway]:
    """Yield a gateway to a new database with every step applied."""
    with Gateway(database) as gateway:
        yield gateway


@pytest.fixture
def empty_gateway(empty_database: str) -> Iterator[Gateway]:
    """Yield a gateway to a new empty database."""
    with Gateway(empty_database) as gateway:
        yield gateway


@pytest.fixture
def blank_server(shared: Path) -> Iterator[EmbeddedServer]:
    """Yield an embedded server for one test, without data and not yet started."""
    home = Path(tempfile.mkdtemp(prefix="own-", dir=shared))
    server = EmbeddedServer(home, settings=servers.FAST)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(home)


@pytest.fixture
def own_server(blank_server: EmbeddedServer, stopped_home: Path) -> EmbeddedServer:
    """Return an embedded server for one test, not yet started: for tests that change roles or kill it."""
    subprocess.run(["cp", "-a", f"{stopped_home}/.", str(blank_server.home)], check=True)
    return blank_server


@pytest.fixture(scope="session")
def stopped_home(shared: Path) -> Path:
    """Return the home of a stopped server. Copying it is faster than running initdb again."""
    home = shared / "stopped"
    with locked(shared / "stopped.lock"):
        if not home.exists():
            server = EmbeddedServer(home, settings=servers.FAST)
            server.ensure_running()
            server.stop()
            # As before the first start, so that no two copies prefer the same port.
            record = home / "postgres" / "data" / "iu.json"
            kept = json.loads(record.read_text(encoding="utf-8"))
            record.write_text(json.dumps({**kept, "port": 0, "socket_directory": ""}), encoding="utf-8")
    return home
