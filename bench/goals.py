"""The goals: each has the result of a run, the settings of its server, and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench import audits, captures, deliveries, emits, fleet, peer_emits, senders, shapes, webhooks
from bench.lines import Line, beside
from bench.server import EMBEDDED, STOCK

NONE: Final = "-"
Points = Sequence[dict[str, Any]]
Find = Callable[[str, str, str, str], Line | None]


@dataclass(frozen=True)
class Goal:
    """A goal, its result, and whether it is met; None if it was not measured."""

    what: str
    settings: str
    wanted: str
    figure: str
    met: bool | None

    @property
    def verdict(self) -> str:
        return "not measured" if self.met is None else "MET" if self.met else "NOT MET"


def goals(
    found: Sequence[Line], scale: Points, dagster: dict[str, Any], startup: dict[str, float]
) -> list[Goal]:
    """Return every goal of the product, in the order of the page."""
    by = {(line.settings, line.group, line.system, line.label): line for line in found}
    only = next((line.settings for line in found), STOCK)
    used = sorted({line.settings for line in found} or {STOCK}, key=[STOCK, EMBEDDED].index)
    find: Find = lambda *key: by.get(key)  # noqa: E731
    one = STOCK if STOCK in used else only
    return [
        *(goal for settings in used for goal in _worker(find, settings)),
        *(goal for settings in used for goal in _shapes(find, settings)),
        *_jit(find),
        *(goal for settings in used for goal in _small(find, settings)),
        *_held(find, one),
        *_emits(find, one),
        _capture(find, one),
        *_retention(find, one),
        *_deliveries(found, one),
        *_webhooks(find, one),
        _memory(found, one),
        *_senders(find, one),
        *(goal for settings in used for goal in _audit(find, settings)),
        *(goal for settings in used for goal in [_health(find, settings)]),
        *_scale(scale, one),
        *_dagster(dagster, one),
        *_startup(startup),
        *_fleet(find, one),
        *_elsewhere(),
    ]


def _worker(find: Find, settings: str) -> Iterator[Goal]:
    for batch, least in (("1000", 0.75), ("10000", 0.85)):
        line = find(settings, "route", "iu route worker", batch)
        name = f"route worker, batches of {int(batch):,}: rate / rate of the floor"
        yield at_least(name, settings, least, line and line.ratio)
    line = find(settings, "route", "iu route worker", "1000")
    pgq = find(settings, "route", "PgQ + INSERT … SELECT", "1000")
    if settings == STOCK:
        figure = line and pgq and beside(line, pgq)
        yield at_least("route worker, batches of 1,000: rate / rate of PgQ + audit", settings, 2.2, figure)
    yield at_most(
        "route worker, batches of 1,000: WAL bytes per event", settings, 240, line and line.wal, ",.0f"
    )


def _shapes(find: Find, settings: str) -> Iterator[Goal]:
    for shape in shapes.ALL[1:]:
        line = find(settings, shapes.SHAPES, shapes.WORKER, shape.name)
        yield at_least(f"{shape.name}: CPU of the floor / CPU", settings, 0.5, line and line.cpu_ratio)
    poisoned = find(settings, "poison", "one poisoned event", "10000")
    if poisoned and poisoned.ratio:
        yield at_most(
            "one poisoned event in 10,000: time / time of a clean batch",
            settings,
            1.5,
            1 / poisoned.ratio,
            ".2f",
        )


def _jit(find: Find) -> Iterator[Goal]:
    """Yield the goals of jit, by CPU time of the backend, because both servers do the same work."""
    for shape in shapes.ALL:
        key = (shapes.SHAPES, shapes.WORKER, shape.name)
        stock, embedded = find(STOCK, *key), find(EMBEDDED, *key)
        share = None
        if stock and embedded and stock.server_cpu_us and embedded.server_cpu_us:
            share = stock.server_cpu_us / embedded.server_cpu_us - 1
        yield within(f"{shape.name}: CPU with jit on / jit off", "both", share)


def _small(find: Find, settings: str) -> Iterator[Goal]:
    line = find(settings, "one", shapes.ONE_EVENT, "1")
    figure = None if line is None or line.server_cpu_us is None else line.server_cpu_us / 1000
    yield at_most("a batch of one event: server CPU, ms", settings, 0.5, figure, ".2f")
    idle = next(
        (one for runs in ("2000", "1000") if (one := find(settings, "idle", "an idle run", runs))), None
    )
    yield at_most("idle run: WAL bytes", settings, 10, idle and idle.wal, ",.1f")


def _held(find: Find, settings: str) -> Iterator[Goal]:
    line = next((one for runs in ("30000", "2000") if (one := find(settings, "held", _HELD, runs))), None)
    runs = f"{int(line.label):,}" if line else "30,000"
    for name, what in (
        ("buffers", "idle run: buffers"), ("cpu_us", "idle run: CPU"), ("batch_cpu_ms", "batch: CPU"),
    ):  # fmt: skip
        share = line and line.extra[f"{name}_last"] / line.extra[f"{name}_first"] - 1
        yield within(f"{what} after {runs} runs beside a held snapshot", settings, share)


_HELD: Final = "idle runs beside a held snapshot"


def _emits(find: Find, settings: str) -> Iterator[Goal]:
    for clients in ("1", "16"):
        line = find(settings, "emit", emits.OURS, clients)
        for peer in peer_emits.NAMES:
            other = find(settings, "emit", peer, clients)
            least = 0.95 if peer == peer_emits.PGQ else 1.0
            figure = line and other and beside(line, other)
            yield at_least(f"emit, clients {clients}: rate / rate of {peer}", settings, least, figure)
    bulk = find(settings, "bulk", "iu bulk emit", "1000")
    yield at_least(
        "bulk emit: rate / rate of INSERT … SELECT of the same array", settings, 0.8, bulk and bulk.ratio
    )


def _capture(find: Find, settings: str) -> Goal:
    line = find(settings, captures.GROUP, captures.OURS, "100,000")
    figure = 1 / line.ratio if line and line.ratio else None
    what = "capture of 100,000 updated rows, beside the update: time / time of a bulk emit"
    return at_most(what, settings, 2, figure, ".2f")


def _retention(find: Find, settings: str) -> Iterator[Goal]:
    for cursors in ("1", "100"):
        line = find(settings, "retention", "iu retention", cursors)
        figure = 1e6 / line.server_cpu_us if line and line.server_cpu_us else None
        name = f"retention, cursors {cursors}: events per second of one core"
        yield at_least(name, settings, 20_000, figure, ",.0f")
        waited = line and line.extra["worker_ms"]
        yield at_most(
            f"retention, cursors {cursors}: longest concurrent run of a worker, ms",
            settings,
            50,
            waited,
            ".0f",
        )


def _deliveries(found: Sequence[Line], settings: str) -> Iterator[Goal]:
    taken = [line for line in found if (line.settings, line.group) == (settings, deliveries.GROUP)]
    base = next((line.server_cpu_us for line in taken if line.label == deliveries.EMPTY), None)
    for label in (deliveries.EMPTY, *(line.label for line in taken if line.label != deliveries.EMPTY)):
        line = next((line for line in taken if line.label == label), None)
        cpu = line and line.server_cpu_us
        yield at_most(f"delivery, {label}: CPU of claim and record, µs", settings, 150, cpu, ".0f")
        yield at_most(f"delivery, {label}: WAL bytes", settings, 1600, line and line.wal, ",.0f")
        if label != deliveries.EMPTY:
            yield within(f"delivery, {label}: CPU", settings, cpu / base - 1 if cpu and base else None)


def _webhooks(find: Find, settings: str) -> Iterator[Goal]:
    for system in (webhooks.OURS, webhooks.FROM_OUTBOX):
        line = find(settings, webhooks.GROUP, system, webhooks.CONCURRENT)
        cpu = line and line.cpu_us
        yield at_least(f"{system}: rate / rate of a bare aiohttp loop", settings, 0.5, line and line.ratio)
        yield at_least(f"{system}: webhooks/s a core", settings, 2000, cpu and 1e6 / cpu, ",.0f")
        yield at_most(f"{system}: CPU of sender and backends, ms", settings, 0.5, cpu and cpu / 1000, ".2f")
    line = find(settings, webhooks.GROUP, webhooks.OURS, webhooks.CONCURRENT)
    for peer in webhooks.PEERS:
        other = find(settings, webhooks.GROUP, peer, webhooks.CONCURRENT)
        figure = line and other and beside(line, other)
        yield at_least(f"{webhooks.OURS}: rate / rate of {peer}", settings, 3, figure)


def _memory(found: Sequence[Line], settings: str) -> Goal:
    """Return the goal of the longest drain; a short one says nothing about memory."""
    long = [line for line in found if line.group == webhooks.GROUP and line.label != webhooks.CONCURRENT]
    line = max(long, key=lambda line: int(line.label.replace(",", "")), default=None)
    what = f"{webhooks.OURS}, {line.label if line else '1,000,000'} at once: memory at the end / at a tenth"
    return within(what, settings, line and line.extra["mib_at_100"] / line.extra["mib_at_10"] - 1)


def _audit(find: Find, settings: str) -> Iterator[Goal]:
    for name in audits.QUESTIONS:
        lines = (find(settings, "audit", name, f"{size:,}") for size in (200_000, 20_000))
        line = next((one for one in lines if one), None)
        beside_them = line.label if line else "200,000"
        figure = line and line.extra["milliseconds"]
        yield at_most(f"attempts {name}, of {beside_them}: ms", settings, 10, figure, ".1f")


def _health(find: Find, settings: str) -> Goal:
    line = find(settings, "health", "iu health", "")
    return at_most("health with a backlog: ms", settings, 10, line and line.extra["milliseconds"], ".1f")


def _scale(scale: Points, settings: str) -> Iterator[Goal]:
    for curve in ("old events", "beside another domain", "workers"):
        yield _flat(f"CPU of a batch, {curve}", settings, scale, curve)
    points = [point for point in scale if point["curve"] == "old events"]
    last = max(points, key=lambda point: int(point["x"])) if points else {}
    beside_them = f"{last['x']:,}" if last else "10,000,000"
    yield at_most(f"health beside {beside_them} old events: ms", settings, 10, last.get("health_ms"), ".1f")
    workers = next((point for point in scale if point["curve"] == "workers"), {})
    yield at_most(
        "health of 100 workers beside all of these: ms", settings, 10, workers.get("all_health_ms"), ".1f"
    )
    for name in audits.QUESTIONS:
        figure = (last.get("audit_ms") or {}).get(name)
        yield at_most(f"attempts {name}, of {beside_them}: ms", settings, 10, figure, ".1f")


def _senders(find: Find, settings: str) -> Iterator[Goal]:
    def figure(latency: int, number: int, base: int) -> float | None:
        pair = [find(settings, senders.GROUP, senders.system(latency), str(one)) for one in (number, base)]
        return beside(pair[0], pair[1]) if pair[0] and pair[1] else None

    for number, least in ((2, 1.8), (4, 3.2)):
        name = f"{number} senders, receiver answers after 100 ms: rate / rate of 1"
        yield at_least(name, settings, least, figure(100, number, 1))
    for latency in senders.LATENCIES:
        name = f"8 senders on two cores, receiver answers after {latency} ms: rate / rate of 4"
        yield at_least(name, settings, 0.8, figure(latency, 8, 4))
    line = find(settings, senders.GROUP, senders.system(100), "4")
    fewest = line.extra.get("fewest") if line else None
    yield at_least("4 senders: fewest deliveries of one / mean", settings, 0.8, fewest)


def _flat(what: str, settings: str, scale: Points, curve: str) -> Goal:
    base = next((point["batch_cpu_ms"] for point in scale if point["curve"] == "old events"), None)
    points = [point["batch_cpu_ms"] for point in scale if point["curve"] == curve]
    return within(what, settings, max(points) / base - 1 if base and points else None)


def _dagster(dagster: dict[str, Any], settings: str) -> Iterator[Goal]:
    share = dagster.get("share") or {}
    for batch, least in (("1000", 0.6), ("10000", 0.9)):
        name = f"Dagster, batches of {int(batch):,}: rate / rate of a plain loop"
        yield at_least(name, settings, least, share.get(batch))
    latency = (dagster.get("latency") or {}).get("p50_ms")
    yield at_most("emit to attempt while a run lingers: p50, ms", settings, 50, latency, ".0f")


def _startup(startup: dict[str, float]) -> Iterator[Goal]:
    yield at_most("`iu --version`: seconds", NONE, 0.25, startup.get("iu_version"), ".2f")
    figure = startup["definitions"] / startup["dagster"] if startup else None
    yield at_most("import of the definitions: time / time of `import dagster`", NONE, 1.3, figure, ".2f")


def _fleet(find: Find, settings: str) -> Iterator[Goal]:
    """Yield the goals of a fleet. A tick of which one database hangs lasts until its time limit."""
    healthy = find(settings, fleet.GROUP, fleet.SYSTEM, fleet.TICK)
    hanging = find(settings, fleet.GROUP, fleet.SYSTEM, fleet.HANGS)
    loaded, ticked, hung = (
        line and line.extra.get(name)
        for line, name in ((healthy, fleet.LOAD), (healthy, fleet.TICK), (hanging, fleet.TICK))
    )
    yield at_most("definitions of 100 outboxes: seconds in a new process", settings, 5, loaded, ".1f")
    yield at_most("tick over 100 healthy databases: seconds", settings, 10, ticked, ".1f")
    yield at_most("tick over 100 databases, of which one hangs: seconds", settings, 10, hung, ".1f")


def _elsewhere() -> Iterator[Goal]:
    """Yield goals that no case measures yet."""
    yield at_most("an emit-only installation: MB", NONE, 60, None, "")


def at_least(what: str, settings: str, least: float, figure: float | None, form: str = ".2f") -> Goal:
    met = None if figure is None else figure >= least
    return Goal(what, settings, f"≥ {least:,g}", formatted(figure, form), met)


def at_most(what: str, settings: str, most: float, figure: float | None, form: str) -> Goal:
    met = None if figure is None else figure <= most
    return Goal(what, settings, f"≤ {most:,g}", formatted(figure, form), met)


def within(what: str, settings: str, share: float | None) -> Goal:
    met = None if share is None else share <= 0.1
    return Goal(what, settings, "within 10 %", formatted(share, "+.0%"), met)


def formatted(figure: float | None, form: str) -> str:
    return NONE if figure is None else format(figure, form)
