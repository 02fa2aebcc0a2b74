"""Races of sessions that change deliveries: each is deterministic, and catches a broken protocol."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import psycopg
import pytest

from delivery import broken, races
from delivery.races import Race
from delivery.world import DEPLOYMENT, World
from engine.sessions import Session, opened

Scenario = Callable[[Race], list[str]]
Break = Callable[[Session], None]

BREAKS: Final[list[tuple[Scenario, Break]]] = [
    (races.enqueue_while_the_head_is_settled, broken.heads_not_held),
    (races.enqueue_while_the_head_is_set_aside, broken.heads_looked_up_once),
    (races.settle_the_head_while_the_next_is_enqueued, broken.heads_not_held),
    (races.set_aside_the_head_while_the_next_is_enqueued, broken.outcomes_under_a_weak_lock),
    (races.outcomes_of_two_subjects_beside_an_enqueue, broken.outcomes_in_reverse),
    (races.a_new_head_before_one_that_is_held, broken.heads_kept_between_attempts),
    (races.two_claims_of_one_token, broken.claims_side_by_side),
    (races.a_claim_beside_a_decision_that_waits, broken.claims_that_wait),
    (races.two_records_of_one_claim, broken.outcomes_counted_twice),
    (races.a_late_outcome_beside_another_claim, broken.no_fence),
    (races.a_late_outcome_after_another_claim, broken.no_fence),
    (races.an_outcome_while_its_delivery_is_discarded, broken.outcomes_without_a_lock),
    (races.a_discard_while_the_outcome_is_recorded, broken.decisions_without_a_lock),
    (races.a_discard_behind_a_head_that_is_settled, broken.decisions_without_the_head),
    (races.a_discard_beside_an_enqueue, broken.discards_beside_an_enqueue),
    (races.a_replay_beside_an_enqueue, broken.replays_beside_an_enqueue),
    (races.a_replay_beside_the_outcome_of_the_head, broken.replays_that_leave_the_head),
    (races.a_doubt_that_is_buried_beside_an_enqueue, broken.doubts_buried_under_a_weak_lock),
    (races.a_claim_beside_a_demotion, broken.claims_side_by_side),
    (races.a_demotion_beside_a_claim, broken.demotions_that_hold_nothing),
    (races.a_gate_that_closes_while_a_claim_waits, broken.gates_read_before_the_lock),
    (races.shards_that_change_hands_while_claims_are_in_flight, broken.claims_without_a_lease),
    (races.an_enqueue_by_a_promotion_that_was_replaced, broken.promotion_read_once),
    (races.a_claim_beside_an_enqueue_that_leaves_the_bound, broken.bounds_raised_blindly),
    (races.retention_beside_a_queue, broken.retention_that_ignores_the_queue),
    (races.numbers_of_the_ledger_beside_claims, broken.numbers_before_the_lock),
    (races.two_claims_of_one_drain, broken.claims_without_a_lease),
    (races.a_claim_beside_one_of_a_drain, broken.claims_without_a_lease),
    (races.a_drain_beside_an_enqueue, broken.drains_of_what_arrived_later),
    (races.two_executions_of_one_plan, broken.plans_executed_side_by_side),
    (races.a_plan_beside_an_enqueue, broken.plans_beside_an_enqueue),
    (races.a_plan_beside_the_outcome_of_the_head, broken.replays_that_leave_the_head),
    (races.a_plan_beside_a_late_outcome, broken.plans_without_a_lock),
    (races.retention_beside_a_plan, broken.retention_that_ignores_the_queue),
    (races.two_claims_of_one_key, broken.claims_without_a_lease),
    (races.a_claim_beside_one_by_key, broken.claims_without_a_lease),
    (races.a_claim_by_key_that_waits_while_its_lease_ends, broken.claims_without_a_lease),
    (races.a_lease_prolonged_beside_an_outcome, broken.leases_prolonged_under_a_lock_that_waits),
    (races.a_lease_prolonged_beside_another_claim, broken.leases_of_any_claim),
    (races.an_outcome_after_a_claim_by_key, broken.no_fence),
]

SCENARIOS: Final = list(dict.fromkeys(scenario for scenario, _ in BREAKS))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_race_ends_as_if_one_session_had_been_first(world: World, scenario: Scenario) -> None:
    with races.race(world) as race:
        assert scenario(race) == []


@pytest.mark.parametrize(("scenario", "broke"), BREAKS, ids=lambda part: part.__name__)
def test_a_broken_protocol_loses_the_race(world: World, scenario: Scenario, broke: Break) -> None:
    with races.race(world) as race:
        broke(race.judge)
        assert scenario(race) != []


PLANS: Final = {kind: sha256(kind.encode()).hexdigest() for kind in ("replay", "drain")}
"""The hashes of two plans that name nothing."""

_PLANNED: Final = """
with plan as (
    insert into public.iu_delivery_plan (plan_hash, kind, filter, reason, target_no, entries) values
    (sha256('replay'), 'replay', '{}', 'test', null, 1), (sha256('drain'), 'drain', '{}', 'test', 1, 1)
    returning plan_no
)
insert into public.iu_delivery_plan_state (plan_no) select plan_no from plan
"""

ACTS: Final[dict[str, tuple[str, tuple[Any, ...]]]] = {
    "enqueue": ("select public.fn_iu_delivery_enqueue('shop.paid', 10)", ()),
    "claim": ("select * from public.fn_iu_delivery_claim('hook', 10, 'one')", ()),
    "claim named": (
        f"select * from public.fn_iu_delivery_claim_named('hook', '{{evt_{'0' * 32}_1}}', 'one')",
        (),
    ),
    "record": ("select public.fn_iu_delivery_record('[]')", ()),
    "replay": ("select public.fn_iu_delivery_replay('shop.paid', gen_random_uuid(), 'test')", ()),
    "discard": ("select public.fn_iu_delivery_discard('shop.paid', gen_random_uuid(), 'test')", ()),
    "retry now": ("select public.fn_iu_delivery_retry_now('shop.paid', 'test')", ()),
    "execute": (f"select public.fn_iu_delivery_plan_execute('{PLANS['replay']}', 10)", ()),
    "claim plan": (f"select * from public.fn_iu_delivery_claim_plan('{PLANS['drain']}', 10, 'one')", ()),
    "pause": ("select public.fn_iu_delivery_target_pause('hook', true, 'test')", ()),
    "enable": ("select public.fn_iu_delivery_target_enable('hook', false, 'test')", ()),
}


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
@pytest.mark.parametrize("act", ACTS)
def test_an_old_snapshot_is_refused(world: World, act: str, level: str) -> None:
    assert refusal(world, act, level) == "IU303"


@pytest.mark.parametrize("act", ACTS)
def test_without_the_refusal_an_old_snapshot_is_accepted(world: World, act: str) -> None:
    with opened(world.url) as (session,):
        broken.any_isolation(session)
    assert refusal(world, act, "repeatable read") != "IU303"


def refusal(world: World, act: str, level: str) -> str | None:
    """Return the SQLSTATE of the act in a transaction of this level."""
    sender = world.sender()
    with opened(world.url) as (session,):
        session.execute(_PLANNED)
        actor = sender.session if act in {"claim", "claim plan", "claim named", "record"} else session
        actor.execute("select set_config('iu.deployment', %s, false)", (DEPLOYMENT,))
        actor.execute(f"begin isolation level {level}".encode())
        try:
            actor.execute(ACTS[act][0].encode())
        except psycopg.Error as error:
            return error.sqlstate
        finally:
            actor.execute("rollback")
    return None
