"""The evidence: every proof and probe of the installed steps, with their lines."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from iu_pipelines.db import steps
from iu_pipelines.db.steps import Proof
from iu_pipelines.defs.failures import one_clear_line
from iu_pipelines.defs.launchpad import LOGGED
from iu_pipelines.defs.mount import OWNER, Mount
from iu_pipelines.defs.spec import KINDS, code_references, markdown_table


def asset(mount: Mount) -> dg.AssetsDefinition:
    """Return the evidence; a line that did not pass fails its check."""
    verdict = dg.AssetCheckSpec(
        "every_line_passes",
        asset=mount.key("iu_evidence"),
        description="Every line of every verify and sandbox file passed.",
    )

    @dg.asset(
        key=mount.key("iu_evidence"),
        deps=[mount.key("iu_route_attempt"), mount.key("iu_route_dead_letter"), mount.key("iu_health_audit")],
        required_resource_keys=mount.requires,
        check_specs=[verdict],
        description=(
            "Proof that the guarantees hold: the read-only verify files, and the probes that emit, run, "
            "replay and roll back. Leaves no trace."
        ),
        metadata={
            "dagster/code_references": code_references(
                "verify/100_route_worker_live_verification.sql",
                "sandbox/040_worker_live_dryrun_probe.sql",
                "sandbox/050_trigger_in_out_dlq_probe.sql",
            )
        },
        group_name=mount.group,
        owners=[OWNER],
        kinds=KINDS,
    )
    def iu_evidence(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        with one_clear_line(), mount.open(context.resources) as gateway:
            proofs = [*steps.verify(gateway), *steps.probe(gateway)]
        return dg.MaterializeResult(metadata=_lines(proofs), check_results=[_verdict(proofs)])

    return iu_evidence


def _lines(proofs: Sequence[Proof]) -> dict[str, Any]:
    lines = [line for proof in proofs for line in proof.lines]
    return {
        "stopped_reason": "done",
        "files": len(proofs),
        "lines": len(lines),
        "failed": sum(not line.passed for line in lines),
        "proof": proof_table(proofs),
    }


def proof_table(proofs: Sequence[Proof]) -> dg.MarkdownMetadataValue:
    """Return the lines of *proofs* as a table."""
    return markdown_table(
        ["file", "line", "expected", "seen", ""],
        [
            [line.step, line.name, line.expected, line.seen, "PASS" if line.passed else "**FAIL**"]
            for proof in proofs
            for line in proof.lines
        ],
    )


def _verdict(proofs: Sequence[Proof]) -> dg.AssetCheckResult:
    failed = [proof.step for proof in proofs if not proof.passed]
    return dg.AssetCheckResult(
        check_name="every_line_passes", passed=not failed, metadata={"failed": ", ".join(failed) or "none"}
    )


def job(mount: Mount, evidence: dg.AssetsDefinition) -> Any:
    """Return the job that gathers the evidence."""
    return dg.define_asset_job(
        mount.named("evidence_job"),
        selection=dg.AssetSelection.assets(evidence),
        description="Run every verify file and every probe, and keep their lines. Changes nothing.",
        config=LOGGED,
        executor_def=dg.in_process_executor,
    )
