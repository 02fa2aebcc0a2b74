"""`iu why`, `iu event list` and `iu event show`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import typer

from iu_pipelines import emit as emission
from iu_pipelines.cli.command import Answer, add_command, add_group
from iu_pipelines.cli.options import (
    Limit,
    OfDomain,
    OfType,
    Since,
    SubjectKey,
    SubjectTable,
    parse_uuid,
    row_number,
)
from iu_pipelines.cli.output import print_facts, print_line, print_table, when
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import attempts, delivery_reasons, event_types, events, gates, worker
from iu_pipelines.domain.attempts import Attempt
from iu_pipelines.domain.events import Chosen, Explanation, Newest
from iu_pipelines.domain.health import at_least
from iu_pipelines.domain.outbox import Event
from iu_pipelines.errors import UsageError

EventId = Annotated[
    UUID, typer.Argument(parser=parse_uuid, metavar="EVENT_ID", help="The id of the event, a UUID.")
]


def register(app: typer.Typer) -> None:
    """Add the commands about stored events."""
    add_command(app, why)
    group = add_group(app, "event", "List and show events.")
    add_command(group, list_events, "list")
    add_command(group, show_event, "show")


def why(
    gateway: Gateway,
    event_id: EventId,
    workers: Annotated[
        list[str] | None,
        typer.Option(
            "--worker",
            metavar="NAME",
            show_default=False,
            help="Only this worker; default: all in use, and retired ones that tried it. May be repeated.",
        ),
    ] = None,
) -> Answer:
    """Explain what happened to one event: worker, route, rule, gate, batch, run and dead letter.

    Exit code 1 if the event is not stored.

    Examples:
        iu why 0199c1d2-0000-7000-8000-000000000042
        iu why 0199c1d2-0000-7000-8000-000000000042 --worker shop_outbound
    """
    if workers:
        for name in workers:
            worker.require(gateway, name)
    found = events.why(gateway, event_id, workers or events.workers(gateway, event_id))
    if workers:
        found = events.only(found, workers)
    return Answer(found, lambda: _print_explanation(found), failed=found.event is None)


def _print_explanation(found: Explanation) -> None:
    if found.event is None:
        print_line(found.answer)
    for one in found.workers:
        print_line(f"{one.reading.worker_name}: {one.answer}")
    listed = next((gate.value or "" for gate in found.gates if gate.key == gates.LIVE_ROUTES), None)
    for state in found.deliveries:
        said = delivery_reasons.with_list(delivery_reasons.explain(state), listed, state.route_code)
        print_line(f"delivery on {state.route_code}: {state.state}: {said}")
    _print_event(found)
    _print_workers(found)
    _print_rules(found)
    print_tries(found.attempts)
    _print_batches(found)
    _print_letters(found)
    _print_deliveries(found)
    _print_gates(found)
    rounds = [(one.event_domain, one.newest_at, one.dropped_at) for one in found.retention]
    _print_rows("Retention", ("domain", "events deleted up to", "deleted at"), rows=rounds)


def _print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, or nothing if it has no row."""
    if rows:
        print_table(title, columns, rows, empty="none")


def _print_event(found: Explanation) -> None:
    event, kind = found.event, found.event_type
    if event is None or found.origin is None:
        return
    print_line("")
    print_facts(
        {
            "event": event.event_id,
            "type": f"{event.event_type} ({_state(kind.enabled if kind else None)})",
            "domain": event.event_domain,
            "emitted": event.created_at,
            "from": found.origin.answer,
            "actor": event.actor_ref,
            "subject": f"{event.event_subject_table} {event.event_subject_ref}",
            "address": event.canonical_address,
        }
    )


def _state(enabled: bool | None) -> str:
    return "not registered" if enabled is None else "enabled" if enabled else "disabled"


def _print_workers(found: Explanation) -> None:
    rows = [
        (
            one.reading.worker_name,
            one.reading.event_domain,
            one.reading.status,
            at_least(one.reading.events_before, capped=one.reading.events_before_capped)
            if one.reading.status == "waiting"
            else None,
            ", ".join(one.held_by) or None,
            one.reading.last_run_at,
        )
        for one in found.workers
    ]
    _print_rows("Workers", ("worker", "domain", "status", "events before", "held by", "last run"), rows)


def _print_rules(found: Explanation) -> None:
    routes = {route.route_code: route for route in found.routes}
    rows = [
        (
            one.worker_name,
            one.route_code,
            one.matched,
            one.rule,
            "now" if one.read_at is None else when(one.read_at),
            _state(routes[one.route_code].enabled) if one.route_code in routes else "not of this type",
        )
        for one in found.rules
    ]
    columns = ("worker", "route", "matched", "rule", "as of", "now")
    _print_rows("Routes", columns, rows)
    if found.event and not found.rules and not found.routes:
        print_line(f"Routes: none has the type {found.event.event_type}")


def print_tries(tries: Sequence[Attempt]) -> None:
    """Print the attempts of one event as a table, or nothing if there are none."""
    rows = [
        (
            str(one.attempt_id),
            one.worker_name,
            one.route_code,
            one.attempt_no,
            one.decision,
            None if one.batch_id is None else str(one.batch_id),
            one.run_ref,
            one.created_at,
            one.error_detail,
        )
        for one in tries
    ]
    columns = ("attempt", "worker", "route", "try", "decision", "batch", "run", "at", "error")
    _print_rows("Attempts (a try after the first is a replay)", columns, rows)


