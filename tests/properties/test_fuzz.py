"""Fuzz test: for any arguments, a public function answers as documented or raises an IU error.

It never raises an internal error, hangs or reveals what another role wrote, and it accepts only references
into the outbox. Every function that any role may run is called by every role, and by an operator in whose
session temporary objects shadow every table and function of iu_pipelines.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databases import Server
from engine.sessions import Session, drain, emit, make_live, opened, value

LONG = os.environ.get("IU_LONG") == "1"

WORDS = [
    "body", "Body", "secret", "password", "token", "content", "vector", "pwd", "credentials", "embedding",
    "authorization", "Cookie", "cookies", "pass", "userPass", "sshkey", "signing_key", "api__key",
    "content_type", "bodyId", "embedding_id", "token_count", "secret_ref", "password_hash",
    "b\u043edy", "\uff42ody", "bo\u200bdy",
    "child_count", "note", "ref", "\u017fecret", "api_key", "apiKey", "x\\",
    'bo"dy', "body\"", "\\body", "a:b", "",
]  # fmt: skip
HOSTILE = [
    "version_applied", "iu_outbound_default", "beginning", "latest", "iu_core.routes_enabled", "true",
    "'; drop table public.event_outbox; --", "pg_catalog.pg_class", "%s %I %L", "\\x00", "\u202e", "\ufeff",
    "null", "-1", "1e400", "00000000-0000-0000-0000-000000000000", "a" * 5000, " ", "\n", "\x1b[31m",
    "information_schema.tables", "pg_temp.dot_config", "fn_iu_gate_open(text)", "'; set role iu_owner; --",
    "$$;select 1;$$", "\U0001f4a9" * 300, "e\u0301", "\u00e9", "\ufdd0", "\U0010ffff", "' or '1'='1",
]  # fmt: skip

TEXT = (
    st.none()
    | st.sampled_from(HOSTILE + WORDS)
    | st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=40)
)
EVENT, LETTER = "{event}", "{letter}"
UUIDS = st.none() | st.sampled_from([EVENT, LETTER]) | st.uuids().map(str)
BATCHES = st.none() | st.sampled_from([-(2**63), -1, 0, 1, 2**63 - 1]) | st.integers(0, 9)
NUMBERS = st.none() | st.sampled_from([-(2**31), -1, 0, 1, 100_000, 100_001, 2**31 - 1]) | st.integers(1, 50)
KEYS = st.sampled_from(WORDS) | st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=8
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(HOSTILE)
    | st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=20)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=40,
)
DEEP = st.builds(
    lambda depth, key, is_list: json.loads(
        ("[" * depth + "1" + "]" * depth) if is_list else f'{{"{key}":' * depth + "1" + "}" * depth
    ),
    st.integers(1, 900),
    st.sampled_from(["a", "note"]),
    st.booleans(),
)
JSONS = TREES | st.dictionaries(KEYS, TREES, max_size=6) | DEEP
EDGES = st.sampled_from(
    [
        *("0", "-0", "1e-16383", "1e131071", "9" * 4000, "-" + "9" * 9000, "1." + "0" * 16000 + "1", "1E+5"),
        *('"' + "x" * 100_000 + '"', "[" + "1," * 50_000 + "1]", '{"' + "k" * 70_000 + '": 1}'),
        *("[" * 4000 + "]" * 4000, '{"a":' * 1100 + "1" + "}" * 1100, '{"a": 1, "a": {"body": 1}}'),
    ]
)
PAYLOADS = (
    st.none()
    | JSONS.map(lambda tree: json.dumps(tree, ensure_ascii=False))
    | EDGES
    | EDGES.map('{{"note": {}}}'.format)
)
EVENTS = st.none() | st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "event_type": TEXT | st.just("version_applied") | JSONS,
            "canonical_address": TEXT | st.just("TEST"),
            "subject_ref": UUIDS | TEXT,
            "actor_ref": TEXT | st.just("fuzz"),
            "safe_payload": JSONS | st.just({}),
            "event_seq": st.just(1),
        },
    )
    | JSONS,
    max_size=4,
).map(lambda events: json.dumps(events, ensure_ascii=False))

CALLS: dict[str, tuple[str, tuple[st.SearchStrategy[Any], ...]]] = {
    "emit": (
        "select public.fn_iu_emit_event(%s, %s, %s::uuid, %s, %s::jsonb)",
        (st.just("version_applied") | TEXT, st.just("TEST") | TEXT, UUIDS, st.just("fuzz") | TEXT, PAYLOADS),
    ),
    "emit many": ("select count(*) from public.fn_iu_emit_events(%s::jsonb)", (EVENTS | PAYLOADS,)),
    "run": (
        "select public.fn_iu_route_worker_run(%s, %s, %s)",
        (st.just("fuzz") | TEXT, NUMBERS, TEXT),
    ),
    "seek": (
        "select public.fn_iu_route_worker_seek(%s, %s, %s)",
        (st.just("fuzz") | TEXT, st.sampled_from(["beginning", "latest"]) | TEXT | UUIDS, TEXT),
    ),
    "add": (
        "select public.fn_iu_route_worker_add(%s, %s, %s)",
        (st.just("fuzz") | TEXT, st.sampled_from(["iu", "shop"]) | TEXT, st.just("why") | TEXT),
    ),
    "retire": (
        "select public.fn_iu_route_worker_retire(case when given.name = 'fuzz.retired' then ("
        "select a ->> 'worker_name' from public.fn_iu_route_worker_add(given.name, 'fuzz', 'why') as a"
        ") else given.name end, %s) from (select %s::text) as given (name)",
        (st.just("why") | TEXT, st.just("fuzz.retired") | TEXT),
    ),
    "health": ("select public.fn_iu_route_worker_health(%s)", (TEXT,)),
    "workers status": (
        "select count(*) from public.fn_iu_workers_status(%s)",
        (st.integers(-(2**31), 2**31 - 1) | st.none(),),
    ),
    "pending": ("select public.fn_iu_route_worker_pending(%s)", (TEXT,)),
    "reading": (
        "select public.fn_iu_event_reading(%s::uuid, %s)",
        (UUIDS, st.just("seed") | TEXT),
    ),
    "newest events": (
        "select count(*) from public.fn_iu_events_newest(%s, %s::bigint, %s)",
        (st.just("iu") | TEXT, BATCHES, NUMBERS),
    ),
    "events between": (
        "select count(*) from public.fn_iu_events_between(%s::pg_snapshot, pg_current_snapshot(), %s, null, "
        "%s::bigint, %s)",
        (st.none() | st.just("3:3:") | st.just("3:9:4,5"), st.just("iu") | TEXT, BATCHES, NUMBERS),
    ),
    "capture of an event": ("select count(*) from public.fn_iu_event_capture(%s::uuid)", (UUIDS,)),
    "batches after": (
        "select count(*) from public.fn_iu_batches_after(%s::jsonb, %s)",
        (PAYLOADS | st.just('{"seed": 1}'), NUMBERS),
    ),
    "newest replays": ("select count(*) from public.fn_iu_replays_newest(%s)", (NUMBERS,)),
    "replays after": (
        "select count(*) from public.fn_iu_replays_after(%s::bigint, %s::bigint [], %s)",
        (BATCHES, st.none() | st.just([None, 3]), NUMBERS),
    ),
    "subject": ("select public.fn_iu_subject(%s, %s)", (st.just("public.orders") | TEXT, UUIDS | TEXT)),
    "subject of several columns": (
        "select public.fn_iu_subject_composite(%s, %s::text [])",
        (st.just("public.orders") | TEXT, st.none() | st.lists(st.none() | TEXT, max_size=3)),
    ),
    "capture table": ("select public.fn_iu_capture_table(%s)", (st.just("public.iu_sql_link") | TEXT,)),
    "capture triggers": (
        "select t.name from public.iu_inbound_route as r cross join public.fn_iu_capture_triggers(r) as t "
        "where r.route_code = %s",
        (st.just("iu_sql.iu_sql_link.insert") | TEXT,),
    ),
    "replay": ("select public.fn_iu_route_dead_letter_replay(%s::uuid, %s)", (UUIDS, TEXT)),
    "discard": ("select public.fn_iu_route_dead_letter_discard(%s::uuid, %s)", (UUIDS, TEXT)),
    "gate": (
        "select public.fn_iu_gate_set(%s, %s, %s)",
        (
            st.sampled_from(
                ["iu_core.delivery_enabled", "iu_core.delivery_live_routes", "iu_core.stall_seconds"]
            )
            | TEXT,
            st.sampled_from(["true", "false", "", "1", "0", "99999999"]) | TEXT,
            TEXT,
        ),
    ),
    "cluster state": (
        "select c.* from public.iu_route_worker_cursor as w, public.fn_iu_cluster_state(w) as c"
        " where w.worker_name <> coalesce(%s, '')",
        (TEXT,),
    ),
    "event ahead": ("select public.fn_iu_cluster_event_ahead(%s, %s)", (TEXT, NUMBERS)),
    "deliver": ("select public.fn_iu_route_deliver(%s::uuid, %s)", (UUIDS, TEXT)),
    "gate key": ("select public.fn_iu_gate_key(%s)", (st.just("master") | TEXT,)),
    "gate open": ("select public.fn_iu_gate_open(%s)", (TEXT,)),
    "retention": ("select public.fn_iu_retention_run(%s, %s)", (TEXT, NUMBERS)),
    "retention state": ("select public.fn_iu_retention_state(%s)", (st.just("iu") | TEXT,)),
    "retention cut": ("select public.fn_iu_retention_cut(%s)", (st.just("iu") | TEXT,)),
    "key": ("select public.fn_iu_idempotency_key(%s, %s::uuid, %s)", (TEXT, UUIDS, TEXT)),
    "payload": ("select public.fn_iu_payload_check(%s::jsonb)", (PAYLOADS,)),
    "target secret": (
        "select public.fn_iu_target_secret(%s)",
        (TEXT | st.sampled_from(["https://a:b@c", "x?token=y", "x"]),),
    ),
    "waiting of a type": (
        "select public.fn_iu_event_type_waiting(%s, %s)",
        (st.just("version_applied") | TEXT, NUMBERS),
    ),
    "plain payload": ("select public.fn_iu_payload_is_plain(%s)", (TEXT | PAYLOADS,)),
    "chain": ("select public.fn_iu_audit_chain_verify(%s, %s::bigint, %s::bigint)", (TEXT, BATCHES, BATCHES)),
    "attempts": (
        "select public.fn_iu_audit_attempts_verify(%s, %s::bigint, %s::bigint)",
        (TEXT, BATCHES, BATCHES),
    ),
    "attempts misfit": (
        "select public.fn_iu_audit_attempts_misfit(%s, %s::bigint, %s::bigint)",
        (st.just("seed") | TEXT, BATCHES, BATCHES),
    ),
    "counts misfit": (
        "select public.fn_iu_audit_counts_misfit(%s, %s::bigint, %s::bigint)",
        (st.just("seed") | TEXT, BATCHES, BATCHES),
    ),
    "unattempted": (
        "select count(*) from public.fn_iu_cursor_unattempted("
        "jsonb_populate_record(null::public.iu_route_worker_cursor, jsonb_build_object("
        "'worker_name', %s::text, 'event_domain', %s::text, 'position_seq', %s::bigint)), %s)",
        (TEXT, st.just("iu") | TEXT, BATCHES, NUMBERS),
    ),
    "conservation": ("select public.fn_iu_attempts_conservation(%s, %s)", (TEXT, NUMBERS)),
    "newest": ("select count(*) from public.fn_iu_attempts_newest(%s, %s::bigint)", (NUMBERS, BATCHES)),
    "of a worker": (
        "select count(*) from public.fn_iu_attempts_by_worker(%s, %s, %s::bigint)",
        (st.just("seed") | TEXT, NUMBERS, BATCHES),
    ),
    "of a run": (
        "select count(*) from public.fn_iu_attempts_by_run(%s, %s, %s::bigint)",
        (TEXT, NUMBERS, BATCHES),
    ),
    "of a batch": (
        "select count(*) from public.fn_iu_attempts_by_batch(%s::bigint, %s, %s::bigint)",
        (BATCHES, NUMBERS, BATCHES),
    ),
    "an attempt": ("select count(*) from public.fn_iu_attempts_by_id(%s::bigint)", (BATCHES,)),
    "of an event": ("select count(*) from public.fn_iu_attempts_by_event(%s::uuid)", (UUIDS,)),
    "of a key": (
        "select count(*) from public.fn_iu_attempts_by_key(%s)",
        (TEXT | UUIDS.map("seed:{}:iu.version_applied.workflow".format),),
    ),
    "replayable": ("select count(*) from public.fn_iu_dead_letters_replayable(%s)", (NUMBERS,)),
    "batch hash": (
        "select public.fn_iu_batch_hash(jsonb_populate_record(null::public.iu_route_batch, "
        "jsonb_build_object('worker_name', %s::text, 'run_ref', %s::text, 'batch_id', %s::bigint)))",
        (TEXT, TEXT, BATCHES),
    ),
    "link": (
        "insert into public.iu_sql_link (sql_object_ref, link_kind, actor_ref) values (%s, %s, %s) "
        "returning 1",
        (st.just("public.orders") | TEXT, TEXT, st.just("fuzz") | TEXT),
    ),
    "version": (
        "insert into public.unit_version (unit_id, version_seq, version_ref, actor_ref) "
        "values ('00000000-0000-4000-8000-000000000001', %s, %s, %s) returning 1",
        (BATCHES, TEXT, st.just("fuzz") | TEXT),
    ),
}
"""Calls, each with a statement and the strategies of its arguments."""

ALWAYS_ALIKE = {
    *(
        "deliver",
        "key",
        "batch hash",
        "plain payload",
        "gate key",
        "capture table",
        "capture triggers",
        "gate open",
        "chain",
        "attempts",
        "attempts misfit",
    ),
    *(
        "counts misfit",
        "unattempted",
        "pending",
        "health",
        "workers status",
        "retention state",
        "retention cut",
    ),
    *("conservation", "replayable", "cluster state", "event ahead"),
    *("target secret", "waiting of a type", "capture of an event"),
}
"""Calls that are never refused, or always."""

OF_PROOFS = re.compile(
    "fn_iu_(probe|proof|object|module)_|fn_iu_audit_counts$|fn_iu_audit_replays_misfit|fn_iu_event_id"
    "|fn_iu_gate_list|fn_iu_capture_(list|functions)|fn_iu_captures_misfit|fn_iu_payload_(words|key)|fn_iu_target_kinds|fn_iu_roles_are_used"
    "|fn_iu_table_is_append_only|fn_iu_unread_domains|fn_iu_outbox_notes|fn_iu_sent_tally"
)
"""Functions that proof files call with fixed arguments, and functions without arguments."""

WRITES = {"link": "iu_sql_link", "version": "unit_version"}
CONSTRAINTS = {"23502", "23503", "23505", "23514"}
SECRET = "kept-from-others"


@dataclass
class Stage:
    """A database with content of other roles, and sessions of the callers. `known` replaces placeholders."""

    url: str
    known: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def session(self, role: str, *, hostile: bool = False) -> Iterator[Session]:
        with psycopg.connect(self.url, autocommit=True, options="-c statement_timeout=20s") as session:
            shadows = shadowing(session) if hostile else ()
            session.execute(f"set role {role}".encode())
            for statement in shadows:
                session.execute(statement.encode())
            yield session


@pytest.fixture(scope="module")
def stage(server: Server, template: str) -> Iterator[Stage]:
    name = f"{template}_fuzz_{os.getpid()}"
    stage = Stage(server.create(name, template))
    with opened(stage.url) as (session,):
        make_live(session, "iu.structure_piece_split.workflow")
        emit(session, 1, "structure_piece_split", note=SECRET)
        drain(session, "seed")
        stage.known = {
            "event": str(value(session, "select event_id from public.event_outbox")),
            "letter": str(value(session, "select dead_letter_id from public.iu_route_dead_letter")),
        }
        session.execute(
            "insert into public.information_unit (unit_id, canonical_address) values "
            f"('00000000-0000-4000-8000-000000000001', '{SECRET}')"
        )
        session.execute("update public.iu_inbound_route set enabled = true, dry_run = false")
        session.execute(f"create role {NOBODY}")
    yield stage
    server.drop(name)
    with opened(server.url("postgres")) as (session,):
        session.execute(f"drop role {NOBODY}")


NOBODY = f"iu_test_fuzz_{os.getpid()}"


def shadowing(session: Session) -> list[str]:
    """Return statements that shadow every table and function of iu_pipelines by temporary objects."""
    tables = session.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')"
    ).fetchall()
    functions = session.execute(
        "select proname, pg_get_function_identity_arguments(oid) from pg_proc "
        "where pronamespace = 'public'::regnamespace and proname like 'fn\\_iu\\_%' "
        "and prorettype <> 'trigger'::regtype "
        "and 'o' <> all (coalesce(proargmodes::text [], '{}'))"
    ).fetchall()
    trap = "language plpgsql as $$ begin raise exception 'hijacked' using errcode = 'XX999'; end $$"
    return [
        *(f"create temp table {name} (like public.{name})" for (name,) in tables),
        *(f"create function pg_temp.{name}({given}) returns int {trap}" for name, given in functions),
        f"create function pg_temp.lower(text) returns text {trap}",
        f"create function pg_temp.jsonb_typeof(jsonb) returns text {trap}",
        "set search_path = pg_temp, public, pg_catalog",
    ]


def keys(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        yield from tree
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from keys(inner)


def is_refs_only(payload: Any, forbidden: str) -> bool:
    """Return whether a payload has references only: another implementation, with the engine's words."""
    return isinstance(payload, dict) and all(
        key and key.isascii() and key.isprintable() and not re.search(forbidden, key, re.IGNORECASE)
        for key in keys(payload)
    )


