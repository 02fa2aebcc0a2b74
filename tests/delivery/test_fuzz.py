"""For any arguments, a function of the module answers as documented or raises an IU error.

The roles are real logins, because what may be claimed depends on the login of the session. Each call is also
made in a session in which temporary objects shadow every table and function.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import pytest
from hypothesis import strategies as st

from databases import Server
from delivery.world import DEPLOYMENT, GATES, World, make_login, url_of
from iu_pipelines.db.gateway import Gateway
from properties.test_fuzz import (
    BATCHES,
    EVENT,
    JSONS,
    LETTER,
    LONG,
    NUMBERS,
    PAYLOADS,
    TEXT,
    UUIDS,
    ask_often,
    shadowing,
)

INTEGERS = st.none() | st.sampled_from([-(2**63), -1, 0, 1, 2**31, 2**63 - 1]) | st.integers(0, 9)
OUTCOMES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "claim_id": INTEGERS | JSONS,
            "fence": INTEGERS | JSONS,
            "decision": st.sampled_from(["sent", "retry", "failed"]) | JSONS,
            "status_code": INTEGERS | JSONS,
            "latency_ms": INTEGERS | JSONS,
            "retry_after_seconds": INTEGERS | JSONS,
            "response_hash": st.sampled_from(["00ff", "0", "xy", ""]) | JSONS,
            "error": TEXT | JSONS,
            "local_fault": st.booleans() | JSONS,
        },
    )
    | st.fixed_dictionaries(
        {"claim_id": st.integers(1, 5), "fence": st.just(1), "decision": st.sampled_from(["sent", "retry"])},
        optional={"status_code": INTEGERS, "retry_after_seconds": INTEGERS, "latency_ms": INTEGERS},
    ),
    max_size=4,
).map(lambda outcomes: json.dumps(outcomes, ensure_ascii=False))


def array(values: Sequence[object]) -> str:
    """Return the text of an array, as PostgreSQL reads it."""
    texts = [str(one).replace("\\", "\\\\").replace('"', '\\"') for one in values]
    quoted = ["null" if one is None else f'"{text}"' for one, text in zip(values, texts, strict=True)]
    return "{" + ",".join(quoted) + "}"


ROUTE = st.just("shop.paid") | TEXT
HASH: Final = "{hash}"
HASHES = st.sampled_from([HASH, "ab" * 32, "AB" * 32, "ab", "xy" * 32]) | TEXT
SHARES = st.none() | st.sampled_from(
    ["0", "1", "-1", "NaN", "Infinity", "1e-9", "9" * 400, "0.999999", "0.5"]
)
PERIODS = st.none() | st.sampled_from(
    ["1 day", "30 days", "-1 s", "1 month", "178000000 years", "0", "720:00:00", "30 days 1 us"]
)
TARGET = st.just("hook") | TEXT
KEYS = st.none() | st.lists(
    st.none() | TEXT | st.sampled_from([f"evt_{'0' * 32}_1", f"evt_{'f' * 32}_999999999", "evt_1_1"]),
    max_size=3,
).map(array)
CLAIM_IDS = st.none() | st.lists(
    st.none() | st.integers(-1, 5) | st.integers(2**62, 2**63 - 1), max_size=3
).map(array)
LETTERS, DRAIN = "{plan of letters}", "{drain}"
PLANS = st.sampled_from([LETTERS, DRAIN, "ab" * 32, "AB" * 32, "ab"]) | TEXT
FILTERS = PAYLOADS | st.fixed_dictionaries(
    {},
    optional={
        "route_code": ROUTE,
        "target": TARGET,
        "cause": TEXT,
        "since": st.sampled_from(["now", "2000-01-01", "infinity", "x"]) | JSONS,
        "until": st.sampled_from(["tomorrow", "294277-01-01", "-infinity"]) | JSONS,
        "subject": UUIDS | JSONS,
        "limit": INTEGERS | JSONS,
        "out_of_order": st.booleans() | JSONS,
        "other": TEXT,
    },
).map(lambda filters: json.dumps(filters, ensure_ascii=False, default=str))

CALLS: dict[str, tuple[str, tuple[st.SearchStrategy[Any], ...]]] = {
    "enqueue": ("select public.fn_iu_delivery_enqueue(%s, %s, %s)", (ROUTE, NUMBERS, TEXT)),
    "claim": (
        "select json_agg(c) from public.fn_iu_delivery_claim(%s, %s, %s, %s) as c",
        (TARGET, NUMBERS, st.just("one") | TEXT, TEXT),
    ),
    "has due": ("select public.fn_iu_delivery_has_due(%s)", (TARGET,)),
    "heads": ("select json_agg(h) from public.fn_iu_delivery_heads(%s, %s) as h", (TARGET, NUMBERS)),
    "claim named": (
        "select json_agg(c) from public.fn_iu_delivery_claim_named(%s, %s::text[], %s, %s) as c",
        (TARGET, KEYS, st.just("one") | TEXT, TEXT),
    ),
    "claimed": ("select json_agg(c) from public.fn_iu_delivery_claimed(%s::text[]) as c", (KEYS,)),
    "prolong": ("select public.fn_iu_delivery_prolong(%s::bigint[])", (CLAIM_IDS,)),
    "release shards": (
        "select public.fn_iu_delivery_shards_release(%s, %s)", (TARGET, st.just("one") | TEXT),
    ),
    "record": ("select public.fn_iu_delivery_record(%s::jsonb)", (OUTCOMES | PAYLOADS,)),
    "replay": (
        "select public.fn_iu_delivery_replay(%s, %s::uuid, %s, %s)",
        (ROUTE, UUIDS, st.just("why") | TEXT, st.none() | st.booleans()),
    ),
    "discard": (
        "select public.fn_iu_delivery_discard(%s, %s::uuid, %s)",
        (ROUTE, UUIDS, st.just("why") | TEXT),
    ),
    "retry now": (
        "select public.fn_iu_delivery_retry_now(%s, %s, %s::uuid, %s)",
        (ROUTE, st.just("why") | TEXT, st.none() | UUIDS, NUMBERS),
    ),
    "why": ("select json_agg(w) from public.fn_iu_delivery_why(%s::uuid) as w", (UUIDS,)),
    "conservation": (
        "select json_agg(c) from public.fn_iu_delivery_conservation(%s, %s, %s) as c",
        (ROUTE, BATCHES, BATCHES),
    ),
    "preview": (
        "select json_agg(p) from public.fn_iu_delivery_gate_preview(%s, %s) as p",
        (st.sampled_from([*GATES.values()]) | TEXT, st.sampled_from(["true", "false", "shop.paid"]) | TEXT),
    ),
    "dead letters": (
        "select json_agg(d) from public.fn_iu_delivery_dead_letters(%s, %s) as d",
        (st.none() | TARGET, NUMBERS),
    ),
    "senders": ("select json_agg(s) from public.fn_iu_delivery_senders() as s", ()),
    "unrehearsed": ("select public.fn_iu_delivery_unrehearsed(%s)", (NUMBERS,)),
    "misfit": ("select public.fn_iu_delivery_misfit(%s)", (NUMBERS,)),
    "verify chains": ("select public.fn_iu_delivery_chain_verify(%s)", (BATCHES,)),
    "twin": ("select json_agg(t) from public.fn_iu_delivery_twin(%s, %s) as t", (ROUTE, NUMBERS)),
    "make plan": (
        "select public.fn_iu_delivery_plan_make(%s, %s::jsonb, %s)",
        (st.sampled_from(["replay", "discard", "drain"]) | TEXT, FILTERS, st.just("why") | TEXT),
    ),
    "execute plan": ("select public.fn_iu_delivery_plan_execute(%s, %s)", (PLANS, NUMBERS)),
    "claim plan": (
        "select json_agg(c) from public.fn_iu_delivery_claim_plan(%s, %s, %s, %s) as c",
        (PLANS, NUMBERS, st.just("one") | TEXT, TEXT),
    ),
    "plan has due": ("select public.fn_iu_delivery_plan_has_due(%s, %s)", (PLANS, st.booleans() | st.none())),
    "plan progress": ("select public.fn_iu_delivery_plan_progress(%s)", (PLANS,)),
    "repair heads": ("select public.fn_iu_delivery_heads_repair(%s)", (st.just("why") | TEXT,)),
    "retention": (
        "select public.fn_iu_delivery_retention_run(%s, %s)",
        (st.just("why") | TEXT, NUMBERS),
    ),
    "allow private": (
        "select public.fn_iu_delivery_target_allow_private(%s, %s, %s)",
        (TARGET, st.none() | st.booleans(), st.just("why") | TEXT),
    ),
    "pause": (
        "select public.fn_iu_delivery_target_pause(%s, %s, %s)",
        (TARGET, st.none() | st.booleans(), st.just("why") | TEXT),
    ),
    "enable": (
        "select public.fn_iu_delivery_target_enable(%s, %s, %s)",
        (TARGET, st.none() | st.booleans(), st.just("why") | TEXT),
    ),
    "target refusal": ("select public.fn_iu_delivery_target_refusal(%s)", (TARGET,)),
    "record test": (
        "select public.fn_iu_delivery_target_test_record(%s, %s, %s)",
        (TARGET, st.none() | st.booleans(), st.sampled_from(["2xx", "timeout"]) | TEXT),
    ),
    "rehearse": ("select json_agg(r) from public.fn_iu_delivery_rehearse(%s) as r", (ROUTE,)),
    "record rehearsal": (
        "select public.fn_iu_delivery_rehearsal_record(%s, %s::uuid, %s, %s)",
        (ROUTE, UUIDS, HASHES, st.just("v1,signature") | TEXT),
    ),
    "record pack": (
        "select public.fn_iu_evidence_pack_record(%s, %s)",
        (HASHES, st.none() | st.booleans()),
    ),
    "propose threshold": (
        "select public.fn_iu_promotion_threshold_propose(%s, %s, %s)",
        (st.sampled_from(["events", "hours"]) | TEXT, BATCHES, st.just("why") | TEXT),
    ),
    "decide threshold": (
        "select public.fn_iu_promotion_threshold_decide(%s, %s, %s)",
        (NUMBERS, st.sampled_from(["approve", "reject"]) | TEXT, st.just("why") | TEXT),
    ),
    "propose": (
        "select public.fn_iu_route_promotion_propose(%s, %s, %s, %s, %s::interval, %s, %s, %s, %s)",
        (
            ROUTE, SHARES, NUMBERS, SHARES, PERIODS, st.just(DEPLOYMENT) | TEXT,
            st.sampled_from(["deliver", "discard"]) | TEXT, st.just("why") | TEXT,
            st.sampled_from(["latest", "beginning"]) | TEXT,
        ),
    ),
    "decide": (
        "select public.fn_iu_route_promotion_decide(%s, %s, %s)",
        (NUMBERS, st.sampled_from(["approve", "reject"]) | TEXT, st.just("why") | TEXT),
    ),
    "demote": ("select public.fn_iu_route_demote(%s, %s)", (ROUTE, st.just("why") | TEXT)),
}  # fmt: skip
"""Calls, each with a statement and the strategies of its arguments."""

ACTORS: Final = {
    "claim": "iu_sender",
    "heads": "iu_sender",
    "claim named": "iu_sender",
    "claimed": "iu_sender",
    "prolong": "iu_sender",
    "has due": "iu_sender",
    "release shards": "iu_sender",
    "claim plan": "iu_sender",
    "plan has due": "iu_sender",
    "record": "iu_sender",
    "target refusal": "iu_sender",
    "record test": "iu_sender",
    "rehearse": "iu_sender",
    "record rehearsal": "iu_sender",
    "allow private": "iu_approver",
    "decide threshold": "iu_approver",
    "decide": "iu_approver",
}
"""The role of a call that `workflow_admin` may not make."""

ROLES: Final = ("iu_sender", "workflow_admin", "iu_approver", "iu_auditor", "iu_emitter", "")
SECRET: Final = "kept-from-others"
"""The error text of an outcome."""
READERS: Final = {"workflow_admin", "iu_sender", "iu_approver", "iu_auditor"}
MAY_READ: Final = {"why": READERS, "dead letters": READERS}
"""Who may read it by a call; by default only an administrator."""


@pytest.fixture(scope="module")
def stage(server: Server, delivery_template: str) -> Iterator[World]:
    """Yield a database with queued, claimed and dead deliveries, and a login in each role."""
    name = f"{delivery_template}_fuzz_{os.getpid()}"
    url = server.create(name, delivery_template)
    with Gateway(url, max_size=4) as owner:
        world = World(owner, url, login("iu_sender"))
        world.add_target("hook", retry_seconds=[1])
        world.add_route("shop.paid", "version_applied", "hook")
        world.open_gates()
        for subject in range(1, 9):
            world.emit(subject, 2)
        world.enqueue(limit=12)
        sender = world.sender("one")
        sender.record(sender.claim(limit=1), "failed", error=SECRET)
        sender.claim(limit=4)
        for kind, chosen in (("replay", "{}"), ("drain", '{"target": "hook"}')):
            owner.fetch_value("select public.fn_iu_delivery_plan_make(%s, %s, 'fuzz')", (kind, chosen))
        for role in ROLES:
            make_login(owner, login(role), *([role] if role else []))
        with session_of(world, "workflow_admin") as admin:
            admin.execute("select public.fn_iu_promotion_threshold_propose('hours', 1, 'fuzz')")
        yield world
        world.close()
    server.drop(name)


def login(role: str) -> str:
    return f"iu_test_fuzz_{role or 'nobody'}_{os.getpid()}"


@contextmanager
def session_of(stage: World, role: str, *, hostile: bool = False) -> Iterator[psycopg.Connection[Any]]:
    options = "-c statement_timeout=20s"
    with psycopg.connect(url_of(stage.url, login(role)), autocommit=True, options=options) as session:
        session.execute("set default_transaction_isolation = 'read committed'")
        session.execute("select set_config('iu.deployment', %s, false)", (DEPLOYMENT,))
        for statement in shadowing(session) if hostile else ():
            # A sender may not read the tables, so that its temporary ones have other columns.
            session.execute(re.sub(r"\(like public\.\w+\)$", "(n int)", statement).encode())
        yield session


def answer(session: psycopg.Connection[Any], sql: str, arguments: tuple[Any, ...]) -> tuple[str, str]:
    """Return `ok` or the code of the refusal, and the text; fail on any other error. Undoes the call."""
    with session.transaction(force_rollback=True):
        try:
            with session.transaction():
                return "ok", str(session.execute(sql.encode(), arguments).fetchone())
        except psycopg.errors.InsufficientPrivilege as error:
            return "42501", str(error)
        except psycopg.Error as error:
            assert (error.sqlstate or "").startswith("IU"), f"{error.sqlstate}: {error}"  # noqa: PT017
            assert error.diag.message_hint  # noqa: PT017
            assert len(error.diag.message_primary or "") < 500  # noqa: PT017
            return str(error.sqlstate), str(error)


def answers(stage: World, session: psycopg.Connection[Any], name: str, examples: int) -> dict[str, set[str]]:
    """Return the texts of the answers, by their codes."""
    sql, strategies = CALLS[name]
    seen: dict[str, set[str]] = {}
    dead = stage.owner.fetch_one(
        """select d.event_id::text, encode(sha256(convert_to(
               public.fn_iu_delivery_rehearsal_body(o, d.route_no), 'UTF8')), 'hex') as body_hash
           from public.iu_delivery as d inner join public.event_outbox as o on o.event_id = d.event_id
           where d.dead_at is not null limit 1"""
    )
    assert dead
    plans = {
        row["kind"]: row["plan_hash"]
        for row in stage.owner.fetch_all(
            "select kind, encode(plan_hash, 'hex') as plan_hash from public.iu_delivery_plan"
        )
    }
    known = {
        LETTERS: plans["replay"],
        DRAIN: plans["drain"],
        EVENT: dead["event_id"],
        LETTER: dead["event_id"],
        HASH: dead["body_hash"],
    }

    def ask(arguments: tuple[Any, ...]) -> None:
        filled = tuple(known.get(argument, argument) for argument in arguments)
        code, words = answer(session, sql, filled)
        seen.setdefault(code, set()).add(words)

    ask_often(examples, ask, *strategies)
    return seen


def may(session: psycopg.Connection[Any], name: str) -> bool:
    row = session.execute(
        "select has_function_privilege(oid, 'execute') from pg_proc "
        "where proname = %s and pronamespace = 'public'::regnamespace",
        re.findall(r"public\.(fn_iu_\w+)", CALLS[name][0]),
    ).fetchone()
    return bool(row and row[0])


@pytest.mark.parametrize("hostile", [False, True], ids=["plain session", "with temporary objects"])
@pytest.mark.parametrize("name", CALLS)
def test_every_result_and_error_is_documented(stage: World, name: str, hostile: bool) -> None:
    with session_of(stage, ACTORS.get(name, "workflow_admin"), hostile=hostile) as session:
        seen = answers(stage, session, name, 3000 if LONG else 80)
        assert may(session, name)
        assert "42501" not in seen
        if name == "propose":  # it needs evidence, which no argument gives
            assert set(seen) <= {"IU104", "IU205"}
        else:
            assert "ok" in seen
            assert len(seen) > 1 or not CALLS[name][1], "some arguments are refused"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role or "nobody")
def test_no_result_or_error_reveals_more_than_the_role_may_read(stage: World, role: str, name: str) -> None:
    with session_of(stage, role) as session:
        seen = answers(stage, session, name, 500 if LONG else 15)
        assert ("42501" in seen) is not may(session, name)
        assert set(seen) == {"42501"} or may(session, name)
        if role not in MAY_READ.get(name, {"workflow_admin"}):
            assert not any(SECRET in words for said in seen.values() for words in said)
