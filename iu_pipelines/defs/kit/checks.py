"""Asset checks of one outbox: how they open its database, and when a failed one fails its run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.signatures import signed
from iu_pipelines.defs.kit.step_errors import one_clear_line


@dataclass(frozen=True)
class Check:
    """One check of one asset: its names, and the function that asks the database.

    `ask` returns whether the check passed, and its metadata. A failed check with `blocking` stops the assets
    downstream of it in the same run. A failed check with the severity WARN never fails a run.
    """

    name: str
    asset: str
    description: str
    ask: Callable[[Gateway, Mount], tuple[bool, Mapping[str, Any]]]
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    blocking: bool = False

    def result(self, gateway: Gateway, mount: Mount) -> dg.AssetCheckResult:
        """Ask the database and return the result."""
        passed, metadata = self.ask(gateway, mount)
        return dg.AssetCheckResult(
            passed=passed,
            asset_key=mount.key(self.asset),
            check_name=self.name,
            severity=self.severity,
            metadata=metadata,
        )

    def log(self, context: dg.OpExecutionContext, gateway: Gateway, mount: Mount) -> None:
        """Ask the database, and log the result in a run that does not execute the check."""
        # Dagster accepts this event, but its annotation does not say so.
        context.log_event(self.evaluation(gateway, mount))  # type: ignore[arg-type]

    def evaluation(self, gateway: Gateway, mount: Mount) -> dg.AssetCheckEvaluation:
        """Ask the database and return an event, for a run or a sensor that does not execute the check."""
        result = self.result(gateway, mount)
        return dg.AssetCheckEvaluation(
            asset_key=mount.key(self.asset),
            check_name=self.name,
            passed=result.passed,
            metadata=result.metadata,
            severity=self.severity,
        )


def definition(mount: Mount, check: Check) -> dg.AssetChecksDefinition:
    """Return the definition of `check`, whose step fails as `fail_if_red` says."""

    @dg.multi_asset_check(
        name=mount.named(check.name), specs=[_spec(mount, check)], required_resource_keys=mount.requires
    )
    @signed
    def checked(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with one_clear_line(), mount.open(context.resources) as gateway:
            result = check.result(gateway, mount)
        yield result
        fail_if_red(mount, result)

    return checked


def definition_of_all(mount: Mount, name: str, checks: Sequence[Check]) -> dg.AssetChecksDefinition:
    """Return one definition of `checks`, whose step `name` may execute some of them on one connection."""
    by_key = {(mount.key(check.asset), check.name): check for check in checks}

    @dg.multi_asset_check(
        name=mount.named(name),
        specs=[_spec(mount, check) for check in checks],
        can_subset=True,
        required_resource_keys=mount.requires,
    )
    @signed
    def checked(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        results = []
        with one_clear_line(), mount.open(context.resources) as gateway:
            for key in sorted(context.selected_asset_check_keys, key=lambda key: (key.asset_key, key.name)):
                results.append(by_key[key.asset_key, key.name].result(gateway, mount))
                yield results[-1]
        fail_if_red(mount, *results)

    return checked


def _spec(mount: Mount, check: Check) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        check.name, asset=mount.key(check.asset), description=check.description, blocking=check.blocking
    )


def fail_if_red(mount: Mount, *results: dg.AssetCheckResult) -> None:
    """Fail the step if `mount.red_fails_run` and one of `results` failed with the severity ERROR.

    Dagster marks a run as successful although a check failed in it, so without this nobody is told.
    """
    failed = [
        str(one.check_name)
        for one in results
        if not one.passed and one.severity == dg.AssetCheckSeverity.ERROR
    ]
    if mount.red_fails_run and failed:
        raise dg.Failure(
            description=f"failed checks: {', '.join(failed)} (red_fails_run is set)", allow_retries=False
        )