def _refusal(error: psycopg.Error) -> str:
    assert (error.sqlstate or "").startswith("IU"), f"{error.sqlstate}: {error}"
    assert error.diag.message_hint
    assert len(error.diag.message_primary or "") < 500
    return str(error.sqlstate)


def answer(session: Session, sql: str, arguments: tuple[Any, ...]) -> tuple[str, str]:
    """Return `ok` or the code of the refusal, and the text; fail the test on any other error."""
    with session.transaction(force_rollback=True):
        try:
            with session.transaction():
                said = session.execute(sql.encode(), arguments).fetchone()
        except psycopg.errors.InsufficientPrivilege as error:
            return "42501", str(error)
        except psycopg.Error as error:
            if sql.startswith("insert") and error.sqlstate in CONSTRAINTS:
                return str(error.sqlstate), str(error.diag.message_primary)
            return _refusal(error), str(error)
        session.execute("reset role")
        rows = session.execute(
            "select safe_payload, octet_length(safe_payload::text), public.fn_iu_payload_key_regexp() "
            "from public.event_outbox"
        ).fetchall()
        assert all(is_refs_only(payload, forbidden) and size <= 8192 for payload, size, forbidden in rows)
    return "ok", str(said)


def ask_often(
    examples: int, ask: Callable[[tuple[Any, ...]], None], *arguments: st.SearchStrategy[Any]
) -> None:
    settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
    )(given(st.tuples(*arguments))(ask))()


