"""Runs as Celery tasks, with Redis and with PostgreSQL as broker: no event is lost or attempted twice."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import psycopg
import pytest
import yaml

import pages
import redis_server
from databases import Server
from deploy.celery_deployment import SAMPLES, Deployment, deployed, documented, with_driver
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import attempts, outbox, routes
from iu_pipelines.domain.worker import DEFAULT_WORKER
from iu_pipelines.hosting import instance_configuration
from redis_server import PASSWORD, RedisServer
from waiting import eventually

EVENTS = 20_000
BATCHES = EVENTS // 1_000
SLOW = """
    create function public.pause() returns trigger language plpgsql as
        'begin perform pg_sleep(0.2); return new; end';
    create trigger pause before insert on public.iu_route_batch for each row execute function public.pause();
"""
"""A batch takes at least 0.2 seconds, so that the run has not ended when a test interferes with it."""


@pytest.fixture
def redis(shared: Path) -> Iterator[RedisServer]:
    if redis_server.PROGRAM is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(shared)
    yield server
    server.remove()


def addresses(redis: RedisServer) -> dict[str, str]:
    return {"CELERY_BROKER_URL": f"{redis.url}/0", "CELERY_RESULT_BACKEND": f"{redis.url}/1"}


@pytest.fixture
def on_redis(server: Server, template: str, shared: Path, redis: RedisServer) -> Iterator[Deployment]:
    with deployed(server, template, shared, SAMPLES, addresses(redis)) as deployment:
        yield deployment


@pytest.fixture
def broker(server: Server) -> Iterator[str]:
    """Yield the URL of an empty database for Celery."""
    name = f"iu_broker_{uuid4().hex[:8]}"
    yield server.create(name)
    server.drop(name)


@pytest.fixture
def on_postgresql(server: Server, template: str, shared: Path, broker: str) -> Iterator[Deployment]:
    url = with_driver(broker)
    given = {"CELERY_BROKER_URL": f"sqla+{url}", "CELERY_RESULT_BACKEND": f"db+{url}"}
    with deployed(server, template, shared, SAMPLES, given) as deployment:
        yield deployment


def test_the_sample_instance_is_that_of_iu_dev_with_a_run_launcher() -> None:
    sample: dict[str, Any] = yaml.safe_load((SAMPLES / "dagster.yaml").read_text(encoding="utf-8"))
    assert sample.pop("run_launcher")["class"] == "CeleryRunLauncher"
    expected = instance_configuration.configuration()
    expected["run_monitoring"]["poll_interval_seconds"] = 10
    assert sample == expected


def test_the_systemd_unit_starts_a_worker_as_the_page_does() -> None:
    unit = (SAMPLES / "iu-celery-worker.service").read_text(encoding="utf-8")
    assert f"\nExecStart=/opt/iu/.venv/bin/{documented()[0]}\n" in unit


def test_a_killed_celery_worker_loses_no_event_and_no_event_is_attempted_twice(on_redis: Deployment) -> None:
    assert ": OK" in on_redis.listed_workers()
    with on_redis.gateway() as gateway:
        run_id = start_a_slow_run(on_redis, gateway)
        killed = on_redis.worker_of(run_id)
        killed.kill()
        assert batches(gateway) < BATCHES
        # For Celery the task is still running, so the maximum runtime ends the run. It is shortened here.
        on_redis.instance.add_run_tags(run_id, {dg.MAX_RUNTIME_SECONDS_TAG: "1"})
        on_redis.wait_for(run_id, "FAILURE")
        next_run = eventually(lambda: other_run(gateway, run_id), "another run has made a batch")
        assert on_redis.worker_of(next_run).id != killed.id
        on_redis.wait_for(next_run, "SUCCESS")
        assert_one_attempt_for_each_event_and_route(gateway)
    assert_no_file_contains(on_redis.home, PASSWORD)


def test_a_run_that_outlives_the_data_of_redis_keeps_its_cursor(
    on_redis: Deployment, redis: RedisServer
) -> None:
    with on_redis.gateway() as gateway, psycopg.connect(on_redis.environment["IU_DATABASE_URL"]) as held:
        run_id = start_a_slow_run(on_redis, gateway)
        held.execute("lock table public.iu_route_batch in share mode")  # its next batch waits for this lock
        redis.restart_empty()
        on_redis.wait_for(run_id, "FAILURE")
        assert any("Unknown task status: PENDING" in line for line in on_redis.messages(run_id))
        next_run = eventually(lambda: on_redis.newer_run(run_id), "the sensor starts another run")
        on_redis.wait_for(next_run, "SUCCESS")
        assert any("worker_busy" in line for line in on_redis.messages(next_run))
        held.rollback()
        eventually(lambda: batches(gateway) == BATCHES, "the first run makes the other batches")
        assert other_run(gateway, run_id) is None
        assert_one_attempt_for_each_event_and_route(gateway)


def test_a_run_that_is_delivered_to_a_second_worker_is_executed_once(
    server: Server, template: str, shared: Path, redis: RedisServer, tmp_path: Path
) -> None:
    samples = acknowledging_late(tmp_path / "samples")
    with (
        deployed(server, template, shared, samples, addresses(redis)) as deployment,
        deployment.gateway() as gateway,
        psycopg.connect(deployment.environment["IU_DATABASE_URL"]) as held,
    ):
        run_id = start_a_slow_run(deployment, gateway)
        held.execute("lock table public.iu_route_batch in share mode")  # the run cannot end before that
        eventually(
            lambda: any("Ignoring a duplicate run" in line for line in deployment.messages(run_id)),
            "Dagster ignores the second delivery",
        )
        held.rollback()
        deployment.wait_for(run_id, "SUCCESS")
        assert_one_attempt_for_each_event_and_route(gateway)


def acknowledging_late(samples: Path) -> Path:
    """Copy the sample files to `samples`, with the settings that make Redis deliver a long run again."""
    shutil.copytree(SAMPLES, samples)
    file = samples / "celery.yaml"
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["execution"]["config"]["config_source"] |= {
        "task_acks_late": True,
        "broker_transport_options": {
            "visibility_timeout": 1, "unacked_restore_interval": 1, "unacked_restore_throttle": 1,
        },
    }  # fmt: skip
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return samples


@pytest.mark.read_committed
def test_a_killed_process_of_a_run_is_reported_by_its_worker_through_postgresql(
    on_postgresql: Deployment, broker: str
) -> None:
    with on_postgresql.gateway() as gateway:
        run_id = start_a_slow_run(on_postgresql, gateway)
        os.kill(on_postgresql.pid(run_id), signal.SIGKILL)
        on_postgresql.wait_for(run_id, "FAILURE")
        assert any("Celery task failed" in line for line in on_postgresql.messages(run_id))
        next_run = eventually(lambda: other_run(gateway, run_id), "another run has made a batch")
        on_postgresql.wait_for(next_run, "SUCCESS")
        assert_one_attempt_for_each_event_and_route(gateway)
    with Gateway(broker) as gateway:
        # Celery writes the row of a task after Dagster has reported the end of its run.
        eventually(lambda: rows_left_by_cleaning(gateway) == (0, 0), "the statements delete all old rows")


def rows_left_by_cleaning(gateway: Gateway) -> tuple[int, int]:
    """Make the rows of Celery 8 days older, delete as documented, and count messages and tasks left."""
    gateway.execute("update kombu_message set timestamp = timestamp - interval '8 days'")
    gateway.execute("update celery_taskmeta set date_done = date_done - interval '8 days'")
    gateway.run_script(documented_cleaning())
    messages = gateway.fetch_value("select count(*) from kombu_message where not visible")
    return messages, gateway.fetch_value("select count(*) from celery_taskmeta")


def documented_cleaning() -> str:
    """Return the statements by which the page says to delete old rows of Celery."""
    (script,) = pages.code("docs/operate/celery.md", "Which broker", "sql")
    return script


def start_a_slow_run(deployment: Deployment, gateway: Gateway) -> str:
    """Emit events, let the sensor start a run, and return its id after three of its batches."""
    routes.add(gateway, routes.NewRoute("iu.second", "version_applied", enabled=True))
    gateway.run_script(SLOW)
    for first in range(0, EVENTS, 1_000):
        outbox.emit_many(gateway, [event(place) for place in range(first, first + 1_000)])
    deployment.switch_on("backlog_sensor")
    eventually(lambda: batches(gateway) >= 3, "three batches")
    return str(gateway.fetch_value("select run_ref from public.iu_route_batch limit 1"))


def event(place: int) -> outbox.NewEvent:
    return outbox.NewEvent("version_applied", f"test/{place}", uuid4(), "test", {})


def batches(gateway: Gateway) -> int:
    return int(gateway.fetch_value("select count(*) from public.iu_route_batch"))


def other_run(gateway: Gateway, run_id: str) -> str | None:
    """Return the id of another run that has made a batch, or None."""
    found = gateway.fetch_value(
        "select run_ref from public.iu_route_batch where run_ref <> %s limit 1", (run_id,)
    )
    return str(found) if found else None


def assert_one_attempt_for_each_event_and_route(gateway: Gateway) -> None:
    found = gateway.fetch_one(
        """select count(*) as events, min(attempts) as fewest, max(attempts) as most
           from (select count(attempt.event_id) as attempts
                 from public.event_outbox as event
                 left join public.iu_route_attempt as attempt using (event_id)
                 group by event_id) as counted"""
    )
    assert found == {"events": EVENTS, "fewest": 2, "most": 2}
    verdict = attempts.conservation(gateway, DEFAULT_WORKER)
    assert (verdict.events_unattempted, verdict.batches_differing) == (0, 0)


def assert_no_file_contains(home: Path, secret: str) -> None:
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.name == "dagster_celery_config.py" for path in files)
    assert [path for path in files if secret in path.read_text(encoding="utf-8", errors="replace")] == []
