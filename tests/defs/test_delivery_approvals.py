"""Nothing can be approved in Dagster: no function, op, config or login of it decides."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, Final

import pytest

from defs.delivering import (
    Delivering,
)
from delivery.world import url_of
from iu_pipelines import defs as package
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.domain import promotions
from iu_pipelines.errors import NotAnApprover, PermissionDenied

FORBIDDEN: Final = {
    *("propose", "decide", "approve", "demote", "propose_threshold", "decide_threshold"),
    *("allow_private", "record_rehearsal", "record_test", "grant", "revoke", "set_paused", "set_enabled"),
}
"""The functions of the domain that decide, propose, or change what may be delivered."""

GUARDED: Final = {"promotions", "targets"}


def test_no_module_of_the_definitions_uses_a_function_that_decides() -> None:
    for path in Path(package.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in GUARDED
        }
        imported = {
            name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] in GUARDED
            for name in node.names
        }
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not (used | imported) & FORBIDDEN, path
        assert not [one for one in texts if isinstance(one, str) and "fn_iu_route_promotion_" in one], path


def test_no_op_or_config_of_any_job_can_approve() -> None:
    every = Mount(targets=("hook",), actions=frozenset({"gate_set", "worker_seek", "dead_letter_discard"}))
    jobs = build_defs(every).resolve_all_job_defs()
    nodes = [node for job in jobs for node in job.all_node_defs]
    names = {node.name for node in nodes} | {job.name for job in jobs}
    assert "deliver" in names
    fields = {
        field
        for node in nodes
        if node.has_config_field and node.config_field
        for field in (getattr(node.config_field.config_type, "fields", {}) or {})
    }
    assert "linger_seconds" in fields
    for word in ("approv", "propos", "promot", "decid", "demot", "threshold"):
        assert not [name for name in (*names, *fields) if word in name]


def test_the_logins_of_dagster_cannot_approve_in_the_database(delivering: Delivering) -> None:
    promotion = promotions.list_promotions(delivering.world.owner)[0]
    for login, refusal in (
        (delivering.admin, (NotAnApprover, PermissionDenied)),
        (delivering.world.login, (NotAnApprover, PermissionDenied)),
    ):
        with Gateway(url_of(delivering.world.url, login)) as gateway, pytest.raises(refusal):
            promotions.decide(gateway, promotion.promotion_no, "approve", "test")


def test_no_job_changes_promotions_or_targets(delivering: Delivering) -> None:
    delivering.world.emit(1, 2)
    before = _governed(delivering)
    for job in ("delivery_job", "health_audit_job", "route_worker_job", "dead_letter_replay_job"):
        assert delivering.location.run(job).success
    assert _governed(delivering) == before


def _governed(delivering: Delivering) -> dict[str, Any]:
    return {
        table: delivering.world.owner.fetch_all(f"select t::text as row from public.{table} as t order by 1")
        for table in (
            *("iu_route_promotion", "iu_route_promotion_decision", "iu_promotion_threshold"),
            *("iu_promotion_threshold_change", "iu_promotion_threshold_decision", "iu_delivery_target"),
            *("iu_delivery_target_sender", "iu_delivery_target_test", "iu_delivery_rehearsal"),
        )
    }
