"""Dead letters: their asset and check, the job that replays them, and the sensor that starts this job."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import dagster as dg
from pydantic import Field

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit import checks, questions, tags
from iu_pipelines.defs.kit.asset_metadata import metadata, table
from iu_pipelines.defs.kit.cancellation import deferred_cancellation, is_cancelled
from iu_pipelines.defs.kit.checks import Check
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.configured_asset import configured_asset, node_name
from iu_pipelines.defs.kit.questions import Question
from iu_pipelines.defs.kit.runs import unfinished_run
from iu_pipelines.defs.kit.validated_config import uuid_or, validated
from iu_pipelines.domain import dead_letters, gates
from iu_pipelines.domain.dead_letters import DeadLetter, ReplayResult

MAX_LETTERS: Final = 10_000
_SHOWN: Final = 50


class ReplayConfig(dg.Config):
    """The open dead letters to replay. A letter is replayed if it matches every filter that is set."""

    dead_letter_id: Annotated[str, uuid_or("")] = Field(
        default="",
        description="Replay only this letter, also if its replay cannot succeed. Empty: all letters that "
        "match the filters.",
    )
    route_code: str = Field(default="", max_length=100, description="Only letters of this route. Empty: any.")
    failure_code: str = Field(
        default="", max_length=100, description="Only letters with this failure code. Empty: any."
    )
    older_than_seconds: float = Field(
        default=0.0,
        ge=0,
        le=31_536_000,
        description="Only letters that are at least this old, up to 31,536,000. 0: any.",
    )
    replayable_only: bool = Field(
        default=True,
        description="Only letters whose replay can succeed now: their route is enabled and dry-run, and they "
        "are due or the route was changed after their last attempt.",
    )
    max_attempts: int = Field(
        default=0, ge=0, description="Only letters with fewer attempts than this. 0: any."
    )
    limit: int = Field(
        default=100,
        ge=1,
        le=MAX_LETTERS,
        description="Maximum number of letters, 1 to 10,000. Those that are due first are replayed.",
    )
    letters_per_second: float = Field(
        default=50.0,
        gt=0,
        le=1_000,
        description="Maximum number of replays per second, above 0 and up to 1,000.",
    )
    preview: bool = Field(default=False, description="Only count and list the matching letters.")


def definitions(mount: Mount) -> dg.Definitions:
    """Return the asset of dead letters, its check, and the job and the sensor that replay them."""
    letters, letters_open = asset(mount), checks.definition(mount, DEAD_LETTERS_OPEN)
    replay_job = job(mount, letters, letters_open)
    return dg.Definitions(
        assets=[letters],
        asset_checks=[letters_open],
        jobs=[replay_job],
        sensors=[sensor(mount, replay_job)],
    )


def asset(mount: Mount) -> dg.AssetsDefinition:
    """Return the asset of dead letters. Materializing it replays the open letters that the config selects."""
    spec = dg.AssetSpec(
        mount.key("iu_route_dead_letter"),
        deps=[mount.key("iu_route_attempt")],
        description=(
            "Events whose processing failed. Materializing this asset replays the open letters that the "
            "config selects, by default those whose replay can succeed; each replay writes one more attempt."
        ),
        metadata=metadata(
            "iu_route_dead_letter",
            DeadLetter,
            "objects/dead_letters/fn_iu_route_dead_letter_replay.sql",
            "objects/dead_letters/fn_iu_route_dead_letter_discard.sql",
            "runtime/050_worker.sql",
        ),
        group_name=mount.group,
        owners=mount.owners,
        kinds=set(mount.kinds),
    )

    def replay(
        context: dg.OpExecutionContext, gateway: Gateway, config: ReplayConfig
    ) -> dg.MaterializeResult[Any]:
        context.instance.add_run_tags(context.run.run_id, {tags.REPLAY: mount.tag("replay")})
        return _replay(context, gateway, mount, config)

    return configured_asset(mount, spec, "replay_dead_letters", ReplayConfig, replay)


def _replay(
    context: dg.OpExecutionContext, gateway: Gateway, mount: Mount, config: ReplayConfig
) -> dg.MaterializeResult[Any]:
    letters = _select(gateway, config)
    context.log.info("%s open letters match", len(letters))
    if config.preview:
        return _result(gateway, letters, [], "preview")
    results: list[ReplayResult] = []
    with deferred_cancellation():
        results.extend(_paced(gateway, letters, config.letters_per_second, context.run.run_id))
        reason = _stopped_reason(letters, results)
    made = _result(gateway, letters, results, reason)
    if reason == "cancelled":
        context.log_event(
            dg.AssetMaterialization(mount.key("iu_route_dead_letter"), metadata=made.metadata, tags=made.tags)
        )
        DEAD_LETTERS_OPEN.log(context, gateway, mount)
        raise dg.DagsterExecutionInterruptedError
    return made


def _result(
    gateway: Queries, letters: list[DeadLetter], results: list[ReplayResult], stopped_reason: str
) -> dg.MaterializeResult[Any]:
    """Return the summary of a run. Its data version changes with the set of open letters."""
    summary = _summary(gateway, letters, results, stopped_reason)
    newest = dead_letters.newest_open(gateway)
    return dg.MaterializeResult(
        metadata=summary, data_version=dg.DataVersion(f"{summary['open_after']} open, newest {newest}")
    )


def _select(gateway: Queries, config: ReplayConfig) -> list[DeadLetter]:
    if config.dead_letter_id:
        return [dead_letters.letter(gateway, UUID(config.dead_letter_id))]
    choose = dead_letters.list_replayable if config.replayable_only else dead_letters.list_letters
    return choose(
        gateway,
        route_code=config.route_code or None,
        failure_code=config.failure_code or None,
        older_than=timedelta(seconds=config.older_than_seconds) if config.older_than_seconds else None,
        max_attempts=config.max_attempts or None,
        limit=config.limit,
    )


def _paced(
    gateway: Queries, letters: list[DeadLetter], per_second: float, run_ref: str
) -> Iterator[ReplayResult]:
    started = time.monotonic()
    for place, letter in enumerate(letters):
        time.sleep(max(0.0, started + place / per_second - time.monotonic()))
        if is_cancelled():
            return
        result = dead_letters.replay(gateway, letter.dead_letter_id, run_ref)
        yield result
        if result.status == "master_gate_closed":
            return


def _stopped_reason(letters: list[DeadLetter], results: list[ReplayResult]) -> str:
    if results and results[-1].status == "master_gate_closed":
        return "gate_closed"
    return "cancelled" if len(results) < len(letters) else "drained"


def _summary(
    gateway: Queries, letters: list[DeadLetter], results: list[ReplayResult], stopped_reason: str
) -> dict[str, Any]:
    decided = {result.dead_letter_id: result for result in results}
    tried = [result for result in results if result.status == "replayed"]
    return {
        "stopped_reason": stopped_reason,
        "matching": len(letters),
        "replayed": len(tried),
        "resolved": sum(result.resolved for result in tried),
        "still_open": sum(not result.resolved for result in tried),
        "open_after": dead_letters.count_open(gateway),
        "decisions": dict(Counter(str(result.decision) for result in tried)),
        "letters": table(
            ["letter", "route", "failure", "attempts", "result"],
            [_row(letter, decided.get(letter.dead_letter_id)) for letter in letters[:_SHOWN]],
        ),
    }


def _row(letter: DeadLetter, result: ReplayResult | None) -> list[object]:
    outcome = (
        ""
        if result is None
        else f"{result.decision or result.status}{', resolved' if result.resolved else ''}"
    )
    count = letter.attempts + (result is not None and result.status == "replayed")
    return [letter.dead_letter_id, letter.route_code, letter.failure_code, count, outcome]


def _dead_letters_open(gateway: Gateway, _mount: Mount) -> tuple[bool, dict[str, Any]]:
    count = dead_letters.count_open(gateway)
    return count == 0, {"dead_letter_open": count}


DEAD_LETTERS_OPEN: Final = Check(
    name="dead_letters_open",
    asset="iu_route_dead_letter",
    description="No dead letter is open.",
    ask=_dead_letters_open,
    severity=dg.AssetCheckSeverity.WARN,
)


def job(mount: Mount, letters: dg.AssetsDefinition, letters_open: dg.AssetChecksDefinition) -> Any:
    """Return the job that replays dead letters and then checks whether one is open."""
    return dg.define_asset_job(
        mount.named("dead_letter_replay_job"),
        selection=dg.AssetSelection.assets(letters).without_checks() | dg.AssetSelection.checks(letters_open),
        config=validated(ReplayConfig, node_name(letters.key)),
        description="Replay one dead letter, or all that match the filters. With `preview`, only list them.",
        tags={tags.REPLAY: mount.tag("replay")},
        executor_def=mount.executor,
    )


def sensor(mount: Mount, replay_job: Any) -> dg.SensorDefinition:
    """Return the sensor that starts the job if letters exist whose replay can succeed now."""
    return questions.sensor(mount, REPLAYABLE, replay_job)


def _reason(gateway: Queries, mount: Mount) -> str | None:
    """Return why no run is needed, or None if a letter exists whose replay can succeed now."""
    if not gates.list_gates(gateway)[0].is_open:
        return "the master gate is closed"
    open_letters = dead_letters.count_open(gateway)
    if not open_letters:
        return "no dead letter is open"
    if dead_letters.list_replayable(gateway, max_attempts=mount.replay_attempts, limit=1):
        return None
    return (
        f"{open_letters:,} letters are open, but no replay can succeed now: their route is missing, "
        f"disabled or not dry-run, they are not due, or they have {mount.replay_attempts} attempts"
    )


def _request(instance: dg.DagsterInstance, mount: Mount, reason: str | None) -> list[dg.RunRequest | str]:
    if reason:
        return [reason]
    wanted = {tags.REPLAY: mount.tag("replay")}
    busy = unfinished_run(instance, wanted)
    if busy:
        return [f"run {busy} is already queued or running"]
    config = {"replayable_only": True, "max_attempts": mount.replay_attempts}
    return [dg.RunRequest(run_config=config, tags=wanted)]


REPLAYABLE: Final = Question(
    sensor="dead_letter_replay_sensor",
    job="dead_letter_replay_job",
    description=lambda _mount: (
        "Replay open letters whose route is enabled and dry-run, if they are due or if their route was "
        "changed after their last attempt. Other letters are not replayed."
    ),
    look=_reason,
    decide=_request,
    least_seconds=30,
)
"""Whether a dead letter exists whose replay can succeed now."""
