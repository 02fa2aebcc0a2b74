"""Asset checks of the steps: one read-only check for each verify file, with its lines as a table."""

from collections.abc import Iterator
from typing import Final

import dagster as dg

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import verification
from iu_pipelines.defs.evidence import proof_table
from iu_pipelines.defs.kit.checks import fail_if_red
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.signatures import signed
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.settings import sql_root

_PREFIX: Final = "verify_"


def definitions(mount: Mount) -> dg.Definitions:
    """Return the checks of the steps."""
    return dg.Definitions(asset_checks=[checks(mount)])


def checks(mount: Mount) -> dg.AssetChecksDefinition:
    """Return the checks, one for each verify file. They belong to `iu_health_audit`, whose job runs them."""
    files = (sql_root() / "iu-core" / "verify").glob("[0-9][0-9][0-9]_*.sql")

    @dg.multi_asset_check(
        name=mount.named("verify_steps"),
        specs=[_spec(mount, name) for name in sorted(file.stem for file in files)],
        can_subset=True,
        required_resource_keys=mount.requires,
        description="Run the verify files of the installed steps, read-only.",
    )
    @signed
    def verify_steps(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        results = []
        with one_clear_line(), mount.open(context.resources) as gateway:
            for key in sorted(context.selected_asset_check_keys, key=lambda key: key.name):
                results.append(_verify(gateway, mount, key))
                yield results[-1]
        fail_if_red(mount, *results)

    return verify_steps


def _spec(mount: Mount, step: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        f"{_PREFIX}{step}",
        asset=mount.key("iu_health_audit"),
        description=f"The step is applied as recorded, and every line of verify/{step}.sql passes.",
    )


def _verify(gateway: Gateway, mount: Mount, key: dg.AssetCheckKey) -> dg.AssetCheckResult:
    proofs = verification.verify(gateway, key.name.removeprefix(_PREFIX), workers=mount.workers)
    failed = [line.name for proof in proofs for line in proof.lines if not line.passed]
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not failed,
        metadata={
            "lines": sum(len(proof.lines) for proof in proofs),
            "failed": "; ".join(failed) or "none",
            "proof": proof_table(proofs),
        },
    )