def may(session: Session, name: str) -> bool:
    """Return whether the session's role has the right to make this call."""
    if name in WRITES:
        return bool(value(session, "select has_table_privilege(%s, 'insert')", (f"public.{WRITES[name]}",)))
    function = re.findall(r"public\.(fn_iu_\w+)", CALLS[name][0])[0]
    return bool(
        value(
            session,
            "select has_function_privilege(oid, 'execute') from pg_proc "
            "where proname = %s and pronamespace = 'public'::regnamespace",
            (function,),
        )
    )


def answers(stage: Stage, session: Session, name: str, examples: int) -> dict[str, set[str]]:
    """Return the codes of the answers, and the texts of each code."""
    sql, strategies = CALLS[name]
    seen: dict[str, set[str]] = {}
    filled = {EVENT: stage.known["event"], LETTER: stage.known["letter"]}

    def ask(arguments: tuple[Any, ...]) -> None:
        given_ = tuple(
            filled.get(argument, argument) if isinstance(argument, str) else argument
            for argument in arguments
        )
        code, words = answer(session, sql, given_)
        seen.setdefault(code, set()).add(words)

    ask_often(examples, ask, *strategies)
    return seen


@pytest.mark.parametrize(
    "hostile", [False, True], ids=["plain session", "with temporary objects of the same names"]
)
@pytest.mark.parametrize("name", CALLS)
def test_every_result_and_error_is_documented(stage: Stage, name: str, hostile: bool) -> None:
    with stage.session("workflow_admin", hostile=hostile) as session:
        seen = answers(stage, session, name, 3000 if LONG else 60)
        assert may(session, name)
        assert "42501" not in seen
        assert len(seen) > 1 or name in ALWAYS_ALIKE
        if hostile:
            assert value(session, "select count(*) from pg_temp.event_outbox") == 0
            assert value(session, "select count(*) from pg_temp.iu_route_worker_cursor") == 0


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("role", ["iu_emitter", "iu_auditor", NOBODY], ids=["emitter", "auditor", "nobody"])
def test_no_result_or_error_reveals_more_than_the_role_may_read(stage: Stage, role: str, name: str) -> None:
    with stage.session(role) as session:
        seen = answers(stage, session, name, 500 if LONG else 15)
        assert ("42501" in seen) is not may(session, name)
        assert set(seen) == {"42501"} or may(session, name)
        if role != "iu_auditor":
            assert not any(SECRET in words for said in seen.values() for words in said)


