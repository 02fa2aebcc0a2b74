"""Worker of procrastinate: `fill URL COUNT` or `consume URL COUNT RECEIVER`. 64 tasks post and audit."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
import uuid

import aiohttp
import procrastinate
import psycopg

from bench.workers.webhook_body import body

mode, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
receiver = sys.argv[4] if mode == "consume" else ""
logging.disable(logging.CRITICAL)
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=16, max_size=16))
finished: list[float] = []
sessions: list[aiohttp.ClientSession] = []


@app.task(name="post", queue="bench")
async def post(event_id: str, text: str) -> None:
    headers = {"content-type": "application/json"}
    async with sessions[0].post(receiver, data=text.encode(), headers=headers) as response:
        await response.read()
        response.raise_for_status()
    await app.connector.execute_query_async(
        """insert into public.peer_audit (event_id, status, decision, delivered)
        values (%(id)s, 'sent', 'sent', true)""",
        id=event_id,
    )
    finished.append(time.perf_counter())


async def fill() -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(procrastinate.schema.SchemaManager.get_schema())
    async with app.open_async():
        for begin in range(0, count, 1000):
            ids = [str(uuid.uuid4()) for _ in range(min(1000, count - begin))]
            await post.batch_defer_async(*[{"event_id": one, "text": body(one)} for one in ids])


async def consume() -> None:
    async with app.open_async(), aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        sessions.append(session)
        begun, cpu = time.perf_counter(), time.process_time()
        await app.run_worker_async(
            queues=["bench"], concurrency=64, wait=False, install_signal_handlers=False
        )
        cpu = time.process_time() - cpu
    print(json.dumps({"events": len(finished), "seconds": finished[-1] - begun, "cpu": cpu}))


asyncio.run(fill() if mode == "fill" else consume())
