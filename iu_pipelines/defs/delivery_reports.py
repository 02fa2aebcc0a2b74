"""The report of a delivery run: the drain itself, observations while it runs, and the summary of each target.

An event in Dagster's storage costs as much as some hundred sends, and no send goes on meanwhile. So an
observation is logged when all of them take at most a twentieth of the time (decision 020).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.delivery_tables import explained, state_metadata
from iu_pipelines.defs.kit.asset_metadata import table
from iu_pipelines.defs.kit.cancellation import deferred_cancellation, is_cancelled
from iu_pipelines.defs.kit.resources import current_settings
from iu_pipelines.defs.targets import ALL
from iu_pipelines.delivery.drain import drain
from iu_pipelines.delivery.reports import DrainLimits, DrainReport, TargetReport
from iu_pipelines.errors import sentences

_SHARE: Final = 0.05
"""The part of a run's time that its observations may take."""

_COUNTS: Final = ("enqueued", "claimed", "sent", "retry", "failed", "stale", "unsent", "unrecorded")


class _Limits(Protocol):
    """The limits in the config of a run."""

    batch_limit: int
    concurrency: int
    max_seconds: float
    linger_seconds: float


class Progress:
    """Logs what a drain has done since the last time, as an observation of each asset that changed.

    It is called in the event loop of the drain, which an error would end with sends under way. So the first
    error ends the observations and not the drain; `raise_first` raises it afterwards.
    """

    def __init__(self, context: dg.OpExecutionContext, chosen: Mapping[dg.AssetKey, str]) -> None:
        self._context = context
        self._chosen = chosen
        self._before = dict.fromkeys(chosen, dict.fromkeys(_COUNTS, 0))
        self._cost = 0.0
        self._logged_at = time.monotonic()
        self._error: Exception | None = None

    def __call__(self, report: DrainReport) -> None:
        """Log what is new, if it is time."""
        begun = time.monotonic()
        if self._error or (begun - self._logged_at) * _SHARE < self._cost:
            return
        try:
            for key, target in self._chosen.items():
                self._observe(key, of_target(report, target), begun - self._logged_at)
        except Exception as error:  # noqa: BLE001  see above
            self._error = error
        self._logged_at = time.monotonic()
        self._cost = self._logged_at - begun

    def raise_first(self) -> None:
        """Raise the error that ended the observations, if there was one."""
        if self._error:
            raise self._error

    def _observe(self, key: dg.AssetKey, found: Sequence[TargetReport], seconds: float) -> None:
        now = _counts(found)
        new = {name: count - self._before[key][name] for name, count in now.items()}
        if not any(new.values()):
            return
        self._before[key] = now
        self._context.log_event(
            dg.AssetObservation(
                key,
                description=f"{new['sent']:,} sent, {new['retry']:,} to retry, {new['failed']:,} failed",
                metadata={**new, "sent_per_second": round(new["sent"] / seconds, 1) if seconds else 0.0},
            )
        )


def drained(
    context: dg.OpExecutionContext, url: str, limits: _Limits, targets: Collection[str], progress: Progress
) -> DrainReport:
    """Deliver what is due to `targets`, and return the report. A cancellation ends it after open sends."""
    with deferred_cancellation():
        report = drain(
            url,
            current_settings(),
            targets=None if ALL in targets else list(targets),
            limits=DrainLimits(
                batch_limit=limits.batch_limit,
                concurrency=limits.concurrency,
                max_seconds=limits.max_seconds,
                linger_seconds=limits.linger_seconds,
            ),
            run_ref=context.run.run_id,
            on_progress=progress,
            should_stop=is_cancelled,
        )
    progress.raise_first()
    return report


def of_target(report: DrainReport, target: str) -> list[TargetReport]:
    """Return the part of a report that is about one target, or all of it."""
    return [one for one in report.targets if target in (ALL, one.target)]


def _counts(found: Sequence[TargetReport]) -> dict[str, int]:
    return {name: sum(getattr(one, name) for one in found) for name in _COUNTS}


def metadata_of(gateway: Gateway, report: DrainReport, target: str, run_id: str) -> dict[str, Any]:
    """Return the summary of a run for one target or for all, and the states of the deliveries after it."""
    found = of_target(report, target)
    sent, seconds = sum(one.sent for one in found), max((one.seconds for one in found), default=0.0)
    problems = [one for one in report.problems if target in (ALL, one.target)]
    return {
        "stopped_reason": ", ".join(dict.fromkeys(one.stopped_reason or "" for one in found))
        or _idle(target),
        **{f"run_{name}": count for name, count in _counts(found).items()},
        "run_sent_per_second": round(sent / seconds, 1) if seconds else 0.0,
        "run_seconds": round(seconds, 3),
        "problems": "; ".join(f"{one.target}: {sentences(one.message, one.hint)}" for one in problems)
        or "none",
        "sender": report.sender,
        "claims_of_this_run": f"select * from public.iu_delivery_ledger where run_ref = '{run_id}'",
        "run": table(
            ["target", *(name for name in _COUNTS), "sent/s", "stopped", "why held"],
            [
                [
                    *(one.target, *(getattr(one, name) for name in _COUNTS), round(one.rate, 1)),
                    *(one.stopped_reason, explained(one.held_reasons)),
                ]
                for one in found
            ],
        ),
        **state_metadata(gateway, target),
    }


def _idle(target: str) -> str:
    return "no route was ever promoted to the target" if target else "no route was ever promoted"


def failure_of(report: DrainReport) -> dg.Failure | None:
    """Return why the step fails although the other targets were served, or None."""
    if not report.problems:
        return None
    first = report.problems[0]
    others = f" ({len(report.problems) - 1} more problems)" if len(report.problems) > 1 else ""
    return dg.Failure(
        description=f"{first.target}: {first.message}{others}",
        metadata={"hint": first.hint or "", "targets": ", ".join(one.target for one in report.problems)},
        allow_retries=False,
    )
