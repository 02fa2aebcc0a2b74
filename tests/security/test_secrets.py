"""The password of a login appears in no output, log, file, process list or dump."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from dev_server import free_port
from engine.sessions import opened
from faults.clusters import tool
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration
from metrics_endpoint import DOWN, UP, scrape, served
from waiting import eventually

pytestmark = pytest.mark.timeout(300)

CANARY = "c4nary@0f/Prag:ue%41"
FORMS = (CANARY, quote(CANARY, safe=""), quote(CANARY))
SUBJECT = "00000000-0000-4000-8000-000000000001"


def shown_in(content: bytes) -> bool:
    return any(form.encode() in content for form in FORMS)


@dataclass
class Place:
    """A server with a login whose password is the canary, and the home of the commands."""

    server: EmbeddedServer
    url: str
    home: Path
    seen: set[str] = field(default_factory=set)

    def iu(self, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command, search its output, and watch the process list while it runs."""
        with self.watched():
            done = subprocess.run(
                [sys.executable, "-m", "iu_pipelines", *words],
                env={**os.environ, "IU_HOME": str(self.home), "IU_DATABASE_URL": self.url, **environment},
                capture_output=True,
                timeout=240,
                check=False,
            )
        assert not shown_in(done.stdout), words
        assert not shown_in(done.stderr), words
        return done

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Search the command line of every process of this machine, as `ps` shows it."""
        over = threading.Event()
        thread = threading.Thread(target=self._watch, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(0.05):
            for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - a process may end at any moment
                try:
                    content = Path("/proc", process, "cmdline").read_bytes()
                except OSError:
                    continue
                if shown_in(content):
                    self.seen.add(content.replace(b"\0", b" ").decode())

    def left_behind(self) -> list[str]:
        """Return the files that contain the canary, other than the data of the embedded server."""
        server = self.server.home / "postgres"
        files = [path for root in (self.home, server) for path in root.rglob("*") if path.is_file()]
        data = server / "data"
        return [str(path) for path in files if data not in path.parents and shown_in(path.read_bytes())]


@pytest.fixture(scope="module")
def place(shared: Path) -> Iterator[Place]:
    home = Path(tempfile.mkdtemp(prefix="canary-", dir=shared))
    server = EmbeddedServer(
        home / "server", settings={"log_statement": "all", "log_min_error_statement": "error"}
    )
    try:
        url = server.ensure_running()
        with Gateway(url) as gateway:
            migration.apply(gateway)
        with opened(url) as (session,):
            session.execute("set log_statement = 'none'")
            session.execute(f"create role canary superuser login password '{CANARY}'")
        parts = urlsplit(url)
        netloc = f"canary:{quote(CANARY, safe='')}@{parts.hostname}:{parts.port}"
        yield Place(server, parts._replace(netloc=netloc).geturl(), home / "home")
    finally:
        server.stop()
        shutil.rmtree(home)


def test_the_server_asks_for_the_password(place: Place) -> None:
    assert place.iu("types").returncode == 0
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(place.url.replace("c4nary", "c5nary"))


def test_a_password_in_an_argument_or_a_file_is_detected(place: Place, tmp_path: Path) -> None:
    with place.watched():
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.5)", place.url], check=True)
    assert place.seen
    place.seen.clear()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "log").write_text(f"connecting to {place.url}", encoding="utf-8")
    assert Place(place.server, place.url, tmp_path / "home").left_behind()


@pytest.mark.parametrize(
    ("words", "change"),
    [
        (("status",), lambda url: url),
        (("--debug", "run", "--json"), lambda url: url),
        (("--debug", "emit", "nope", "A", "--subject", SUBJECT, "--actor", "t"), lambda url: url),
        (("--debug", "status"), lambda url: url.replace("/iu", "/nowhere")),
        (("--debug", "status"), lambda url: url.replace("canary:", "nobody:")),
        (("--debug", "status"), lambda url: url.replace("127.0.0.1", "nowhere.invalid")),
        (("--debug", "status"), lambda url: url.replace("postgresql://", "mysql://")),
        (("--debug", "status"), lambda url: url.replace("sslmode=disable", "sslmode=sideways")),
        (("--debug", "status"), lambda url: url.replace("postgresql://", "postgresql+psycopg2://")),
        (("--debug", "status"), lambda url: f"host=127.0.0.1 user=canary password='{CANARY}' dbname=iu"),
        (("--debug", "status"), lambda url: url.replace(quote(CANARY, safe=""), CANARY)),
        (("audit", "verify"), lambda url: url),
        (("metrics",), lambda url: url),
        (("--debug", "metrics"), lambda url: url.replace("canary:", "nobody:")),
        (("steps", "list", "--json"), lambda url: url),
    ],
)
def test_no_output_and_no_error_shows_the_password(
    place: Place, words: tuple[str, ...], change: Callable[[str], str]
) -> None:
    place.iu(*words, IU_DATABASE_URL=change(place.url))
    place.iu(*words, IU_DAGSTER_DATABASE_URL=change(place.url))
    assert not place.seen


def test_a_pack_of_evidence_does_not_contain_the_password(place: Place) -> None:
    done = place.iu("evidence", "--out", str(place.home / "packs"))
    assert (place.home / "packs").is_dir(), done.stderr
    assert place.left_behind() == []
    assert not place.seen


@pytest.mark.parametrize("wrong", ["canary:", "nobody:"], ids=["a valid login", "an unknown login"])
def test_the_endpoint_of_the_metrics_shows_no_password(place: Place, tmp_path: Path, wrong: str) -> None:
    url = place.url.replace("canary:", wrong)
    with place.watched(), served(tmp_path, url) as (group, port):
        answer = scrape(port)
        assert (UP if wrong == "canary:" else DOWN) in answer
        assert not shown_in(answer.encode())
        assert not shown_in(group.output().encode())
        assert wrong == "canary:" or "nobody" in group.output()
    assert not place.seen


def test_dagster_stores_the_password_nowhere(place: Place, tmp_path: Path) -> None:
    place.iu("emit", "version_applied", "A", "--subject", SUBJECT, "--actor", "t")
    with _dev(place) as ui:
        for question in (_RESOURCES, _RUNS):
            request = urllib.request.Request(
                f"{ui}/graphql", data=question, headers={"content-type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                content = answer.read()
            assert b"errors" not in content[:12], content[:500]
            assert not shown_in(content)
    job = (
        "from iu_pipelines.hosting.run_in_process import execute; print(execute('route_worker_job').success)"
    )
    with place.watched():
        done = subprocess.run(
            [sys.executable, "-c", job],
            env={**os.environ, "IU_HOME": str(place.home), "IU_DATABASE_URL": place.url},
            capture_output=True,
            timeout=200,
            check=False,
        )
    assert b"True" in done.stdout, done.stderr[-2000:]
    assert not shown_in(done.stdout + done.stderr)
    assert not place.seen
    assert place.left_behind() == []
    for database in ("iu", "iu_dagster"):
        archive = tmp_path / database
        with archive.open("wb") as out:
            tool(place.server, "pg_dump", f"--dbname={place.server.url(database)}", stdout=out)
        assert archive.stat().st_size > 10_000
        assert not shown_in(archive.read_bytes())


_RESOURCES = (
    b'{"query": "{ repositoriesOrError { ... on RepositoryConnection { nodes { '
    b'allTopLevelResourceDetails { name configuredValues { key value type } } } } } }"}'
)
_RUNS = (
    b'{"query": "{ runsOrError(limit: 5) { ... on Runs { results { runId runConfigYaml '
    b'tags { key value } } } } instance { info } }"}'
)


@contextmanager
def _dev(place: Place) -> Iterator[str]:
    """Run `iu dev`, yield the URL of its web UI, stop it and search its output."""
    port, evidence, metrics = (str(free_port()) for _ in range(3))
    command = [
        *(sys.executable, "-m", "iu_pipelines", "dev", "--port", port, "--evidence-port", evidence),
        *("--metrics-port", metrics),
    ]
    with place.watched():
        process = subprocess.Popen(
            command,
            env={**os.environ, "IU_HOME": str(place.home), "IU_DATABASE_URL": place.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/server_info", process)
            with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=60) as answer:
                assert not shown_in(answer.read())
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=90)
    assert not shown_in(said)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        assert process.poll() is None, "iu dev has ended"
        with suppress(OSError), urllib.request.urlopen(url, timeout=30):
            return True
        return False

    eventually(answers, "iu dev answers", pause=0.3)
