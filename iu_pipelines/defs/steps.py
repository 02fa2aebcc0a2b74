"""Asset checks made from the verify files: one check a file, read-only, its lines as a table."""

from typing import Final

import dagster as dg

from iu_pipelines.db import steps
from iu_pipelines.defs.evidence import proof_table
from iu_pipelines.defs.failures import one_clear_line
from iu_pipelines.defs.mount import Mount
from iu_pipelines.settings import sql_root

_PROVES: Final = {
    "020": "iu_health_audit",
    "030": "event_outbox",
    "050": "iu_route_attempt",
    "060": "event_outbox",
}
_ELSE: Final = "iu_health_audit"


def checks(mount: Mount) -> list[dg.AssetChecksDefinition]:
    """Return a check for each verify file, on the asset that the file is about."""
    files = (sql_root() / "iu-core" / "verify").glob("[0-9][0-9][0-9]_*.sql")
    return [_check(mount, name) for name in sorted(file.stem for file in files)]


def _check(mount: Mount, step: str) -> dg.AssetChecksDefinition:
    name = f"verify_{step}"

    @dg.asset_check(
        name=name,
        asset=mount.key(_PROVES.get(step[:3], _ELSE)),
        required_resource_keys=mount.requires,
        description=f"verify/{step}.sql still holds: the step is applied as recorded, and every line passes.",
    )
    def verify(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with one_clear_line(), mount.open(context.resources) as gateway:
            proofs = steps.verify(gateway, step)
        failed = [line.name for proof in proofs for line in proof.lines if not line.passed]
        return dg.AssetCheckResult(
            passed=not failed,
            metadata={
                "lines": sum(len(proof.lines) for proof in proofs),
                "failed": "; ".join(failed) or "none",
                "proof": proof_table(proofs),
            },
        )

    return verify