def test_every_function_that_a_role_may_run_is_called(stage: Stage) -> None:
    with opened(stage.url) as (session,):
        granted = value(
            session,
            "select array_agg(distinct p.proname::text) from pg_proc as p "
            "cross join unnest(%s::text []) as r (role) "
            "where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\\_iu\\_%%' "
            "and has_function_privilege(r.role, p.oid, 'execute')",
            (["iu_emitter", "iu_auditor", "workflow_admin"],),
        )
    asked = {found for sql, _ in CALLS.values() for found in re.findall(r"fn_iu_\w+", sql)}
    assert {name for name in granted if not OF_PROOFS.match(name)} == asked


@pytest.mark.parametrize(
    "body",
    [
        "begin return 1 / (length(event_type) * 0); end",
        "begin perform pg_sleep(60); return null; end",
        "begin raise exception 'no' using errcode = 'IU104'; end",
        "begin insert into public.event_outbox (event_domain, event_type, event_stream, delivery_lane, "
        "canonical_address, event_subject_table, event_subject_ref, actor_ref, payload_classification, "
        "safe_payload) values ('iu', 'version_applied', 'update', 'immediate', 'A', 'information_unit', "
        "gen_random_uuid(), 'x', 'safe_metadata', '{\"Body\": 1}'); return gen_random_uuid(); end",
    ],
    ids=["an internal error", "a hang", "a refusal without a hint", "a body accepted"],
)
def test_an_undocumented_result_or_error_is_detected(database: str, body: str) -> None:
    with opened(database, 1, "-c statement_timeout=300ms") as (session,):
        session.execute(
            "create or replace function public.fn_iu_emit_event(event_type text, canonical_address text, "
            "subject_ref uuid, actor_ref text, safe_payload jsonb) returns uuid language plpgsql as "
            f"$body$ {body} $body$".encode()
        )
        with pytest.raises(AssertionError):
            answer(session, CALLS["emit"][0], ("version_applied", "A", None, "x", "{}"))


