"""A world whose targets are webhooks on loopback, and drains of it."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from delivery.receiver import Receiver, Request
from delivery.world import DEPLOYMENT, World, url_of
from iu_pipelines import settings
from iu_pipelines.delivery.drain import drain
from iu_pipelines.delivery.kind import Answer, Message, TargetKind
from iu_pipelines.delivery.reports import DrainLimits, DrainReport, TargetReport

SECRET: Final = "HOOK"


class Ground:
    """Targets that post to one receiver, each under its own path, with a route and event type of its own."""

    def __init__(
        self, world: World, directory: Path, patch: pytest.MonkeyPatch, host: str = "127.0.0.1"
    ) -> None:
        self.world = world
        self.receiver = Receiver(directory / "receiver", host=host)
        self.receiver.start()
        self.other = Receiver(directory / "other receiver")
        value = base64.b64encode(b"of a test" * 4).decode()
        patch.setenv(f"IU_SECRET_{SECRET}", f"host={host} whsec_{value}")

    def add(
        self, name: str, event_type: str = "version_applied", address: str | None = None, **columns: Any
    ) -> str:
        """Add a target and a live route to it, list the route, and return the code of the route."""
        given = {"secret_name": SECRET, **columns}
        self.world.add_private_target(name, address or self.receiver.url(f"/{name}"), **given)
        code = f"{name}.route"
        self.world.add_route(code, event_type, name)
        self.world.open_gates()
        return code

    def drain(self, **given: Any) -> DrainReport:
        """Drain with the login that delivers; `given` are limits, or arguments of `drain`."""
        names = set(DrainLimits.__dataclass_fields__)
        limits = {name: value for name, value in given.items() if name in names}
        others = {name: value for name, value in given.items() if name not in names}
        url = url_of(self.world.url, self.world.login)
        return drain(url, settings.load(deployment=DEPLOYMENT), limits=DrainLimits(**limits), **others)

    def received(self, name: str | None = None) -> list[Request]:
        """Return the requests of a target in the order of their arrival."""
        return [one for one in self.receiver.requests() if name is None or one.path.startswith(f"/{name}")]

    def close(self) -> None:
        self.receiver.kill()
        self.other.kill()


def of(report: DrainReport, target: str) -> TargetReport:
    """Return the part of a report about a target."""
    return next(one for one in report.targets if one.target == target)


def accepted(requests: Sequence[Request]) -> list[Request]:
    """Return the requests that were answered with 200."""
    return [one for one in requests if one.status == 200]


def disorder(requests: Sequence[Request]) -> int:
    """Count first arrivals with a lower number than an earlier one of their target and subject."""
    highest: dict[tuple[str, str], int] = defaultdict(int)
    seen: set[str] = set()
    count = 0
    for request in requests:
        if request.key in seen:
            continue
        seen.add(request.key)
        subject = (request.path, request.content["subject_ref"])
        count += request.content["sequence"] < highest[subject]
        highest[subject] = max(highest[subject], request.content["sequence"])
    return count


def kind_of(send: Callable[[Message], Any]) -> type[TargetKind]:
    """Return a kind of target that sends by calling a coroutine function."""

    class Given(TargetKind):
        kind = "webhook"

        @classmethod
        def check(cls, *_: Any, **__: Any) -> None: ...

        async def open(self) -> None: ...

        async def send(self, message: Message) -> Answer:
            found: Answer = await send(message)
            return found

        async def close(self) -> None: ...

        def sign(self, *_: Any) -> str:
            return ""

    return Given


def emit(world: World, subjects: int, each: int = 1, event_type: str = "version_applied") -> list[UUID]:
    """Emit events of many subjects in turn."""
    rows = world.owner.fetch_all(
        """select public.fn_iu_emit_event(
               %(type)s, 'doc/' || s, ('00000000-0000-0000-0000-' || lpad(s::text, 12, '0'))::uuid, 'test',
               jsonb_build_object('version_seq', n)
           ) as event_id
           from generate_series(1, %(each)s) as n cross join generate_series(1, %(subjects)s) as s""",
        {"type": event_type, "each": each, "subjects": subjects},
    )
    return [row["event_id"] for row in rows]
