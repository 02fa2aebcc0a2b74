"""A database with live routes that were promoted without evidence, and simulated senders.

The owner of the database inserts the rows of a promotion, as only an owner can: the way of two people, with
evidence, has tests of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import targets
from iu_pipelines.errors import IuError

DEPLOYMENT: Final = "test"

PASSWORD: Final = "of-a-test"

GATES: Final = {
    "master": "iu_core.routes_enabled",
    "worker": "iu_core.route_worker_enabled",
    "delivery": "iu_core.delivery_enabled",
    "live_routes": "iu_core.delivery_live_routes",
    "jobs": "queue.job_substrate.enabled",
}

_TIMES: Final = {
    "iu_delivery": ("due_at",),
    "iu_delivery_shard": ("lease_until",),
    "iu_delivery_target_state": ("retry_at", "refilled_at"),
    "iu_delivery_route": (
        "expires_at",
        "refilled_at",
        "due_from",
        "due_checked_at",
        "unanswered_since",
    ),
}

_PROMOTE: Final = """
with proposed as (
    insert into public.iu_route_promotion (
        route_no, route_code, route_version, target_no, target_version, configuration_hash, share,
        max_per_minute, max_failure_share, valid_for, deployment, system_identifier, anchor_key, queued,
        evidence, reason, proposed_by, previous_hash, row_hash
    )
    select r.route_no, r.route_code, r.route_version, t.target_no, t.target_version,
        public.fn_iu_promotion_configuration(r.event_type), %(share)s, %(max_per_minute)s,
        %(max_failure_share)s, %(valid_for)s::interval, %(deployment)s, c.system_identifier, a.anchor_key,
        'deliver', '{}', 'test', 'proposer', '', ''
    from public.iu_outbound_route as r
    inner join public.iu_delivery_target as t on t.target_name = r.target_ref
    cross join pg_control_system() as c
    cross join public.fn_iu_cluster_newest() as a
    where r.route_code = %(route_code)s
    returning *
),
decided as (
    insert into public.iu_route_promotion_decision (
        promotion_no, decision, reason, proposed_by, decided_by, previous_hash, row_hash
    )
    select promotion_no, 'approve', 'test', proposed_by, 'approver', '', '' from proposed
)
insert into public.iu_delivery_route as d (
    route_no, route_code, event_type, event_domain, target_no, promotion_no, expires_at
)
select p.route_no, p.route_code, r.event_type, e.event_domain, p.target_no, p.promotion_no,
    clock_timestamp() + p.valid_for
from proposed as p
inner join public.iu_outbound_route as r on r.route_no = p.route_no
inner join public.event_type_registry as e on e.event_type = r.event_type
on conflict on constraint iu_delivery_route_pkey do update
set promotion_no = excluded.promotion_no, expires_at = excluded.expires_at, held_reason = null,
    held_since = null, outcomes = 0, failed_outcomes = 0
returning d.route_no, d.event_domain
"""


def make_login(owner: Gateway, login: str, *roles: str) -> None:
    """Create `login` with the password of tests, unless it exists, as a member of `roles`."""
    with suppress(IuError):
        owner.execute(f"create role {login} login password '{PASSWORD}'")
    for role in roles:
        owner.execute(f"grant {role} to {login}")


def url_of(url: str, login: str) -> str:
    """Return `url` with the name of `login` and the password of tests."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{login}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}").geturl()