def test_a_function_that_returns_data_the_caller_may_not_read_is_detected(stage: Stage) -> None:
    with stage.session("iu_emitter") as session:
        session.execute("reset role")
        session.execute("begin")
        session.execute(
            "create or replace function public.fn_iu_emit_events(events jsonb) returns setof uuid "
            "language plpgsql security definer as $$ begin raise exception '%', (select string_agg("
            "safe_payload::text, ' ') from public.event_outbox) using errcode = 'IU104', hint = 'x'; end $$"
        )
        session.execute("set local role iu_emitter")
        seen = answers(stage, session, "emit many", 3)
        session.execute("rollback")
    assert any(SECRET in words for said in seen.values() for words in said)


def test_the_quick_check_accepts_nothing_that_the_full_check_refuses(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as session:
        forbidden = value(session, "select public.fn_iu_payload_key_regexp()")

        @settings(max_examples=3000 if LONG else 200, deadline=None, database=None, derandomize=not LONG)
        @given(
            st.dictionaries(KEYS, TREES, max_size=5).map(lambda tree: json.dumps(tree, ensure_ascii=False))
        )
        def ask(text: str) -> None:
            row = session.execute(
                "select public.fn_iu_payload_is_plain((%s::jsonb)::text)", (text,)
            ).fetchone()
            if row and row[0]:
                session.execute("select public.fn_iu_payload_check(%s::jsonb)", (text,))
                assert is_refs_only(json.loads(text), forbidden)

        ask()


def test_every_forbidden_word_is_among_the_generated_keys(database: str) -> None:
    with opened(database) as (session,):
        patterns = session.execute("select key_pattern from public.fn_iu_payload_words()").fetchall()
    assert patterns
    for (pattern,) in patterns:
        assert any(re.fullmatch(f"({pattern}).*", word) for word in WORDS), pattern


def test_a_bulk_emit_refuses_what_an_emit_of_one_of_its_events_refuses(stage: Stage) -> None:
    event = {"event_type": "version_applied", "canonical_address": "A", "actor_ref": "x"}
    event["subject_ref"] = "00000000-0000-4000-8000-000000000001"
    with stage.session("workflow_admin") as session:

        def ask(arguments: tuple[Any, ...]) -> None:
            (payloads,) = arguments
            one = [
                answer(
                    session,
                    CALLS["emit"][0],
                    ("version_applied", "A", str(uuid4()), "x", json.dumps(payload)),
                )
                for payload in payloads
            ]
            events = [{**event, "safe_payload": payload} for payload in payloads]
            together, _ = answer(session, CALLS["emit many"][0], (json.dumps(events),))
            assert together == next((code for code, _ in one if code != "ok"), "ok")

        payload = st.dictionaries(KEYS, TREES, max_size=3)
        ask_often(2000 if LONG else 120, ask, st.lists(payload, min_size=1, max_size=4))


REFERENCES = ["id", "ref", "type", "kind", "count", "version"]
MEASURES = ["hash", "sha256", "digest", "bytes", "size", "length", "format", "encoding"]
TAILS = ["", "text", "value", "of_it", "model", "name", "idx", "typed", "0"]
SAMPLES = {"pass": "password", "key": "api_key"}


def _key(word: str, endings: list[str], tail: str, start: str, between: str) -> str:
    """Return a key such as `the_body_id` or `theBodyId`; an empty `between` means camelCase."""
    parts = [part for part in (start, word, *endings, tail) if part]
    if between:
        return between.join(parts)
    return parts[0] + "".join(part[0].upper() + part[1:] for part in parts[1:])


def test_a_forbidden_word_is_accepted_only_before_a_suffix_that_marks_a_reference(stage: Stage) -> None:
    event = {"event_type": "version_applied", "canonical_address": "A", "actor_ref": "x"}
    event["subject_ref"] = str(uuid4())
    with stage.session("workflow_admin") as session:
        words = session.execute("select word, kind from public.fn_iu_payload_words()").fetchall()
        seen: set[bool] = set()

        def ask(arguments: tuple[Any, ...]) -> None:
            (word, kind), endings, tail, start, between, nested = arguments
            key = _key(SAMPLES.get(word, word), endings, tail, start, between)
            payload = {"a": [{key: 1}]} if nested else {key: 1}
            known = REFERENCES if kind == "secret" else REFERENCES + MEASURES
            passes = bool(endings) and not tail and all(ending in known for ending in endings)
            one = answer(session, _EMIT, (json.dumps(payload),))[0]
            many = answer(session, CALLS["emit many"][0], (json.dumps([{**event, "safe_payload": payload}]),))
            assert (one, many[0]) == (("ok",) * 2 if passes else ("IU103",) * 2), key
            seen.add(passes)

        ask_often(
            3000 if LONG else 400,
            ask,
            st.sampled_from(words),
            st.lists(st.sampled_from(REFERENCES + MEASURES), max_size=2),
            st.sampled_from(TAILS),
            st.sampled_from(["", "the", "x1"]),
            st.sampled_from(["", "_", ".", ":", "-", "__"]),
            st.booleans(),
        )
        assert seen == {True, False}


PAYLOADS_OF_SIZE: dict[str, Callable[[int], str]] = {
    "a long text": lambda size: '{"a": "' + "x" * size + '"}',
    "many quotes": lambda size: '{"a": "' + '\\"' * (size // 2) + '"}',
    "many numbers": lambda size: '{"a": [' + ",".join("1" for _ in range(size // 2)) + "]}",
    "many keys": lambda size: "{" + ",".join(f'"k{number}": 1' for number in range(size // 10)) + "}",
    "many small objects": lambda size: '{"a": [' + ",".join('{"b": 1}' for _ in range(size // 10)) + "]}",
}


@pytest.mark.parametrize("shape", PAYLOADS_OF_SIZE)
def test_the_cost_of_the_payload_check_is_not_quadratic_in_the_size(stage: Stage, shape: str) -> None:
    with stage.session("workflow_admin") as session:
        small, large = (
            processor_seconds(session, _EMIT, PAYLOADS_OF_SIZE[shape](size)) for size in (100_000, 1_600_000)
        )
    assert large < 16 * 4 * max(small, 0.01), (small, large)


def test_a_deeply_nested_payload_costs_little(stage: Stage) -> None:
    flat, deep = ('{"a": "' + "x" * 7000 + '"}'), '{"a":' * 1100 + "1" + "}" * 1100
    with stage.session("workflow_admin") as session:
        usual, nested = (processor_seconds(session, _EMIT, text, times=20) for text in (flat, deep))
    assert nested < 10 * max(usual, 0.01), (usual, nested)


def test_a_quadratic_payload_check_is_noticed(database: str) -> None:
    with opened(database) as (session,):
        session.execute(
            "create or replace function public.fn_iu_payload_check(safe_payload jsonb, listed_keys text[] "
            "default null) returns void language plpgsql as $$ "
            "begin for i in 1..length(safe_payload::text) / 1600 loop "
            "perform octet_length(safe_payload::text); end loop; end $$"
        )
        text = PAYLOADS_OF_SIZE["many numbers"]
        small, large = (
            processor_seconds(session, "select public.fn_iu_payload_check(%s::jsonb)", text(size), times=1)
            for size in (20_000, 320_000)
        )
    assert large > 16 * 4 * max(small, 0.01), (small, large)


_EMIT = "select public.fn_iu_emit_event('version_applied', 'a', gen_random_uuid(), 'x', %s::jsonb)"


def processor_seconds(session: Session, sql: str, text: str, times: int = 3) -> float:
    """Return the CPU seconds of the backend for one call."""
    stat = Path(f"/proc/{session.info.backend_pid}/stat")
    if not stat.exists():
        pytest.skip("the server runs on another machine")

    def used() -> float:
        fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = used()
    for _ in range(times):
        assert answer(session, sql, (text,))[0] in {"ok", "IU102", "IU103"}
    return (used() - before) / times
