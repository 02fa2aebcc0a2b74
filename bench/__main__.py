"""`python -m bench`: measure, print table and goals, write bench/results/ and docs/performance.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import cases, dagster_share, engine, peers, report, scale
from bench.server import BenchServer


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    if given.what == "report":
        report.write()
        return 0
    given.home.mkdir(parents=True, exist_ok=True)
    if not given.resume:
        for old in given.home.glob("*.jsonl"):
            old.unlink()
        (given.home / "dagster.json").unlink(missing_ok=True)
    server = BenchServer(given.home, given.pg_bin)
    try:
        results = _measure(server, given)
    finally:
        server.stop()
    found = report.lines(results["rows"])
    print("\n" + report.table(found) + "\n")
    for said in report.chain_lines(found):
        print(said + "\n")
    for name, reason in results["missing"].items():
        print(f"missing: {name}: {reason}")
    print("\n" + report.goals_table(report.goals(found, results["scale"], results["dagster"])))
    if not given.quick:
        report.keep(results)
        report.write()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=["run", "report"], default="run", help="report: only write the page anew"
    )
    parser.add_argument("--quick", action="store_true", help="under a minute, without peers; writes no page")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    parser.add_argument("--scale", action="store_true", help="the curves too: takes long")
    parser.add_argument("--scale-sizes", default="0,1000000,10000000", help="numbers of old events")
    parser.add_argument("--dagster", action="store_true", help="Dagster's share too")
    parser.add_argument("--resume", action="store_true", help="go on where the last run was cut off")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument(
        "--home", type=Path, default=Path(".iu/bench"), help="where the server and the logs live"
    )
    parser.add_argument(
        "--pg-bin",
        type=lambda given: Path(given).absolute(),
        help="another PostgreSQL's programs, for example one that has PgQ",
    )
    return parser


def _measure(server: BenchServer, given: argparse.Namespace) -> dict[str, Any]:
    events, repeats, seconds = (20_000, 1, 1.5) if given.quick else (given.events, given.repeats, 4.0)
    clients = [1, 16] if given.quick else [1, 4, 16]
    todo = engine.cases(server, events, [100, 1000, 10_000], clients, seconds)
    missing: dict[str, str] = {}
    if given.quick or given.no_peers:
        missing["all peers"] = "left out of this run"
    else:
        peer_cases, missing = peers.cases(server, given.home, events, 5_000)
        todo += peer_cases
    log = given.home / "cases.jsonl"
    cases.run_all(server, todo, repeats, log)
    curves, share = given.home / "scale.jsonl", given.home / "dagster.json"
    if given.scale and not curves.exists():
        sizes = [int(size) for size in given.scale_sizes.split(",")]
        scale.measure(server, sizes, max(sizes), curves)
    if given.dagster and not share.exists():
        dagster_share.write(share, dagster_share.measure(server, 5 * events, 10 * events, min(repeats, 3)))
    return {
        "about": _about(server, given, events, repeats),
        "missing": missing,
        "rows": cases.read(log),
        "scale": cases.read(curves),
        "dagster": json.loads(share.read_text(encoding="utf-8")) if share.exists() else {},
    }


def _about(server: BenchServer, given: argparse.Namespace, events: int, repeats: int) -> dict[str, Any]:
    return {
        "taken": datetime.now(UTC).date().isoformat(),
        "command": " ".join(
            ["python -m bench", *(f"--{name}" for name in ("scale", "dagster") if vars(given)[name])]
        ),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "server": server.version(),
        "events": events,
        "repeats": repeats,
    }


if __name__ == "__main__":
    raise SystemExit(main())
