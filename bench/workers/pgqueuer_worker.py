"""Worker of pgqueuer: `fill URL COUNT` or `consume URL COUNT`. Batches of 100 jobs write audit rows."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
from pgqueuer import AsyncpgDriver, PgQueuer, Queries
from pgqueuer.types import QueueExecutionMode

if TYPE_CHECKING:
    from pgqueuer.models import Job

mode, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
logging.disable(logging.CRITICAL)


async def fill() -> None:
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    for begin in range(0, count, 1000):
        size = min(1000, count - begin)
        jobs = [json.dumps({"id": str(uuid.uuid4()), "note": "x" * 150}).encode() for _ in range(size)]
        await queries.enqueue(["audit"] * size, jobs, [0] * size)
    await connection.close()


async def consume() -> None:
    connection = await asyncpg.connect(url)
    pool = await asyncpg.create_pool(url, min_size=2, max_size=10)
    worker = PgQueuer(AsyncpgDriver(connection))
    done, ended = 0, 0.0

    @worker.entrypoint("audit")
    async def audit(job: Job) -> None:
        nonlocal done, ended
        event_id = uuid.UUID(json.loads(job.payload)["id"])
        await pool.execute("insert into public.peer_audit (event_id) values ($1)", event_id)
        done, ended = done + 1, time.perf_counter()
        if done == count:
            worker.shutdown.set()

    begun = time.perf_counter()
    await worker.run(batch_size=100, mode=QueueExecutionMode.drain, dequeue_timeout=timedelta(seconds=1))
    print(json.dumps({"events": done, "seconds": ended - begun}))


asyncio.run(fill() if mode == "fill" else consume())