class Sender:
    """A simulated sender: a login of its own that claims and records."""

    def __init__(self, url: str, name: str, deployment: str = DEPLOYMENT) -> None:
        self.name = name
        self.session = psycopg.connect(url, autocommit=True, row_factory=dict_row)
        self.session.execute("set default_transaction_isolation = 'read committed'")
        self.session.execute("select set_config('iu.deployment', %s, false)", (deployment,))

    def claim(
        self, target: str = "hook", limit: int = 100, run_ref: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the claims of one call of `fn_iu_delivery_claim`, each as a dictionary of its columns."""
        return self.session.execute(
            "select * from public.fn_iu_delivery_claim(%s, %s, %s, %s)", (target, limit, self.name, run_ref)
        ).fetchall()

    def record(
        self, claims: Sequence[Mapping[str, Any]], decision: str = "sent", **facts: Any
    ) -> dict[str, Any]:
        """Record the same outcome for `claims`; `facts` are further keys, such as `status_code`."""
        outcomes = [
            {"claim_id": claim["claim_id"], "fence": claim["fence"], "decision": decision, **facts}
            for claim in claims
        ]
        row = self.session.execute(
            "select public.fn_iu_delivery_record(%s) as said", (json.dumps(outcomes),)
        ).fetchone()
        assert row is not None
        return dict(row["said"])

    def close(self) -> None:
        self.session.close()


class World:
    """The administrator's view of one database with the module, and the senders that work on it."""

    def __init__(self, owner: Gateway, url: str, login: str) -> None:
        self.owner = owner
        self.url = url
        self.login = login
        self.approver = f"{login}_approver"
        self._senders: list[Sender] = []
        make_login(owner, login, "iu_sender")

    def sender(self, name: str = "sender-1") -> Sender:
        """Return a new sender with a connection of its own."""
        sender = Sender(url_of(self.url, self.login), name)
        self._senders.append(sender)
        return sender

    def close(self) -> None:
        for sender in self._senders:
            sender.close()

    def set_gate(self, gate: str, value: str) -> None:
        self.owner.fetch_value("select public.fn_iu_gate_set(%s, %s, 'test')", (GATES[gate], value))

    def open_gates(self) -> None:
        """Open the gates of the worker and of delivery, and list every route that was promoted."""
        for gate in ("master", "worker", "delivery"):
            self.set_gate(gate, "true")
        codes = self.owner.fetch_value(
            """select coalesce(string_agg(route_code, ',' order by route_code), '')
               from public.iu_delivery_route"""
        )
        self.set_gate("live_routes", codes)

    def add_target(self, name: str, kind: str = "webhook", **columns: Any) -> int:
        """Add a target that is granted to the senders of this world, and return its number."""
        values = {"target_name": name, "kind": kind, "address": f"https://{name}.example/", **columns}
        names, marks = ", ".join(values), ", ".join(f"%({key})s" for key in values)
        self.owner.execute(f"insert into public.iu_delivery_target ({names}) values ({marks})", values)
        self.owner.execute(
            """insert into public.iu_delivery_target_sender (target_no, login)
               select target_no, %s from public.iu_delivery_target where target_name = %s""",
            (self.login, name),
        )
        return int(
            self.owner.fetch_value(
                "select target_no from public.iu_delivery_target where target_name = %s", (name,)
            )
        )

    def add_private_target(self, name: str, address: str, **columns: Any) -> int:
        """Add a target that an approver allows to have a private address, and return its number."""
        number = self.add_target(name, address=address, **columns)
        make_login(self.owner, self.approver, "iu_approver")
        with Gateway(url_of(self.url, self.approver)) as approver:
            targets.allow_private(approver, name, True, "test")
        return number

    def add_route(self, route_code: str, event_type: str, target: str, **terms: Any) -> int:
        """Add a route to `target` and make it live; `terms` are those of `promote`. Return its number."""
        self.owner.execute(
            """insert into public.iu_outbound_route (
                   route_code, event_type, enabled, target_kind, target_ref
               )
               select %s, %s, true, kind, target_name from public.iu_delivery_target
               where target_name = %s""",
            (route_code, event_type, target),
        )
        return self.promote(route_code, **terms)

    def promote(self, route_code: str, **terms: Any) -> int:
        """Make the route live on the owner's authority, from the beginning of its domain at first."""
        row = self.owner.fetch_one(
            _PROMOTE,
            {
                "route_code": route_code, "share": 1, "max_per_minute": None, "max_failure_share": 1,
                "valid_for": "1 day", "deployment": DEPLOYMENT, **terms,
            },
        )  # fmt: skip
        assert row is not None
        self.owner.fetch_value(
            "select (public.fn_iu_cursor_make(%s, %s, 'delivery')).worker_name",
            (f"live:{row['route_no']}", row["event_domain"]),
        )
        return int(row["route_no"])

    def emit(self, subject: int | None, count: int = 1, event_type: str = "version_applied") -> list[UUID]:
        """Emit `count` events about the subject with this number, or each about itself."""
        rows = self.owner.fetch_all(
            """select public.fn_iu_emit_event(
                   %(type)s, 'doc/' || coalesce(%(subject)s, 0), %(ref)s, 'test',
                   jsonb_build_object('version_seq', n)
               ) as event_id from generate_series(1, %(count)s) as n""",
            {
                "type": event_type, "subject": subject, "count": count,
                "ref": None if subject is None else UUID(int=subject),
            },
        )  # fmt: skip
        return [row["event_id"] for row in rows]

    def enqueue(self, route_code: str = "shop.paid", limit: int = 1000) -> dict[str, Any]:
        """Return the answer of one call of `fn_iu_delivery_enqueue`."""
        with self.owner.transaction() as session:
            session.fetch_value("select set_config('iu.deployment', %s, true)", (DEPLOYMENT,))
            said = session.fetch_value("select public.fn_iu_delivery_enqueue(%s, %s)", (route_code, limit))
        return dict(said)

    def queue(self) -> list[dict[str, Any]]:
        """Return the rows of the queue in the order of `subject_no`."""
        return self.owner.fetch_all("select * from public.iu_delivery order by subject_no")

    def pass_time(self, seconds: float) -> None:
        """Move every time that the protocol compares with the clock back, as if `seconds` had passed."""
        with self.owner.transaction() as session:
            for table, columns in _TIMES.items():
                moved = ", ".join(f"{name} = {name} - make_interval(secs => %(by)s)" for name in columns)
                session.execute(f"update public.{table} set {moved}", {"by": seconds})
