"""Worker of procrastinate: `fill URL COUNT` or `consume URL COUNT`. Ten concurrent tasks write audit rows."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
import uuid

import procrastinate
import psycopg

mode, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
logging.disable(logging.CRITICAL)
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=2, max_size=14))
finished: list[float] = []


@app.task(name="audit", queue="bench")
async def audit(event_id: str, note: str) -> None:
    await app.connector.execute_query_async(
        "insert into public.peer_audit (event_id) values (%(id)s)", id=event_id
    )
    finished.append(time.perf_counter())


async def fill() -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(procrastinate.schema.SchemaManager.get_schema())
    async with app.open_async():
        for begin in range(0, count, 1000):
            size = min(1000, count - begin)
            await audit.batch_defer_async(
                *[{"event_id": str(uuid.uuid4()), "note": "x" * 150} for _ in range(size)]
            )


async def consume() -> None:
    async with app.open_async():
        begun = time.perf_counter()
        await app.run_worker_async(
            queues=["bench"], concurrency=10, wait=False, install_signal_handlers=False
        )
    print(json.dumps({"events": len(finished), "seconds": finished[-1] - begun}))


asyncio.run(fill() if mode == "fill" else consume())
