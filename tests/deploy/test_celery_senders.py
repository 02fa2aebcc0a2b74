"""Two runs of one target on two Celery workers, one of which is killed: nothing is lost or out of order."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import dagster as dg
import pytest

import redis_server
from databases import Server
from defs.delivering import ENVIRONMENT, SECRET
from delivery.receiver import Behaviour, Receiver
from delivery.sending import accepted, disorder, emit
from delivery.shard_storm import LEASE
from delivery.verdict import doubts, read_claims
from delivery.world import World, url_of
from deploy.celery_deployment import SAMPLES, Deployment, deployed
from engine.sessions import opened
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.kit import tags
from redis_server import RedisServer
from waiting import eventually

SUBJECTS: Final = 400
EACH: Final = 8


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(tmp_path / "receiver") as receiver:
        yield receiver


@pytest.fixture
def deployment(
    server: Server, delivery_template: str, shared: Path, tmp_path: Path, receiver: Receiver
) -> Iterator[Deployment]:
    """Yield two Celery workers, and a target on which many events have been due for a while."""
    if redis_server.PROGRAM is None:
        pytest.skip("redis-server is not installed")
    redis = RedisServer(shared)
    addresses = {"CELERY_BROKER_URL": f"{redis.url}/0", "CELERY_RESULT_BACKEND": f"{redis.url}/1"}

    def prepare(url: str) -> dict[str, str]:
        with Gateway(url) as owner:
            world = World(owner, url, f"iu_test_celery_{os.getpid()}")
            world.add_private_target("hook", receiver.url("/hook"), secret_name=SECRET, **LEASE)
            world.add_route("shop.paid", "version_applied", "hook")
            world.open_gates()
            emit(world, SUBJECTS, EACH)
            while world.enqueue()["seen"]:
                pass
            world.pass_time(60)
            world.close()
            return {
                **ENVIRONMENT, "IU_SENDER_DATABASE_URL": url_of(url, world.login),
                "IU_DELIVERY_TARGETS": "hook", "IU_DELIVERY_SENDERS": "2",
            }  # fmt: skip

    try:
        samples = one_run_a_worker(tmp_path / "samples")
        with deployed(server, delivery_template, shared, samples, addresses, prepare) as deployment:
            yield deployment
    finally:
        redis.remove()


def one_run_a_worker(place: Path) -> Path:
    """Copy the samples, with workers that execute one run at a time: so two runs are on two workers."""
    shutil.copytree(SAMPLES, place)
    settings = place / "celery.yaml"
    text = settings.read_text(encoding="utf-8")
    assert "worker_concurrency: 4" in text
    settings.write_text(text.replace("worker_concurrency: 4", "worker_concurrency: 1"), encoding="utf-8")
    return place


def test_two_runs_on_two_workers_share_a_target_and_one_takes_over_from_a_killed_worker(
    deployment: Deployment, receiver: Receiver
) -> None:
    receiver.behave(Behaviour(delay=0.5))
    deployment.switch_on("delivery_sensor")
    with deployment.gateway() as gateway:
        first, second = eventually(lambda: runs_that_claimed(gateway), "two runs have claimed something")
        killed = deployment.worker_of(second)
        assert deployment.worker_of(first).id != killed.id
        assert {numbers(deployment, one) for one in (first, second)} == {"1", "2"}
        killed.kill()
        receiver.behave()
        eventually(lambda: is_empty(gateway), "everything is delivered", pause=0.2)
        found = accepted(receiver.requests())
        assert len({one.key for one in found}) == SUBJECTS * EACH
        assert disorder(found) == 0
    with opened(deployment.environment["IU_DATABASE_URL"]) as (session,):
        assert len(found) - SUBJECTS * EACH <= doubts(read_claims(session))


def runs_that_claimed(gateway: Gateway) -> list[str] | None:
    """Return the runs that have claimed something, if there are two."""
    rows = gateway.fetch_all(
        "select distinct run_ref from public.iu_delivery_ledger where kind = 'claims' and run_ref is not null"
    )
    return [row["run_ref"] for row in rows] if len(rows) == 2 else None


def numbers(deployment: Deployment, run_id: str) -> str | None:
    run = deployment.instance.get_run_by_id(run_id)
    assert isinstance(run, dg.DagsterRun)
    return run.tags.get(tags.SENDER)


def is_empty(gateway: Gateway) -> bool:
    return not gateway.fetch_value("select count(*) from public.iu_delivery")
