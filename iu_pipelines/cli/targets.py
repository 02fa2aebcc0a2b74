"""`iu target`: the targets of live delivery, the logins that may deliver to them, and their tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from iu_pipelines.cli.command import (
    Answer,
    DeliveryGateway,
    Invocation,
    SenderGateway,
    add_command,
    add_group,
)
from iu_pipelines.cli.configuration import changed_columns, said
from iu_pipelines.cli.options import Limit, OptionalReason, Reason
from iu_pipelines.cli.output import (
    print_facts,
    print_hint,
    print_line,
    print_table,
    print_verbatim,
    print_warnings,
    when,
)
from iu_pipelines.cli.target_options import (
    Address,
    AfterFailover,
    LeaseSeconds,
    MaxInDoubt,
    MaxPerMinute,
    OnDeadLetter,
    Options,
    RetrySeconds,
    SecretName,
    TimeoutSeconds,
    columns,
)
from iu_pipelines.delivery import kinds, postgres, secrets, trials
from iu_pipelines.delivery.kind import TargetKind
from iu_pipelines.domain import configuration, deliveries, delivery_reasons, targets
from iu_pipelines.domain.plans.delivery import Ended
from iu_pipelines.domain.quantities import counted
from iu_pipelines.domain.targets import StateChange, Target, TargetChange, TargetTest
from iu_pipelines.errors import (
    ArgumentInvalid,
    DeliveryRefused,
    NotAnApprover,
    PermissionDenied,
    TargetNotSafe,
    UsageError,
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", show_default=False, help="A target from iu target list.")
]


def register(app: typer.Typer) -> None:
    """Add the commands about targets."""
    group = add_group(app, "target", "Targets of live delivery: where the events of live routes are sent.")
    add_command(group, add, writes=True)
    add_command(group, change, "set", writes=True)
    add_command(group, list_all, "list")
    add_command(group, show)
    add_command(group, grant, writes=True)
    add_command(group, revoke, writes=True)
    add_command(group, pause, writes=True)
    add_command(group, resume, writes=True)
    add_command(group, enable, writes=True)
    add_command(group, disable, writes=True)
    add_command(group, remove, writes=True)
    add_command(group, rotate_secret, "rotate-secret", as_sender=True)
    add_command(group, test, writes=True)
    add_command(group, inbox_sql, "inbox-sql")


def add(
    call: Invocation,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, dots, dashes and underscores.")
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind", metavar="KIND", help="webhook, postgres, dagster_job, kafka, or another kind."
        ),
    ],
    address: Address = None,
    secret_name: SecretName = None,
    timeout_seconds: TimeoutSeconds = None,
    lease_seconds: LeaseSeconds = None,
    max_per_minute: MaxPerMinute = None,
    retry_seconds: RetrySeconds = None,
    max_in_doubt: MaxInDoubt = None,
    on_dead_letter: OnDeadLetter = None,
    at_most_once: Annotated[
        bool, typer.Option("--at-most-once", help="What may have been sent is not sent again.")
    ] = False,
    after_failover: AfterFailover = None,
    options: Options = None,
    reason: OptionalReason = None,
) -> Answer:
    """Add one target. Nothing is sent to it until a route to it was promoted by two people.

    Examples:
        iu target add shop-hook --kind webhook --address https://hooks.example.com/in --secret SHOP
            --max-per-minute 600
        iu target add receipts --kind dagster_job --option events_per_run=10
    """
    if not re.fullmatch(targets.NAME_PATTERN, name):
        raise UsageError(
            f"{name[:100]!r} is not a name of a target",
            hint="Use up to 100 lower-case letters, digits, dots, dashes and underscores.",
        )
    given = columns(
        {
            "kind": kind,
            "address": address,
            "secret_name": secret_name,
            "timeout_seconds": timeout_seconds,
            "lease_seconds": lease_seconds,
            "max_per_minute": max_per_minute,
            "retry_seconds": retry_seconds,
            "max_in_doubt": max_in_doubt,
            "on_dead_letter": on_dead_letter,
            "at_most_once": at_most_once or None,
            "after_failover": after_failover,
        },
        options,
        None,
    )
    warnings = _check(
        name, kind, address or "", given.get("options", {}), given.get("secret_name"), private=False
    )
    warnings += _longer_lease(given, lease_seconds, targets.DEFAULTS["lease_seconds"])
    with call.connect_to_module() as gateway, gateway.transaction() as session:
        configuration.give_reason(session, reason)
        if not targets.add(session, name, given):
            raise ArgumentInvalid(
                f"target {name!r} already exists", hint=f"Change it with: iu target set {name}"
            )
        target = targets.get(session, name)
    return _defined(target, f"added, version {target.target_version}", warnings)


def change(
    call: Invocation,
    name: Name,
    address: Address = None,
    secret_name: SecretName = None,
    timeout_seconds: TimeoutSeconds = None,
    lease_seconds: LeaseSeconds = None,
    max_per_minute: MaxPerMinute = None,
    retry_seconds: RetrySeconds = None,
    max_in_doubt: MaxInDoubt = None,
    on_dead_letter: OnDeadLetter = None,
    at_most_once: Annotated[
        bool | None,
        typer.Option(
            "--at-most-once/--at-least-once",
            show_default=False,
            help="Whether what may have been sent is not sent again; default: unchanged.",
        ),
    ] = None,
    after_failover: AfterFailover = None,
    options: Options = None,
    allow_private: Annotated[
        bool | None,
        typer.Option(
            "--allow-private/--no-allow-private",
            show_default=False,
            help="Whether the address may be loopback, private or link-local. Only an approver may set it, "
            "and nothing else in the same call.",
        ),
    ] = None,
    reason: OptionalReason = None,
) -> Answer:
    """Change one target. What is not given stays as it is. A change ends the promotions to the target.

    Examples:
        iu target set shop-hook --max-per-minute 60 --reason "as the receiver asks"
        iu target set shop-hook --allow-private --reason "the receiver is in our network"
    """
    given = {
        "address": address,
        "secret_name": secret_name,
        "timeout_seconds": timeout_seconds,
        "lease_seconds": lease_seconds,
        "max_per_minute": max_per_minute,
        "retry_seconds": retry_seconds,
        "max_in_doubt": max_in_doubt,
        "on_dead_letter": on_dead_letter,
        "at_most_once": at_most_once,
        "after_failover": after_failover,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    if allow_private is not None:
        return _allow_private(call, name, allow_private, reason, alone=not (changes or options))
    if not (changes or options):
        raise UsageError("nothing to change", hint="Give an option, such as --address or --max-per-minute.")
    with _moves(name, address), call.connect_to_module() as gateway, gateway.transaction() as session:
        configuration.give_reason(session, reason)
        before = targets.get(session, name)
        wanted = columns(changes, options, before)
        warnings = _check(
            name,
            before.kind,
            wanted.get("address", before.address),
            wanted.get("options", before.options),
            wanted.get("secret_name", before.secret_name),
            private=before.allow_private,
        )
        warnings += _longer_lease(wanted, lease_seconds, before.lease_seconds)
        ended = Ended(session)
        targets.change(session, name, wanted)
        target = targets.get(session, name)
        warnings += ended.warnings()
    if target.target_version == before.target_version:
        return _defined(target, "unchanged", warnings)
    return _defined(target, f"changed, version {target.target_version}", warnings)


def _longer_lease(wanted: Mapping[str, Any], given: int | None, before: int) -> list[str]:
    """Return a warning if the lease becomes longer because the timeout does."""
    lease = wanted.get("lease_seconds")
    if lease is None or given is not None:
        return []
    return [f"the lease is {lease} s instead of {before} s: it is at least two timeouts of {lease // 2} s"]


@contextmanager
def _moves(name: str, address: str | None) -> Iterator[None]:
    """Give a refused change of an address the steps for a target whose address may be private.

    Approvers may neither read nor change a target, and administrators not change this address.
    """
    try:
        yield
    except (NotAnApprover, PermissionDenied) as error:
        if address is not None:
            change = f"iu target set {name}"
            error.hint = (
                "Members of workflow_admin change a target. If its address may be private, it takes three "
                f"steps: an approver runs {change} --no-allow-private --reason WHY, then an administrator "
                f"{change} --address ADDRESS, then the approver {change} --allow-private --reason WHY"
            )
        raise


def _allow_private(call: Invocation, name: str, allowed: bool, reason: str | None, *, alone: bool) -> Answer:
    if not alone:
        raise UsageError(
            "--allow-private is set by an approver, and the other options by workflow_admin",
            hint="Give it alone, in a call of its own.",
        )
    if not reason:
        raise UsageError("--allow-private needs --reason", hint="Add: --reason WHY")
    with call.connect_to_module() as gateway:
        answer = targets.allow_private(gateway, name, allowed, reason)
    said = "may be" if answer["allow_private"] else "must not be"
    line = f"{name}: its address {said} private; version {answer['target_version']}"
    return Answer(answer, lambda: print_line(line))


def _check(
    name: str, kind: str, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
) -> list[str]:
    """Check a definition by the kind, and return warnings: it cannot be checked, or must be allowed first.

    Raises:
        TargetNotSafe, ArgumentInvalid: as `TargetKind.check` does.
    """
    try:
        loaded: type[TargetKind] = kinds.load(kind)
    except (UsageError, ArgumentInvalid) as error:
        return [f"the address and the options were not checked: {error.message}"]
    try:
        loaded.check(address, options, secret_name, private=private)
    except (TargetNotSafe, ArgumentInvalid) as error:
        if private:
            raise
        loaded.check(address, options, secret_name, private=True)
        return [targets.only_private(name, error)]
    return []


def _defined(target: Target, said: str, warnings: Sequence[str]) -> Answer:
    def print_all() -> None:
        print_line(f"{target.target_name}: {said}")
        if not target.senders:
            print_line(f"let a login deliver to it with: iu target grant {target.target_name} LOGIN")
        print_warnings(warnings)

    return Answer({**vars(target), "warnings": list(warnings)}, print_all)


def list_all(gateway: DeliveryGateway) -> Answer:
    """Show every target.

    Examples:
        iu target list
    """
    found = targets.list_targets(gateway)
    rows = [
        (
            one.target_name,
            one.kind,
            one.address,
            _state(one),
            one.max_per_minute,
            ", ".join(one.routes) or None,
            ", ".join(one.senders) or None,
        )
        for one in found
    ]
    names = ("target", "kind", "address", "state", "per minute", "routes", "logins")
    return Answer(found, lambda: print_table("Targets", names, rows, empty="none"))


def _state(target: Target) -> str:
    """Return in words whether deliveries are claimed, as far as the target alone decides it."""
    states = {
        "disabled": not target.enabled,
        "paused": target.paused,
        "held after a failover": target.failover_hold,
        "breaker open": target.breaker != "closed",
    }
    return next((word for word, is_so in states.items() if is_so), "enabled")


def show(gateway: DeliveryGateway, name: Name, limit: Limit = 10) -> Answer:
    """Show one target: its definition, deliveries, logins, routes, tests, versions and changes.

    Examples:
        iu target show shop-hook
    """
    with gateway.transaction() as session:
        target = targets.get(session, name)
        queue = next((one for one in deliveries.status(session) if one.target == name), None)
        tests = targets.newest_tests(session, name, limit)
        versions = targets.versions(session, name, limit)
        changes = targets.history(session, name, limit)

    def print_all() -> None:
        print_facts(_facts(target))
        if queue:
            print_facts(_queue(queue))
        _print_tests(tests, target)
        print_table(
            "Versions",
            ("version", "at", "by"),
            [(str(one.target_version), one.recorded_at, one.recorded_by) for one in versions],
            empty="none",
        )
        _print_changes(changes)

    data = {**vars(target), "queue": queue, "tests": tests, "versions": versions, "history": changes}
    return Answer(data, print_all)


def _facts(target: Target) -> dict[str, Any]:
    once = "at most once" if target.at_most_once else f"at least once, in doubt {target.max_in_doubt} times"
    limit = target.max_per_minute
    return {
        "target": f"{target.target_name}, version {target.target_version}",
        "kind": target.kind,
        "address": target.address or None,
        "private": "allowed" if target.allow_private else "refused",
        "secret": target.secret_name,
        "state": _state(target),
        "timeout": f"{target.timeout_seconds} s, lease {target.lease_seconds} s",
        "rate": "no limit" if limit is None else f"{limit:,} a minute",
        "retries": ", ".join(map(str, target.retry_seconds)) + " s",
        "sends": once,
        "dead letters": f"{target.on_dead_letter} the subject",
        "failover": target.after_failover,
        "options": ", ".join(f"{key}={said(value)}" for key, value in target.options.items()) or None,
        "routes": ", ".join(target.routes) or "none",
        "logins": ", ".join(target.senders) or "none",
    }


def _queue(queue: deliveries.TargetQueue) -> dict[str, Any]:
    states = [state for state in deliveries.QUEUE_STATES if getattr(queue, state)]
    counts = [f"{queue.shown(state)} {state.replace('_', ' ')}" for state in states]
    return {"deliveries": ", ".join(counts) or "none"}


def _print_tests(tests: Sequence[targets.TargetTested], target: Target) -> None:
    print_table(
        "Newest tests",
        ("test", "at", "version", "passed", "answer", "by"),
        [
            (
                str(one.test_no),
                one.tested_at,
                f"{one.target_version}{'' if one.target_version == target.target_version else ' (older)'}",
                one.passed,
                one.status_class,
                one.tested_by,
            )
            for one in tests
        ],
        empty=f"none; test it with: iu target test {target.target_name}",
    )


def _print_changes(changes: Sequence[TargetChange]) -> None:
    print_table(
        "Newest changes",
        ("at", "change", "by", "reason"),
        [(one.changed_at, _difference(one), one.changed_by, one.reason) for one in changes],
        empty="none",
    )


def _difference(change: TargetChange) -> str:
    old, new = change.old_value or {}, change.new_value or {}
    if change.change != "changed":
        login = new.get("login") or old.get("login")
        return f"{change.change} {login}" if login else change.change
    return changed_columns(old, new)


Login = Annotated[str, typer.Argument(metavar="LOGIN", help="The name of a role that may log in.")]


def grant(gateway: DeliveryGateway, name: Name, login: Login, reason: OptionalReason = None) -> Answer:
    """Let a login, a member of iu_sender, deliver to a target.

    Examples:
        iu target grant shop-hook carla
    """
    with gateway.transaction() as session:
        configuration.give_reason(session, reason)
        targets.get(session, name)
        is_new = targets.grant(session, name, login)
    said = "may deliver now" if is_new else "could deliver already"
    return _of_login(name, login, "granted" if is_new else "unchanged", said)


def revoke(gateway: DeliveryGateway, name: Name, login: Login, reason: OptionalReason = None) -> Answer:
    """Forbid a login to deliver to a target. It may still record what it has claimed.

    Examples:
        iu target revoke shop-hook carla --reason "carla has left"
    """
    with gateway.transaction() as session:
        configuration.give_reason(session, reason)
        targets.get(session, name)
        was_granted = targets.revoke(session, name, login)
    said = "may not deliver any more" if was_granted else "could not deliver before either"
    return _of_login(name, login, "revoked" if was_granted else "unchanged", said)


def _of_login(name: str, login: str, status: str, said: str) -> Answer:
    answer = {"status": status, "target_name": name, "login": login}
    return Answer(answer, lambda: print_line(f"{name}: login {login} {said}"))


def pause(gateway: DeliveryGateway, name: Name, reason: Reason) -> Answer:
    """Pause a target: nothing of it is claimed, and its deliveries wait.

    Examples:
        iu target pause shop-hook --reason "the receiver has a problem"
    """
    return _changed(targets.set_paused(gateway, name, True, reason))


def resume(gateway: DeliveryGateway, name: Name, reason: Reason) -> Answer:
    """Resume a target that was paused, or that waits for a person after a failover.

    Examples:
        iu target resume shop-hook --reason "the receiver is back"
    """
    return _changed(targets.set_paused(gateway, name, False, reason))


def enable(gateway: DeliveryGateway, name: Name, reason: Reason) -> Answer:
    """Enable a target.

    Examples:
        iu target enable shop-hook --reason "the receiver is back"
    """
    return _changed(targets.set_enabled(gateway, name, True, reason))


def disable(gateway: DeliveryGateway, name: Name, reason: Reason) -> Answer:
    """Disable a target: nothing of it is claimed, and its deliveries wait.

    Examples:
        iu target disable shop-hook --reason "the receiver moves"
    """
    return _changed(targets.set_enabled(gateway, name, False, reason))


def _changed(change: StateChange) -> Answer:
    return Answer(change, lambda: print_line(f"{change.target_name}: {change.status}{in_flight(change)}"))


def in_flight(change: Any) -> str:
    """Return how many deliveries are in flight, and until when: an answer with `in_flight` and `until`."""
    if not change.in_flight:
        return "; nothing is in flight"
    return (
        f"; {counted(change.in_flight, 'delivery', 'deliveries')} in flight may still be sent until "
        f"{when(change.until)}"
    )


def remove(gateway: DeliveryGateway, name: Name, reason: Reason) -> Answer:
    """Remove one target to which no route was ever promoted.

    Examples:
        iu target remove shop-hook --reason "never used"
    """
    with gateway.transaction() as session:
        configuration.give_reason(session, reason)
        target = targets.get(session, name)
        targets.remove(session, name)
    routes = [f"route {code} has no target any more" for code in target.routes]

    def print_all() -> None:
        print_line(f"{name}: removed")
        print_warnings(routes)

    return Answer({"status": "removed", "target_name": name, "warnings": routes}, print_all)


def rotate_secret(
    call: Invocation,
    name: Name,
    finish: Annotated[
        bool, typer.Option("--finish", help="Take the previous value away: the receiver knows the new one.")
    ] = False,
) -> Answer:
    """Put a new value before that of a target's secret, in its file. Senders sign with both until --finish.

    Run it as the login that delivers, where its secrets are (IU_SECRETS_DIR). No value is printed.

    Examples:
        iu target rotate-secret shop-hook
        iu target rotate-secret shop-hook --finish
    """
    with call.connect_as_sender() as gateway:
        secret_name = _secret_name(gateway, name)
    chosen = call.settings()
    done = secrets.finish(chosen, secret_name) if finish else secrets.rotate(chosen, secret_name)
    lines = [f"{name}: secret {secret_name} has {counted(done.values, 'value')} now, in {done.path}"]
    if not finish:
        lines.append("give the first value of the file to the receiver beside the old one, then run:")
        lines.append(f"iu target rotate-secret {name} --finish")
    return Answer(done, lambda: print_line("\n".join(lines)))


def _secret_name(gateway: SenderGateway, name: str) -> str:
    found = trials.granted(gateway, name).secret_name
    if found is None:
        raise ArgumentInvalid(
            f"target {name!r} has no secret", hint=f"Name one with: iu target set {name} --secret NAME"
        )
    return found


def test(call: Invocation, gateway: SenderGateway, name: Name) -> Answer:
    """Send a made-up body to a target, as the login that delivers, and record the class of the answer.

    The gates must be open and the target enabled. An inbox of kind postgres rolls the row back; for the kind
    pull nothing is sent. Exit code 1 if the target did not accept it.

    Examples:
        iu target test shop-hook
    """
    done = send_test(gateway, name, secrets.Secrets(call.sender_settings()))
    hint = test_hint(done)

    def print_all() -> None:
        print_line(test_line(done))
        print_hint(hint)

    return Answer({**vars(done), "hint": hint}, print_all, failed=not done.passed)


def inbox_sql() -> Answer:
    """Print the SQL that creates the inbox in the database that receives, for a target of kind postgres.

    Examples:
        iu target inbox-sql | psql postgresql://db.example.com/orders
    """
    text = postgres.inbox_sql()
    return Answer({"sql": text}, lambda: print_verbatim(text.rstrip("\n")))


def send_test(gateway: SenderGateway, name: str, given: secrets.Secrets) -> TargetTest:
    """Send a test as `trials.send_test` does. A refusal gets the command that removes its cause as a hint."""
    try:
        return trials.send_test(gateway, name, given)
    except DeliveryRefused as error:
        word = error.message.rpartition(": ")[2]
        if word in delivery_reasons.REFUSALS:
            error.hint = delivery_reasons.hint(word, name)
        raise


def test_hint(done: TargetTest) -> str | None:
    """Return what a person does about a test that failed, if it is known."""
    return None if done.passed else delivery_reasons.answer_hint(done.status_class, done.target_name)


def test_line(done: TargetTest) -> str:
    """Return a line about a test."""
    said = "passed" if done.passed else "failed"
    about = f"test {done.test_no} of version {done.target_version}"
    return f"{done.target_name}: {about} {said}: {done.status_class}"