def _print_batches(found: Explanation) -> None:
    rows = [
        (str(one.batch_id), one.worker_name, one.run_ref, one.started_at, one.finished_at, one.seen)
        for one in found.batches
    ]
    _print_rows("Batches", ("batch", "worker", "run", "started", "finished", "events"), rows)


def _print_letters(found: Explanation) -> None:
    rows = [
        (
            one.dead_letter_id,
            one.worker_name,
            one.route_code,
            one.failure_detail,
            one.attempts,
            one.resolution or "open",
            None if one.resolution else one.next_replay_at,
        )
        for one in found.dead_letters
    ]
    columns = ("dead letter", "worker", "route", "failure", "attempts", "state", "next replay")
    _print_rows("Dead letters", columns, rows)


def _print_deliveries(found: Explanation) -> None:
    """Print the states of the deliveries."""
    rows = [
        (one.route_code, one.state, one.since, one.attempts, one.run_ref, one.next_at)
        for one in found.deliveries
    ]
    _print_rows("Deliveries", ("route", "state", "since", "attempts", "run", "next"), rows)


def _print_gates(found: Explanation) -> None:
    """Print the closed gates that hold the event, or the replay of its open dead letter."""
    changes = {change.key: change for change in found.gate_changes}
    holders = {name for one in found.workers for name in one.held_by}
    if any(letter.resolution is None for letter in found.dead_letters):
        holders.add("master")
    rows = [
        (gate.key, gate.updated_at, gate.updated_by, getattr(changes.get(gate.key), "reason", None))
        for gate in found.gates
        if events.HOLDERS.get(gate.key) in holders and not gate.is_open
    ]
    _print_rows("Closed gates", ("gate", "since", "by", "reason"), rows)


def list_events(
    gateway: Gateway,
    event_type: OfType = None,
    domain: OfDomain = None,
    subject: Annotated[
        UUID | None,
        typer.Option(
            "--subject",
            parser=parse_uuid,
            metavar="UUID",
            show_default=False,
            help="Only events of this subject.",
        ),
    ] = None,
    subject_table: SubjectTable = None,
    subject_key: SubjectKey = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            metavar="ADDRESS",
            show_default=False,
            help="Only events with this canonical address.",
        ),
    ] = None,
    since: Since = None,
    before: Annotated[
        int | None,
        typer.Option(
            "--before",
            metavar="SEQ",
            callback=row_number,
            show_default=False,
            help="Only events with a lower event_seq, for the next page.",
        ),
    ] = None,
    limit: Limit = 20,
) -> Answer:
    """List the newest events.

    --type, --address, --since and the subject select among the newest 10,000.

    Examples:
        iu event list --type order_paid --since 1h
        iu event list --subject-table public.orders --subject-key 17
    """
    if subject_table is not None or subject_key:
        subject = _subject_of_row(subject, subject_table, subject_key)
    if event_type is not None:
        event_types.require(gateway, event_type)
    if domain is not None:
        event_types.require_domain(gateway, domain)
    chosen = Chosen(event_type, domain, subject, since, address)
    found = events.newest(gateway, chosen, limit, before)
    next_before = _next_page(found, limit)
    data = {"events": found.events, "events_read": found.events_read, "next_before": next_before}
    return Answer(data, lambda: _print_events(found, next_before))


def _subject_of_row(subject: UUID | None, table: str | None, key: list[str] | None) -> UUID:
    if subject is not None or table is None or not key:
        raise UsageError(
            "give --subject, or --subject-table and --subject-key",
            hint="Give a UUID, or the table and the key: --subject-table shop.orders and --subject-key 5.",
        )
    return emission.subject(table, key)


def _next_page(found: Newest, limit: int) -> int | None:
    """Return the value of --before for the next page, or None if there is none."""
    if found.events and len(found.events) == limit:
        return found.events[-1].event_seq
    return found.oldest_seq if found.is_bounded else None


def _print_events(found: Newest, next_before: int | None) -> None:
    rows = [
        (
            str(event.event_seq),
            event.created_at,
            event.event_id,
            event.event_type,
            event.event_domain,
            event.canonical_address,
            event.actor_ref,
        )
        for event in found.events
    ]
    columns = ("seq", "at", "event", "type", "domain", "address", "actor")
    title = "Newest events"
    if found.is_bounded:
        title += f" (of the {found.events_read:,} that were searched)"
    print_table(title, columns, rows, empty="none")
    if next_before is not None:
        print_line(f"Older events: --before {next_before}")


def show_event(gateway: Gateway, event_id: EventId) -> Answer:
    """Show one event as it is stored, with its attempts. Exit code 1 if it is not stored.

    Examples:
        iu event show 0199c1d2-0000-7000-8000-000000000042
    """
    event = events.get(gateway, event_id)
    if event is None:
        answer = events.why(gateway, event_id, ()).answer
        return Answer({"event": None, "answer": answer}, lambda: print_line(answer), failed=True)
    tries = attempts.for_event(gateway, event_id)
    return Answer({"event": event, "attempts": tries}, lambda: _print_stored(event, tries))


def _print_stored(event: Event, tries: Sequence[Attempt]) -> None:
    facts = {name: "-" if value is None else value for name, value in vars(event).items()}
    numbers = {name: str(facts[name]) for name in ("emitted_xid", "event_seq")}
    payload = json.dumps(event.safe_payload, ensure_ascii=False)
    print_facts(facts | numbers | {"safe_payload": payload})
    if not tries:
        print_line("No attempt yet.")
    print_tries(tries)
    print_line(f"What each worker and route did with it: iu why {event.event_id}")
