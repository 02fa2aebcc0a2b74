"""The domain functions of the outbox: emitting events and counting them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from domain.samples import emit
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import outbox, worker
from iu_pipelines.errors import ArgumentInvalid, IuError, PayloadInvalid, PayloadNotRefsOnly, UnknownEventType


def test_emitting_returns_the_id_of_the_event_in_the_outbox(gateway: Gateway) -> None:
    event_id = emit(gateway, {"child_count": 2})
    row = gateway.fetch_one("select * from public.event_outbox where event_id = %s", (event_id,))
    assert row is not None
    assert (row["event_stream"], row["delivery_lane"], row["safe_payload"]) == (
        "update",
        "immediate",
        {"child_count": 2},
    )


def test_emitting_many_returns_their_ids_in_order(gateway: Gateway) -> None:
    events = [outbox.NewEvent("version_applied", f"docs/{n}", uuid4(), "test", {"n": n}) for n in range(5)]
    ids = outbox.emit_many(gateway, events)
    rows = gateway.fetch_all("select event_id, safe_payload from public.event_outbox order by event_seq")
    assert [row["event_id"] for row in rows] == ids
    assert [row["safe_payload"]["n"] for row in rows] == list(range(5))


def test_emitting_many_with_one_bad_event_emits_none(gateway: Gateway) -> None:
    good = outbox.NewEvent("version_applied", "docs/a", uuid4(), "test", {})
    bad = outbox.NewEvent("nope", "docs/a", uuid4(), "test", {})
    with pytest.raises(UnknownEventType, match="nope"):
        outbox.emit_many(gateway, [good, bad])
    assert outbox.overview(gateway).events == 0


@pytest.mark.parametrize(
    ("payload", "refusal", "named"),
    [
        ([], PayloadInvalid, "array"),
        ("text", PayloadInvalid, "string"),
        (7, PayloadInvalid, "number"),
        ({"n": "x" * 9000}, PayloadInvalid, "8192"),
        ({"body": "x"}, PayloadNotRefsOnly, "body"),
        ({"a": [{"deep": {"PassWord": "x"}}]}, PayloadNotRefsOnly, "PassWord"),
        ({"a": list(range(17))}, PayloadNotRefsOnly, "17|numbers"),
    ],
)
def test_an_invalid_payload_is_refused_with_the_reason(
    gateway: Gateway, payload: Any, refusal: type[IuError], named: str
) -> None:
    with pytest.raises(refusal, match=named) as refused:
        emit(gateway, payload)
    assert refused.value.hint
    assert outbox.overview(gateway).events == 0


def test_arguments_that_are_missing_or_empty_are_refused_by_name(gateway: Gateway) -> None:
    with pytest.raises(IuError, match=r"event_type|unknown event type"):
        outbox.emit(gateway, None, "docs/a", uuid4(), "test", {})
    with pytest.raises(ArgumentInvalid, match="canonical_address"):
        outbox.emit(gateway, "version_applied", "", uuid4(), "test", {})
    with pytest.raises(ArgumentInvalid, match="subject_ref"):
        outbox.emit(gateway, "version_applied", "docs/a", None, "test", {})
    with pytest.raises(ArgumentInvalid, match="actor_ref"):
        outbox.emit(gateway, "version_applied", "docs/a", uuid4(), None, {})


@pytest.mark.parametrize("text", ["docs/\x00", "docs/\ud800", "\udc80"])
def test_text_that_postgresql_cannot_store_raises_argument_invalid(gateway: Gateway, text: str) -> None:
    for call in (
        lambda: outbox.emit(gateway, "version_applied", text, uuid4(), "test", {}),
        lambda: outbox.emit(gateway, text, "docs", uuid4(), "test", {}),
        lambda: worker.run_once(gateway, text, 1),
        lambda: worker.seek(gateway, "w", text, "test"),
    ):
        with pytest.raises(ArgumentInvalid) as refused:
            call()
        assert refused.value.message.isprintable()
        assert refused.value.hint


@pytest.mark.parametrize(
    "payload",
    [{"name": "\x00"}, {"\x00": 1}, {"name": "\ud800"}, {"n": float("nan")}, {"n": float("inf")}],
    ids=ascii,
)
def test_a_payload_that_jsonb_rejects_raises_payload_invalid(
    gateway: Gateway, payload: dict[str, Any]
) -> None:
    with pytest.raises(PayloadInvalid):
        emit(gateway, payload)
    with pytest.raises(PayloadInvalid):
        outbox.emit_many(gateway, [outbox.NewEvent("version_applied", "docs", uuid4(), "test", payload)])


@pytest.mark.parametrize("depth", [900, 30_000])
def test_a_payload_that_is_nested_too_deeply_raises_payload_invalid(gateway: Gateway, depth: int) -> None:
    payload: dict[str, Any] = {}
    for _ in range(depth):
        payload = {"a": payload}
    with pytest.raises(PayloadInvalid):
        emit(gateway, payload)


def test_only_events_of_the_domain_are_counted_by_type(gateway: Gateway) -> None:
    emit(gateway)
    emit(gateway)
    emit(gateway, event_type="sql_link_created")
    gateway.execute(
        """insert into public.event_outbox (event_id, event_domain, event_type)
           values (gen_random_uuid(), 'other', 'something')"""
    )
    overview = outbox.overview(gateway)
    assert [(count.event_type, count.events) for count in overview.by_type] == [
        ("version_applied", 2),
        ("sql_link_created", 1),
    ]
    assert (overview.events, overview.capped) == (3, False)


def test_the_figures_are_those_of_the_domains_asked_for(gateway: Gateway) -> None:
    emit(gateway)
    gateway.execute("select public.fn_iu_route_worker_run('iu_outbound_default', 100)")
    gateway.execute("update public.event_type_registry set event_domain = 'shop'")
    shop = emit(gateway)
    assert outbox.overview(gateway).events == 1
    assert outbox.overview(gateway, ["iu", "shop"]).events == 2
    assert outbox.newest(gateway, "shop") == shop
    assert outbox.events_per_second(gateway, ["iu", "shop"], seconds=2) == 1.0
