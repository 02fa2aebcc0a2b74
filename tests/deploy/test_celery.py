"""Runs as Celery tasks, with Redis and with PostgreSQL as broker: no event is lost or attempted twice."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import yaml

import process_groups
from databases import Server
from deploy.celery_deployment import SAMPLES, Deployment, deployed, with_driver
from dev_server import free_port
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import attempts, outbox
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.hosting import instance_configuration
from waiting import eventually

REDIS = shutil.which("redis-server")
PASSWORD = "the-password-of-redis"
EVENTS = 20_000
SLOW = """
    create function public.pause() returns trigger language plpgsql as
        'begin perform pg_sleep(0.2); return new; end';
    create trigger pause before insert on public.iu_route_batch for each row execute function public.pause();
"""
"""A batch takes 0.2 seconds, so that a run is still executing when a test kills it."""


@pytest.fixture
def redis(shared: Path) -> Iterator[str]:
    """Yield the URL of a Redis server without files."""
    if REDIS is None:
        pytest.skip("redis-server is not installed")
    home = Path(tempfile.mkdtemp(prefix="redis-", dir=shared))
    port = str(free_port())
    settings = ["--port", port, "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--save", ""]
    group = process_groups.start(home / "redis.log", os.environ, REDIS, "--dir", str(home), *settings)
    group.wait_for("Ready to accept connections")
    yield f"redis://:{PASSWORD}@127.0.0.1:{port}"
    group.kill()
    shutil.rmtree(home)


@pytest.fixture
def on_redis(server: Server, template: str, shared: Path, redis: str) -> Iterator[Deployment]:
    broker = {"CELERY_BROKER_URL": f"{redis}/0", "CELERY_RESULT_BACKEND": f"{redis}/1"}
    with deployed(server, template, shared, **broker) as deployment:
        yield deployment


@pytest.fixture
def on_postgresql(server: Server, template: str, shared: Path) -> Iterator[Deployment]:
    name = f"iu_broker_{uuid4().hex[:8]}"
    url = with_driver(server.create(name))
    broker = {"CELERY_BROKER_URL": f"sqla+{url}", "CELERY_RESULT_BACKEND": f"db+{url}"}
    with deployed(server, template, shared, **broker) as deployment:
        yield deployment
    server.drop(name)


def test_the_sample_instance_is_that_of_iu_dev_with_a_run_launcher() -> None:
    sample: dict[str, Any] = yaml.safe_load((SAMPLES / "dagster.yaml").read_text(encoding="utf-8"))
    launcher = sample.pop("run_launcher")
    assert launcher["class"] == "CeleryRunLauncher"
    assert sample == instance_configuration.configuration()


def test_a_killed_celery_worker_loses_no_event_and_attempts_none_twice(on_redis: Deployment) -> None:
    with on_redis.gateway() as gateway:
        run_id = start_a_slow_run(on_redis, gateway)
        killed = on_redis.worker_of(run_id)
        killed.kill()
        made = batches(gateway)
        assert made < EVENTS / 1000
        # Celery still calls the task started. The run ends by its maximum runtime, which is shortened here.
        on_redis.instance.add_run_tags(run_id, {dg.MAX_RUNTIME_SECONDS_TAG: "1"})
        eventually(lambda: on_redis.status(run_id) == "FAILURE", "the run has failed", pause=0.2)
        next_run = eventually(lambda: other_run(gateway, run_id), "another run")
        assert on_redis.worker_of(next_run).id != killed.id
        eventually(lambda: on_redis.status(next_run) == "SUCCESS", "the next run ends", pause=0.2)
        assert_one_attempt_for_each_event_and_route(gateway)
    assert_no_file_contains(on_redis.home, PASSWORD)


def test_a_killed_process_of_a_run_is_reported_by_its_worker(on_postgresql: Deployment) -> None:
    with on_postgresql.gateway() as gateway:
        run_id = start_a_slow_run(on_postgresql, gateway)
        os.kill(on_postgresql.pid(run_id), signal.SIGKILL)
        eventually(lambda: on_postgresql.status(run_id) == "FAILURE", "the run has failed", pause=0.2)
        assert any("WorkerStatus.FAILED" in line for line in on_postgresql.messages(run_id))
        next_run = eventually(lambda: other_run(gateway, run_id), "another run")
        eventually(lambda: on_postgresql.status(next_run) == "SUCCESS", "the next run ends", pause=0.2)
        assert_one_attempt_for_each_event_and_route(gateway)


def start_a_slow_run(deployment: Deployment, gateway: Gateway) -> str:
    """Emit events, and return the id of the run that the sensor starts, after three of its slow batches."""
    gateway.run_script(SLOW)
    emit(gateway, EVENTS)
    deployment.switch_on("backlog_sensor")
    eventually(lambda: batches(gateway) >= 3, "three batches", pause=0.02)
    return str(gateway.fetch_value("select run_ref from public.iu_route_batch limit 1"))


def emit(gateway: Gateway, count: int) -> None:
    for first in range(0, count, 1000):
        outbox.emit_many(
            gateway,
            [
                outbox.NewEvent("version_applied", f"test/{place}", uuid4(), "test", {})
                for place in range(first, first + 1000)
            ],
        )


def batches(gateway: Gateway) -> int:
    return int(gateway.fetch_value("select count(*) from public.iu_route_batch"))


def other_run(gateway: Gateway, run_id: str) -> str | None:
    """Return the id of another run that has made a batch, or None."""
    found = gateway.fetch_value("select run_ref from public.iu_route_batch where run_ref <> %s limit 1", (run_id,))
    return str(found) if found else None


def assert_one_attempt_for_each_event_and_route(gateway: Gateway) -> None:
    routes = gateway.fetch_value(
        "select count(*) from public.iu_outbound_route where event_type = 'version_applied' and enabled"
    )
    wrong = gateway.fetch_all(
        """select event_id, count(attempt.event_id) as attempts
           from public.event_outbox left join public.iu_route_attempt as attempt using (event_id)
           group by event_id having count(attempt.event_id) <> %s limit 5""",
        (routes,),
    )
    assert routes
    assert wrong == []
    assert gateway.fetch_value("select count(*) from public.event_outbox") == EVENTS
    found = attempts.conservation(gateway, DEFAULT_WORKER)
    assert (found.events_unattempted, found.batches_differing) == (0, 0)


def assert_no_file_contains(home: Path, secret: str) -> None:
    files = [path for path in home.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert [path for path in files if secret in path.read_text(encoding="utf-8", errors="replace")] == []
