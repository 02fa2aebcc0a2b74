"""Break each promise about event jobs on purpose: the tests of the promise must fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import dagster as dg
import pytest
from _pytest.outcomes import Failed

from defs import test_event_assets, test_event_fates, test_event_jobs
from defs.handling import Handling
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs import event_fates, event_requests, event_runs
from iu_pipelines.defs.event_fates import Fates
from iu_pipelines.domain import deliveries, delivery_heads
from iu_pipelines.domain.deliveries import Claim, Outcome
from iu_pipelines.domain.delivery_heads import OpenClaim

Patch = pytest.MonkeyPatch
Scenario = Callable[[Handling, Patch], None]


def bare_run_keys(patch: Patch) -> None:
    """Request a run under the key of its delivery alone: a run key is used once and for all."""
    whole = event_requests._Tick._request

    def request(tick: Any, launch: str, *rest: Any) -> dg.RunRequest:
        return whole(tick, launch, *rest)._replace(run_key=launch)

    patch.setattr(event_requests._Tick, "_request", request)


def launch_numbers_that_only_rise(patch: Patch) -> None:
    """Give a run that was never launched another run key: nobody launches it."""
    whole = event_requests._next_number
    patch.setattr(event_requests, "_next_number", lambda earlier, claims: (whole(earlier, claims) or 0) + 1)


def runs_launched_without_a_pause(patch: Patch) -> None:
    """Launch a run again in each tick though it ends before it claims."""
    patch.setattr(event_requests, "_LONGEST_PAUSE", 0.0)


def runs_that_ask_nobody(patch: Patch) -> None:
    """Claim what is due, whatever Dagster knows about the run that claimed it before."""
    patch.setattr(event_fates, "settle", lambda *_arguments: Fates(0, (), ()))


def runs_that_forget_what_they_claimed(patch: Patch) -> None:
    """Handle what a claim returned, and not what the run has claimed."""
    whole, answers = delivery_heads.claim, list[Claim]()

    def claim(*arguments: Any) -> list[Claim]:
        answers.extend(whole(*arguments))
        return answers

    patch.setattr(delivery_heads, "claim", claim)
    patch.setattr(
        delivery_heads, "claimed", lambda *_arguments: [OpenClaim("search", "other", one) for one in answers]
    )


def outcomes_before_the_handler(patch: Patch) -> None:
    """Record that an event is sent, and then call the handler."""
    whole = event_runs._handled

    def handled(context: Any, job: Any, claim: Claim) -> Any:
        gateway = context.resources.sender
        with Gateway(gateway.url()) as opened:
            deliveries.record(opened, [Outcome(claim.claim_id, claim.fence, "sent")])
        return whole(context, job, claim)

    patch.setattr(event_runs, "_handled", handled)


def interruptions_that_give_nothing_back(patch: Patch) -> None:
    """Leave the claims of a run that is interrupted to the next tick."""
    patch.setattr(event_runs, "_give_back", lambda *_arguments: False)


def outages_that_are_forgotten(patch: Patch) -> None:
    """Leave no trace of what was handled while the database was away."""
    patch.setattr(event_runs, "_note_handled", lambda *_arguments: None)


def ticks_that_settle_nothing(patch: Patch) -> None:
    """Wait for an event of Dagster that says that a run ended."""
    patch.setattr(event_requests._Tick, "_settle", lambda *_arguments: set())


def successes_that_are_retried(patch: Patch) -> None:
    """Take every claim without an outcome for one that was not finished."""
    patch.setattr(event_fates._Run, "_is_successful", lambda _run: False)


def statuses_that_are_trusted(patch: Patch) -> None:
    """Take what a successful run claimed for sent, though it made nothing."""

    def is_successful(run: Any) -> bool:
        return bool(run._run.status == dg.DagsterRunStatus.SUCCESS)

    patch.setattr(event_fates._Run, "_is_successful", is_successful)


def assets_that_are_taken_for_made(patch: Patch) -> None:
    """Take the events of any run of assets for sent."""
    patch.setattr(event_fates._Run, "_has_made_all", lambda _run: True)


def leases_that_end(patch: Patch) -> None:
    """Never prolong the lease of a run that goes on."""
    patch.setattr(delivery_heads, "prolong", lambda *_arguments: 0)


def hosts_that_never_die(patch: Patch) -> None:
    """Believe a run that says that it goes on, though its maximum runtime is over."""
    patch.setattr(event_fates, "is_gone", lambda _record: False)
    patch.setattr(event_requests, "is_gone", lambda _record: False)


def events_that_all_count(patch: Patch) -> None:
    """Count a failure of each event of a run that was killed."""
    whole = event_fates._Run._undone
    patch.setattr(event_fates._Run, "_undone", lambda run, claim, **_begun: whole(run, claim, begun=True))


def of(test: Callable[..., None], *arguments: Any) -> Scenario:
    """Return a test without a fixture but `handling` as a scenario."""

    def scenario(handling: Handling, _patch: Patch) -> None:
        test(handling, *arguments)

    scenario.__name__ = test.__name__
    return scenario


def an_asset_fails(handling: Handling, _patch: Patch) -> None:
    test_event_assets.test_an_asset_that_fails_leaves_the_events_for_the_next_run(
        test_event_assets.two_events(handling), "second"
    )


def an_outage(handling: Handling, patch: Patch) -> None:
    test_event_fates.test_what_was_handled_in_a_long_outage_is_left_in_dagster_and_recorded_by_the_sensor(
        handling, patch, "sends"
    )


JOBS: Final = test_event_jobs
FATES: Final = test_event_fates
BREAKS: Final[list[tuple[Callable[[Patch], None], Scenario]]] = [
    (bare_run_keys, JOBS.test_a_run_that_ended_before_it_claimed_is_launched_again_after_a_pause),
    (launch_numbers_that_only_rise,
     of(JOBS.test_a_run_that_was_never_launched_is_requested_under_its_run_key)),
    (runs_launched_without_a_pause,
     JOBS.test_a_run_that_ended_before_it_claimed_is_launched_again_after_a_pause),
    (runs_that_ask_nobody, of(JOBS.test_a_run_leaves_what_another_run_is_working_on)),
    (runs_that_forget_what_they_claimed, of(JOBS.test_a_step_that_is_tried_again_takes_up_what_it_claimed)),
    (outcomes_before_the_handler, of(JOBS.test_one_event_that_fails_leaves_the_others)),
    (interruptions_that_give_nothing_back,
     of(JOBS.test_a_cancelled_run_gives_back_what_it_did_not_begin, KeyboardInterrupt, False)),
    (outages_that_are_forgotten, an_outage),
    (ticks_that_settle_nothing,
     of(FATES.test_of_a_run_that_was_killed_only_the_event_that_it_had_begun_counts_a_failure,
        dg.DagsterRunStatus.FAILURE)),
    (successes_that_are_retried, of(FATES.test_what_a_successful_run_did_not_record_is_sent)),
    (statuses_that_are_trusted, of(FATES.test_a_successful_run_that_made_nothing_has_sent_nothing)),
    (assets_that_are_taken_for_made, an_asset_fails),
    (leases_that_end,
     of(FATES.test_the_lease_of_a_run_that_goes_on_is_prolonged, dg.DagsterRunStatus.STARTED)),
    (hosts_that_never_die, of(JOBS.test_a_run_whose_time_is_over_holds_nothing)),
    (events_that_all_count,
     of(FATES.test_of_a_run_that_was_killed_only_the_event_that_it_had_begun_counts_a_failure,
        dg.DagsterRunStatus.CANCELED)),
]  # fmt: skip


@pytest.mark.parametrize(("broke", "scenario"), BREAKS, ids=lambda part: part.__name__)
def test_a_broken_promise_is_noticed(
    handling: Handling, monkeypatch: Patch, broke: Callable[[Patch], None], scenario: Scenario
) -> None:
    broke(monkeypatch)
    with pytest.raises((AssertionError, IndexError, ValueError, Failed)):
        scenario(handling, monkeypatch)
