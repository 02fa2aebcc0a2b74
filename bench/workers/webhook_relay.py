"""A relay as one writes it by hand: `fill URL COUNT` or `consume URL COUNT RECEIVER`.

Two loops take batches of 200 by SKIP LOCKED, post them by aiohttp, 64 at a time together, and insert the
audit rows and delete the events in the transaction that locked them. It has no intents (after a crash nobody
knows what was sent), no order within a subject, no fence, no retries, no signature and no gates.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Sequence

import aiohttp
import psycopg

from bench.workers.webhook_body import body

mode, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
HEADERS = {"content-type": "application/json"}


def fill() -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            """create table public.relay_outbox (
                id bigint generated always as identity primary key, event_id uuid not null, body text not null
            )"""
        )
        with connection.cursor().copy("copy public.relay_outbox (event_id, body) from stdin") as copy:
            for _ in range(count):
                event_id = str(uuid.uuid4())
                copy.write_row((event_id, body(event_id)))


async def consume(receiver: str) -> None:
    slots, sent = asyncio.Semaphore(64), 0

    async def post(session: aiohttp.ClientSession, text: str) -> bool:
        async with slots, session.post(receiver, data=text.encode(), headers=HEADERS) as response:
            await response.read()
            return response.status == 204

    async def relay(session: aiohttp.ClientSession, connection: psycopg.AsyncConnection) -> None:
        nonlocal sent
        while rows := await _locked(connection):
            accepted = await asyncio.gather(*[post(session, text) for _, _, text in rows])
            done = [row for row, fine in zip(rows, accepted, strict=True) if fine]
            await _settle(connection, done)
            sent += len(done)

    connections = [await psycopg.AsyncConnection.connect(url, prepare_threshold=0) for _ in range(2)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*[relay(session, connection) for connection in connections])
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    for connection in connections:
        await connection.close()
    print(json.dumps({"events": sent, "seconds": seconds, "cpu": cpu}))


async def _locked(connection: psycopg.AsyncConnection) -> Sequence[tuple[int, uuid.UUID, str]]:
    found = await connection.execute(
        "select id, event_id, body from public.relay_outbox order by id limit 200 for update skip locked"
    )
    rows: Sequence[tuple[int, uuid.UUID, str]] = await found.fetchall()
    if not rows:
        await connection.commit()
    return rows


async def _settle(connection: psycopg.AsyncConnection, rows: Sequence[tuple[int, uuid.UUID, str]]) -> None:
    await connection.execute(
        """insert into public.peer_audit (event_id, status, decision, delivered)
        select id, 'sent', 'sent', true from unnest(%s::uuid[]) as id""",
        ([event_id for _, event_id, _ in rows],),
    )
    await connection.execute(
        "delete from public.relay_outbox where id = any (%s)", ([id_ for id_, _, _ in rows],)
    )
    await connection.commit()


if mode == "fill":
    fill()
else:
    asyncio.run(consume(sys.argv[4]))
