"""The logins of a promotion, each with a connection of its own, and a route that meets every rule.

The thresholds are lowered by two of the logins, as they would be anywhere; nothing is inserted as the owner.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from delivery.world import DEPLOYMENT, GATES, make_login, url_of
from iu_pipelines.db.gateway import Gateway

ROLES: Final = {
    "admin": ("workflow_admin",),
    "colleague": ("workflow_admin",),
    "approver": ("iu_approver",),
    "both": ("workflow_admin", "iu_approver"),
    "sender": ("iu_sender",),
    "stranger": ("iu_sender",),
    "auditor": ("iu_auditor",),
    "emitter": ("iu_emitter",),
    "owner": ("iu_owner", "workflow_admin", "iu_approver"),
    "root": ("workflow_admin", "iu_approver"),
}
"""The logins; owner is a member of iu_owner, and root a superuser."""

EVENTS, SUBJECTS = 12, 4

ROUTE: Final = "shop.paid"

_TYPES: Final = {
    "share": "numeric", "max_per_minute": "int", "max_failure_share": "numeric", "valid_for": "interval",
}  # fmt: skip

PACK: Final = "ab" * 32


class Office:
    """One database with the module, seen by the people and the sender of a promotion."""

    def __init__(self, owner: Gateway, url: str) -> None:
        self.owner = owner
        self.url = url
        self._sessions: dict[str, psycopg.Connection[dict[str, Any]]] = {}
        for name, roles in ROLES.items():
            make_login(owner, self.login(name), *roles)
        owner.execute(f"alter role {self.login('root')} superuser")

    @staticmethod
    def login(name: str) -> str:
        return f"iu_test_office_{name}_{os.getpid()}"

    def session(self, name: str) -> psycopg.Connection[dict[str, Any]]:
        """Return the connection of a login, opened at the first use."""
        if name not in self._sessions:
            url = url_of(self.url, self.login(name))
            session = psycopg.connect(url, autocommit=True, row_factory=dict_row)
            session.execute("set default_transaction_isolation = 'read committed'")
            session.execute("select set_config('iu.deployment', %s, false)", (DEPLOYMENT,))
            self._sessions[name] = session
        return self._sessions[name]

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()

    def call(self, name: str, function: str, *values: Any) -> Any:
        """Return the result of a function of SQL that a login calls."""
        marks = ", ".join(["%s"] * len(values))
        row = self.session(name).execute(f"select public.{function}({marks}) as said", values).fetchone()
        assert row is not None
        return row["said"]

    def run(self, name: str, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of a statement that a login executes."""
        cursor = self.session(name).execute(statement, values)
        return cursor.fetchall() if cursor.description else []

    def set_threshold(self, threshold: str, value: int) -> None:
        """Let one login propose another value of a threshold, and a second one approve it."""
        said = self.call("admin", "fn_iu_promotion_threshold_propose", threshold, value, "a test")
        decided = self.call(
            "approver", "fn_iu_promotion_threshold_decide", said["change_no"], "approve", "a test"
        )
        assert decided["status"] == "approved"

    def emit(self, events: int = EVENTS, subjects: int = SUBJECTS, **payload: Any) -> None:
        """Let the administrator emit events about the first subjects in turn, and attempt them."""
        for number in range(events):
            self.call(
                "admin", "fn_iu_emit_event", "version_applied", f"doc/{number}",
                UUID(int=number % subjects + 1), "test", psycopg.types.json.Jsonb(payload or {"n": number}),
            )  # fmt: skip
        self.attempt()

    def attempt(self) -> None:
        while self.call("admin", "fn_iu_route_worker_run", "iu_outbound_default", 1000)["seen"]:
            pass

    def rehearse(self, route: str = ROUTE) -> list[dict[str, Any]]:
        """Let the sender rehearse each kind of event of a route; return the answers."""
        return [
            self.call(
                "sender", "fn_iu_delivery_rehearsal_record", route, sample["event_id"],
                sha256(sample["body"].encode()).hexdigest(), "v1,signature",
            )
            for sample in self.run("sender", "select * from public.fn_iu_delivery_rehearse(%s)", route)
        ]  # fmt: skip

    def test_target(self, passed: bool = True, target: str = "hook") -> None:
        self.call("sender", "fn_iu_delivery_target_test_record", target, passed, "2xx" if passed else "5xx")

    def record_pack(self, passed: bool = True, pack: str = PACK) -> int:
        return int(self.call("auditor", "fn_iu_evidence_pack_record", pack, passed))

    def prepare(self) -> None:
        """Make a target and a route to it, and everything that a proposal needs."""
        for threshold, value in (("events", EVENTS), ("subjects", SUBJECTS), ("hours", 0)):
            self.set_threshold(threshold, value)
        for gate in ("worker", "delivery"):
            self.call("admin", "fn_iu_gate_set", GATES[gate], "true", "a test")
        self.run(
            "admin",
            "insert into public.iu_delivery_target (target_name, kind, address) "
            "values ('hook', 'webhook', 'https://hook.example/')",
        )
        self.run(
            "admin",
            "insert into public.iu_delivery_target_sender (target_no, login) "
            "select target_no, %s from public.iu_delivery_target",
            self.login("sender"),
        )
        self.run(
            "admin",
            "insert into public.iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref) "
            "values (%s, 'version_applied', true, 'webhook', 'hook')",
            ROUTE,
        )
        self.call("admin", "fn_iu_gate_set", GATES["live_routes"], ROUTE, "a test")
        self.emit()
        self.rehearse()
        self.test_target()
        self.record_pack()

    def propose(self, name: str = "admin", **terms: Any) -> dict[str, Any]:
        """Return the answer to a proposal of the route by a login; `terms` replace the usual ones."""
        given: dict[str, Any] = {
            "route_code": ROUTE, "share": 1, "max_per_minute": None, "max_failure_share": 0.5,
            "valid_for": "7 days", "deployment": DEPLOYMENT, "queued": "deliver", "reason": "a test", **terms,
        }  # fmt: skip
        names = ", ".join(f"{key} => %s::{_TYPES.get(key, 'text')}" for key in given)
        (row,) = self.run(
            name, f"select public.fn_iu_route_promotion_propose({names}) as said", *given.values()
        )
        return dict(row["said"])

    def decide(self, promotion_no: int, decision: str = "approve", name: str = "approver") -> dict[str, Any]:
        said = self.call(name, "fn_iu_route_promotion_decide", promotion_no, decision, "a test")
        return dict(said)

    def promote(self, **terms: Any) -> dict[str, Any]:
        """Return the answer to the approval of a proposal."""
        return self.decide(self.propose(**terms)["promotion_no"])

    def demote(self, name: str = "admin") -> dict[str, Any]:
        return dict(self.call(name, "fn_iu_route_demote", ROUTE, "a test"))

    def enqueue(self) -> dict[str, Any]:
        return dict(self.call("sender", "fn_iu_delivery_enqueue", ROUTE, 1000))

    def claim(self) -> list[dict[str, Any]]:
        return self.run("sender", "select * from public.fn_iu_delivery_claim('hook', 100, 'sender-1')")

    def queued(self) -> int:
        return int(self.owner.fetch_value("select count(*) from public.iu_delivery"))

    def promotions(self) -> list[dict[str, Any]]:
        return self.run("auditor", "select * from public.fn_iu_promotion_list()")
