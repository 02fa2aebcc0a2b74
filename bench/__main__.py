"""`python -m bench`: measure, print results and goals, and write bench/results/ and docs/performance.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import (
    audits,
    captures,
    cases,
    dagster_share,
    deliveries,
    emits,
    engine,
    fleet,
    idle,
    peer_emits,
    peers,
    report,
    retention,
    scale,
    senders,
    shapes,
    startup,
    webhooks,
)
from bench.lines import lines
from bench.receiver import Receiver, running
from bench.server import BOTH, EMBEDDED, STOCK, BenchServer, newest_pg_bin, started

_SETTINGS = {STOCK: (STOCK,), EMBEDDED: (EMBEDDED,), "both": BOTH}
_GROUPS = (
    "route", "shapes", "one", "idle", "emit", "capture", "retention", "audit", "delivery", "webhook",
    "senders", "fleet", "other",
)  # fmt: skip
_WITH_PEERS = ("route", "emit", webhooks.GROUP)
"""The groups that have cases of other systems."""


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    if given.what == "report":
        report.write()
        return 0
    given.home = given.home.absolute()
    given.home.mkdir(parents=True, exist_ok=True)
    if not given.resume:
        for old in (*given.home.glob("*.jsonl"), *given.home.glob("*.json")):
            old.unlink()
    with (
        started(given.home, _SETTINGS[given.settings], given.pg_bin or newest_pg_bin()) as servers,
        running() as receiver,
    ):
        results = _measure(servers, receiver, given)
    found = lines(results["rows"])
    print("\n" + report.table(found) + "\n\n" + report.webhooks_table(found) + "\n")
    for part in (*report.chain_lines(found), *report.senders_part(found, results["about"])):
        print(part + "\n")
    for name, reason in results["missing"].items():
        print(f"missing: {name}: {reason}")
    made = [goal for goal in report.goals_of(results) if goal.met is not None or not given.only]
    print("\n" + report.goals_table(made))
    if given.keep or (not given.quick and not given.only):
        report.keep(results, given.only)
        report.write()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        choices=["run", "report"],
        default="run",
        help="report: only write the page, from bench/results/",
    )
    parser.add_argument("--quick", action="store_true", help="a few minutes, without peers; writes no page")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=[],
        help=f"groups of cases: {', '.join(_GROUPS)}",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the results of --only beside those of the other groups"
    )
    parser.add_argument(
        "--settings",
        choices=_SETTINGS,
        default="both",
        help="stock: the defaults of PostgreSQL, jit on; embedded: the settings of `iu dev`, jit off; "
        "both: cases of the worker run on both, others on stock",
    )
    parser.add_argument("--no-peers", action="store_true", help="run no peers")
    parser.add_argument("--scale", action="store_true", help="measure growing tables too; takes long")
    parser.add_argument("--scale-sizes", default="0,1000000,10000000", help="numbers of old events")
    parser.add_argument("--dagster", action="store_true", help="measure runs in Dagster too")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument(
        "--long",
        type=int,
        nargs="?",
        const=1_000_000,
        default=0,
        help="deliver so many webhooks in one drain too, and watch the memory of the sender",
    )
    parser.add_argument("--webhooks", type=int, default=20_000, help="number of webhooks of a case")
    parser.add_argument(
        "--home", type=Path, default=Path(".iu/bench"), help="directory of the servers and the logs"
    )
    parser.add_argument(
        "--pg-bin",
        type=lambda given: Path(given).absolute(),
        help="directory of PostgreSQL's programs, for example of one that has PgQ",
    )
    return parser


def _measure(
    servers: dict[str, BenchServer], receiver: Receiver, given: argparse.Namespace
) -> dict[str, Any]:
    events, repeats = (20_000, 1) if given.quick else (given.events, given.repeats)
    todo, missing = _cases(next(iter(servers.values())), receiver, given, events)
    log = given.home / "cases.jsonl"
    cases.run_all(servers, todo, repeats, log)
    long = given.home / "long.jsonl"
    cases.run_all(servers, [webhooks.long_case(receiver, given.long)] if given.long else [], 1, long)
    server = next(iter(servers.values()))
    curves, share, begun = (given.home / name for name in ("scale.jsonl", "dagster.json", "startup.json"))
    if given.scale and not curves.exists():
        sizes = [int(size) for size in given.scale_sizes.split(",")]
        scale.measure(server, sizes, max(sizes), curves)
    if given.dagster and not share.exists():
        dagster_share.write(share, dagster_share.measure(server, 5 * events, 10 * events, min(repeats, 3)))
    if not given.only and not begun.exists():
        begun.write_text(json.dumps(startup.measure(1 if given.quick else 5)) + "\n", encoding="utf-8")
    rows = cases.read(log) + cases.read(long)
    return {
        "about": _about(server, given, events, repeats),
        "missing": missing | _failures(rows),
        "rows": rows,
        "scale": cases.read(curves),
        "dagster": json.loads(share.read_text(encoding="utf-8")) if share.exists() else {},
        "startup": json.loads(begun.read_text(encoding="utf-8")) if begun.exists() else {},
    }


def _cases(
    server: BenchServer, receiver: Receiver, given: argparse.Namespace, events: int
) -> tuple[list[cases.Case], dict[str, str]]:
    """Return the requested cases, and the peers that are missing with the reason."""
    quick = given.quick
    todo = engine.cases(events, [100, 1000, 10_000])
    todo += shapes.cases(6 if quick else 20)
    todo += idle.cases(2_000 if quick else 30_000)
    todo += audits.cases(20_000 if quick else 200_000)
    todo += captures.cases(20_000 if quick else 100_000)
    todo += retention.cases(20_000 if quick else 100_000)
    todo += deliveries.cases(*((100_000, 20_000, 4_000) if quick else (10_000_000, 1_000_000, 20_000)))
    todo += fleet.cases() if fleet.GROUP in given.only or not quick else []
    emitters, missing = emits.ours(), {}
    without_peers = given.no_peers or (quick and not given.only)
    if without_peers and any(_asked(given, group) for group in _WITH_PEERS):
        missing["all peers"] = "left out of this run"
    if not without_peers:
        found, missing = _peers(server, given, events)
        todo += found
        others, without = peer_emits.emitters(server, given.home) if _asked(given, "emit") else ([], {})
        emitters, missing = emitters + others, missing | without
    posts, without = webhooks.cases(
        receiver, given.home, given.webhooks,
        with_peers=not without_peers and _asked(given, webhooks.GROUP),
    )  # fmt: skip
    todo, missing = todo + posts, missing | without
    todo += senders.cases(receiver, quick=quick)
    todo += emits.cases(emitters, [1, 16], 1.5 if quick else 4.0, max(5, events // 2000))
    return [case for case in todo if not given.only or _group(case) in given.only], missing


def _peers(
    server: BenchServer, given: argparse.Namespace, events: int
) -> tuple[list[cases.Case], dict[str, str]]:
    return peers.cases(server, given.home, events, 5_000) if _asked(given, "route") else ([], {})


def _asked(given: argparse.Namespace, group: str) -> bool:
    return not given.only or group in given.only


def _group(case: cases.Case) -> str:
    """Return the group of --only that a case belongs to."""
    named = {"held": "idle", "bulk": "emit"}.get(case.group, case.group)
    return named if named in _GROUPS else "other"


def _failures(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Return the cases that failed, with the first line of the error."""
    failed = [row for row in rows if "error" in row]
    return {
        f"{row['system']}, {row['label']}, {row['settings']}": row["error"].splitlines()[0] for row in failed
    }


def _about(server: BenchServer, given: argparse.Namespace, events: int, repeats: int) -> dict[str, Any]:
    return {
        "taken": datetime.now(UTC).date().isoformat(),
        "command": " ".join(
            ["python -m bench", *(f"--{name}" for name in ("scale", "dagster", "long") if vars(given)[name])]
        ),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "server": server.version(),
        "settings": given.settings,
        "events": events,
        "repeats": repeats,
        "webhooks": given.webhooks,
        "senders": webhooks.versions(),
    }


if __name__ == "__main__":
    raise SystemExit(main())
