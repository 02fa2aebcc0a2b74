"""The floor of a webhook: `consume - COUNT RECEIVER` posts signed bodies, 64 at a time."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from datetime import UTC, datetime

import aiohttp
from standardwebhooks.webhooks import Webhook

from bench.workers.webhook_body import body

count, receiver = int(sys.argv[3]), sys.argv[4]


async def consume() -> None:
    webhook, event_id = Webhook(b"k" * 32), str(uuid.uuid4())
    text, left = body(event_id), iter(range(count))

    async def post(session: aiohttp.ClientSession) -> None:
        for number in left:
            now, key = datetime.now(UTC), f"evt_{number}"
            headers = {
                "content-type": "application/json", "webhook-id": key,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": webhook.sign(key, now, text),
            }  # fmt: skip
            async with session.post(receiver, data=text.encode(), headers=headers) as response:
                await response.read()
                assert response.status == 204

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*[post(session) for _ in range(64)])
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(json.dumps({"events": count, "seconds": seconds, "cpu": cpu}))


asyncio.run(consume())
