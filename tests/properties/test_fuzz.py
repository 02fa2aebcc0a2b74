"""Whatever a public function is given, it answers as documented or refuses with a code of ours.

Never an internal error, never a hang, and what it let into the outbox is references only.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.sessions import Session

LONG = os.environ.get("IU_LONG") == "1"

WORDS = [
    "body", "Body", "secret", "password", "token", "content", "vector",
    "b\u043edy", "\uff42ody", "bo\u200bdy",
    "child_count", "note", "ref", "\u017fecret", "api_key", "apiKey", "x\\",
    'bo"dy', "body\"", "\\body", "a:b", "",
]  # fmt: skip
HOSTILE = [
    "version_applied", "iu_outbound_default", "beginning", "latest", "iu_core.routes_enabled", "true",
    "'; drop table public.event_outbox; --", "pg_catalog.pg_class", "%s %I %L", "\\x00", "\u202e", "\ufeff",
    "null", "-1", "1e400", "00000000-0000-0000-0000-000000000000", "a" * 5000, " ", "\n", "\x1b[31m",
]  # fmt: skip

TEXT = (
    st.none()
    | st.sampled_from(HOSTILE + WORDS)
    | st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=40)
)
UUIDS = st.none() | st.uuids().map(str)
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
PAYLOADS = st.none() | JSONS.map(lambda tree: json.dumps(tree, ensure_ascii=False))
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
    "health": ("select public.fn_iu_route_worker_health(%s)", (TEXT,)),
    "pending": ("select public.fn_iu_route_worker_pending(%s)", (TEXT,)),
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
    "deliver": ("select public.fn_iu_route_deliver(%s::uuid, %s)", (UUIDS, TEXT)),
}

FORBIDDEN = re.compile(
    "body|content|secret|passw|token|vector|credential|embedding|api[_.:-]?key", re.IGNORECASE
)


@pytest.fixture(scope="module")
def admin(server: Any, template: str) -> Iterator[Session]:
    """A session as workflow_admin that waits for nobody longer than a few seconds."""
    name = f"{template}_fuzz_{os.getpid()}"
    url = server.create(name, template)
    with psycopg.connect(
        url, autocommit=True, options="-c statement_timeout=20s -c role=workflow_admin"
    ) as session:
        yield session
    server.drop(name)


def keys(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        yield from tree
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from keys(inner)


def is_refs_only(payload: Any) -> bool:
    """The rule in other words than the engine's."""
    return isinstance(payload, dict) and all(
        key and key.isascii() and key.isprintable() and not FORBIDDEN.search(key) for key in keys(payload)
    )


def _refusal(error: psycopg.Error) -> str:
    assert (error.sqlstate or "").startswith("IU"), f"{error.sqlstate}: {error}"
    assert error.diag.message_hint
    assert len(error.diag.message_primary or "") < 500
    return str(error.sqlstate)


def answer(session: Session, sql: str, arguments: tuple[Any, ...]) -> str:
    """`ok` or the code of the refusal; every other error is the test's failure."""
    with session.transaction(force_rollback=True):
        try:
            with session.transaction():
                session.execute(sql.encode(), arguments).fetchone()
        except psycopg.Error as error:
            return _refusal(error)
        rows = session.execute(
            "select safe_payload, octet_length(safe_payload::text) from public.event_outbox"
        ).fetchall()
        assert all(is_refs_only(payload) and size <= 8192 for payload, size in rows)
    return "ok"


@pytest.mark.parametrize("name", CALLS)
def test_every_answer_is_documented(admin: Session, name: str) -> None:
    sql, strategies = CALLS[name]
    seen: set[str] = set()

    @settings(
        max_examples=3000 if LONG else 120,
        deadline=None,
        database=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(*strategies))
    def ask(arguments: tuple[Any, ...]) -> None:
        seen.add(answer(admin, sql, arguments))

    ask()
    assert len(seen) > 1 or name in {"deliver"}


def test_the_quick_look_lets_nothing_pass_that_the_close_look_stops(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as session:

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
                assert is_refs_only(json.loads(text))

        ask()


def test_a_bulk_emit_refuses_what_an_emit_of_one_of_its_events_refuses(admin: Session) -> None:
    @settings(max_examples=2000 if LONG else 120, deadline=None, database=None, derandomize=not LONG)
    @given(st.lists(st.dictionaries(KEYS, SCALARS | TREES, max_size=3), min_size=1, max_size=4))
    def ask(payloads: list[Any]) -> None:
        each = [
            answer(
                admin,
                "select public.fn_iu_emit_event('version_applied', 'A', gen_random_uuid(), 'x', %s::jsonb)",
                (json.dumps(payload),),
            )
            for payload in payloads
        ]
        subject = "00000000-0000-4000-8000-000000000001"
        event = {"event_type": "version_applied", "canonical_address": "A", "subject_ref": subject}
        events = [{**event, "actor_ref": "x", "safe_payload": payload} for payload in payloads]
        together = answer(admin, CALLS["emit many"][0], (json.dumps(events),))
        assert together == next((code for code in each if code != "ok"), "ok")

    ask()


@pytest.mark.parametrize("size", [8_000, 80_000, 800_000])
def test_the_look_at_a_payload_costs_no_more_than_its_size(admin: Session, size: int) -> None:
    for text in (
        '{"a": "' + "x" * size + '"}',
        '{"a": "' + '\\"' * (size // 2) + '"}',
        '{"a": [' + ",".join("1" for _ in range(size // 2)) + "]}",
        "{" + ",".join(f'"k{number}": 1' for number in range(size // 10)) + "}",
        '{"a": ' + "[" * 900 + "]" * 900 + "}",
    ):
        assert answer(
            admin,
            "select public.fn_iu_emit_event('version_applied', 'a', gen_random_uuid(), 'x', %s::jsonb)",
            (text,),
        ) in {"ok", "IU102", "IU103"}
