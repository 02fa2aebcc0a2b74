"""Evidence: the asset and the job that run every proof and write the results as an evidence pack.

If the mount says when evidence is due, an automation condition of the asset requests it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import dagster as dg
from pydantic import Field

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import verification
from iu_pipelines.defs.kit import code_references
from iu_pipelines.defs.kit.asset_metadata import table
from iu_pipelines.defs.kit.checks import fail_if_red
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.freshness import due_by
from iu_pipelines.defs.kit.resources import current_settings
from iu_pipelines.defs.kit.step_errors import one_clear_line
from iu_pipelines.defs.kit.validated_config import validated
from iu_pipelines.errors import PermissionDenied
from iu_pipelines.evidence import collect, facts, ledgers, pack, store
from iu_pipelines.evidence.facts import Evidence
from iu_pipelines.evidence.pack import Pack
from iu_pipelines.evidence.states import States, word
from iu_pipelines.settings import sql_root

EVIDENCE: Final = "iu_evidence"


class EvidenceConfig(dg.Config):
    """The scope of the evidence."""

    probes: bool = Field(
        default=True,
        description="Also run the probes. Set false for a role that does not own the objects.",
    )


def definitions(mount: Mount) -> dg.Definitions:
    """Return the asset of the evidence, the job that materializes it, and the sensor of its condition."""
    proofs = asset(mount)
    return dg.Definitions(
        assets=[proofs],
        jobs=[job(mount, proofs)],
        sensors=[sensor(mount, proofs)] if mount.evidence_cron else [],
    )


def asset(mount: Mount) -> dg.AssetsDefinition:
    """Return the asset of the evidence, with a check that every line of every proof passes."""
    verdict = dg.AssetCheckSpec(
        "every_line_passes",
        asset=mount.key(EVIDENCE),
        description="Every line of the verify files, the probes and the verification of the ledgers passed.",
    )

    @dg.asset(
        key=mount.key(EVIDENCE),
        deps=[mount.key("iu_route_attempt"), mount.key("iu_route_dead_letter"), mount.key("iu_health_audit")],
        required_resource_keys=mount.requires,
        check_specs=[verdict],
        automation_condition=_due(mount.evidence_cron) if mount.evidence_cron else None,
        freshness_policy=due_by(mount.evidence_cron) if mount.evidence_cron else None,
        description=(
            "Proof that the guarantees hold: the read-only verify files, the probes, which roll back all "
            "changes, and the verification of the ledgers. The database is left unchanged. The results are "
            "written as an evidence pack with an HTML report under IU_HOME, or to IU_EVIDENCE_STORE."
        ),
        metadata=code_references.of_sql(
            *(
                f"{folder}/{path.name}"
                for folder in ("verify", "sandbox")
                for path in sorted((sql_root() / "iu-core" / folder).glob("*.sql"))
            )
        ),
        group_name=mount.group,
        owners=mount.owners,
        kinds=set(mount.kinds),
    )
    def iu_evidence(
        context: dg.AssetExecutionContext, config: EvidenceConfig
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with one_clear_line(), mount.open(context.resources) as gateway:
            pack.require_extra()
            if config.probes:
                _require_owner(gateway)
            directory = pack.default_directory(current_settings().evidence_location, gateway)
            newest = pack.newest(directory)
            gathered = collect.collect(
                gateway, newest, workers=mount.workers, probes=config.probes, say=context.log.info
            )
            written = pack.write(gathered, directory, pack.only_writer(gateway))
            ledgers.record_pack(gateway, written.hash, gathered.verdict.passed)
        judged = _verdict(gathered, written)
        yield dg.MaterializeResult(metadata=_pack(written) | _lines(gathered), check_results=[judged])
        fail_if_red(mount, judged)

    return iu_evidence


def _require_owner(gateway: Gateway) -> None:
    try:
        verification.require_owner(gateway)
    except PermissionDenied as error:
        error.hint = (
            "Set probes: false in the config of iu_evidence, which leaves the probes out, "
            "or let the login of the outbox be a member of that role."
        )
        raise


def _due(cron: str) -> dg.AutomationCondition[Any]:
    """Return the condition that `cron` has ticked since the last evidence, and none is in progress."""
    # Its annotation admits no condition that is about assets alone.
    ticked = dg.AutomationCondition.cron_tick_passed(cron).since_last_handled()  # type: ignore[misc]
    return (ticked & ~dg.AutomationCondition.in_progress()).with_label(f"due: {cron}")


def sensor(mount: Mount, evidence: dg.AssetsDefinition) -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that evaluates the condition of the evidence, and of no other asset.

    Without it, Dagster would add a sensor of its own to the code location.
    """
    return dg.AutomationConditionSensorDefinition(
        name=mount.named("evidence_sensor"),
        target=[evidence],
        default_status=mount.sensor_status("evidence_sensor", only_reads=True),
        description="Materialize the evidence when it is due.",
    )


def _pack(written: Pack) -> dict[str, Any]:
    return {
        "stopped_reason": "done",
        **_report(written),
        "pack": written.number,
        "pack_hash": written.hash,
    }


def _report(written: Pack) -> dict[str, Any]:
    chosen = current_settings()
    url = pack.report_url(written, str(chosen.evidence_url) if chosen.evidence_url else None)
    links = {"report_url": dg.MetadataValue.url(url)} if url else {}
    return {"report": dg.MetadataValue.path(store.text_of(written.report)), **links}


def _lines(gathered: Evidence) -> dict[str, Any]:
    return {
        "files": len(gathered.proofs),
        "lines": gathered.verdict.lines,
        "failed": gathered.verdict.failed,
        "guarantees": _guarantees(gathered),
        "proof": proof_table(gathered.proofs),
    }


def _guarantees(gathered: Evidence) -> dg.TableMetadataValue:
    states = States(gathered)
    return table(
        ["guarantee", "result"],
        [[promise.text, word(states.guarantee(promise), 1)] for promise in gathered.guarantees],
    )


def proof_table(proofs: Sequence[facts.Proof | verification.Proof]) -> dg.TableMetadataValue:
    """Return the lines of `proofs` as a table."""
    return table(
        ["file", "line", "expected", "seen", "result"],
        [
            [proof.step, line.name, line.expected, line.seen, "PASS" if line.passed else "FAIL"]
            for proof in proofs
            for line in proof.lines
        ],
    )


def _verdict(gathered: Evidence, written: Pack) -> dg.AssetCheckResult:
    failed = [proof.step for proof in gathered.proofs if not proof.passed]
    return dg.AssetCheckResult(
        check_name="every_line_passes",
        passed=gathered.verdict.passed,
        metadata={
            "failed": ", ".join(failed) or "none",
            **_report(written),
        },
    )


def job(mount: Mount, evidence: dg.AssetsDefinition) -> Any:
    """Return the job that materializes the evidence."""
    return dg.define_asset_job(
        mount.named("evidence_job"),
        selection=dg.AssetSelection.assets(evidence),
        description="Run every verify file and probe, verify the ledgers, and write an evidence pack.",
        config=validated(EvidenceConfig, evidence.op.name),
        executor_def=mount.executor,
    )
