"""The error boundary: every error is a message with an exit code, and never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from cli.emitting import SUBJECT
from cli.running import Iu, commands, refused
from iu_pipelines import settings
from iu_pipelines.cli.connection import connect
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import PermissionDenied

EMIT = ("emit", "version_applied", "docs/a", "--subject", SUBJECT, "--actor", "test")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("emit", "nope", "docs/a", "--subject", SUBJECT, "--actor", "test"), ["nope"]),
        (("emit", "version_applied", "", "--subject", SUBJECT, "--actor", "test"), ["canonical_address"]),
        (("emit", "version_applied", "docs/a", "--subject", SUBJECT, "--actor", ""), ["actor_ref"]),
        ((*EMIT, "--payload", "[]"), ["array"]),
        ((*EMIT, "--payload", "null"), ["payload"]),
        ((*EMIT, "--payload", '{"a": [{"Body": "x"}]}'), ["Body"]),
        ((*EMIT, "--payload", '{"a": {"api_token": "x"}}'), ["api_token"]),
        ((*EMIT, "--payload", '{"n": "' + "x" * 9000 + '"}'), ["8192"]),
        (("run", "--worker", "two words"), ["two words"]),
        (("seek", "nowhere", "--reason", "test"), ["nowhere"]),
        (("seek", "beginning", "--reason", ""), ["reason"]),
        (("replay", SUBJECT), [SUBJECT]),
        (("discard", SUBJECT, "--reason", "test"), [SUBJECT]),
        (("gate", "set", "no.such", "true", "--reason", "test"), ["no.such"]),
        (("gate", "set", "iu_core.routes_enabled", "maybe", "--reason", "test"), ["maybe"]),
        (("route", "enable", "nope"), ["nope"]),
        (("route", "add", "iu.second", "nope"), ["nope"]),
        (("route", "add", "Not A Code", "version_applied"), ["Not A Code"]),
        (("route", "add", "iu.version_applied.workflow", "version_applied"), ["iu.version_applied.workflow"]),
        (("batch", "show", "99"), ["99"]),
        ((*EMIT, "--payload", r'{"a": "\u0000"}'), ["payload", "u0000"]),
        ((*EMIT, "--payload", r'{"a": "\ud800"}'), ["payload", "surrogate"]),
        ((*EMIT, "--payload", '{"a": 1e400}'), ["payload", "Out of range float"]),
        (("run", "--worker", "a\udc80"), ["'\\udc80'"]),
        (("emit", "version_applied", "a\udc80", "--subject", SUBJECT, "--actor", "t"), ["'a\\udc80'"]),
    ],
)
def test_an_error_of_the_database_exits_with_1_and_names_the_value(
    kept_iu: Iu, words: tuple[str, ...], named: list[str]
) -> None:
    refused(kept_iu(*words), 1, *named)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("frob",), ["no such command 'frob'", "See: iu --help"]),
        (("staus",), ["Did you mean 'status'", "See: iu --help"]),
        (("gate", "sho"), ["no such command 'sho'. Did you mean 'show'?", "See: iu gate --help"]),
        (("run", "--frob"), ["no such option: --frob", "See: iu run --help"]),
        (("run", "--batch-limt", "3"), ["Did you mean --batch-limit?", "See: iu run --help"]),
        (("run", "--batch-limit", "many"), ["--batch-limit 'many' is not a whole number"]),
        (("run", "--batch-limit", "0"), ["--batch-limit 0 is not in the range 1 to 100000"]),
        (("run", "--batch-limit", "99999999999"), ["99999999999 is not in the range 1 to 100000"]),
        (("run", "--max-batches", "0"), ["--max-batches 0 is less than 1"]),
        (("run", "--max-seconds", "soon"), ["--max-seconds 'soon' is not a number"]),
        (("run", "--worker", ""), ["--worker '' is blank", "iu worker list"]),
        (("verify", "--worker", "a", "--worker", " "), ["--worker ' ' is blank"]),
        (("emit", "version_applied"), ["missing argument 'address'", "See: iu emit --help"]),
        (("emit", "version_applied", "a", "--subject", "abc", "--actor", "t"), ["abc", "UUID"]),
        ((*EMIT, "--payload", "{oops"), ["not JSON", "{oops", "column"]),
        ((*EMIT, "--payload", '{"n": NaN}'), ["NaN"]),
        ((*EMIT, "--payload", "[" * 100_000), ["nested too deeply"]),
        ((*EMIT, "--payload", '{"n": ' + "9" * 5000 + "}"), ["not JSON", "4300 digits"]),
        ((*EMIT, "--payload", "@/no/such/file"), ["/no/such/file"]),
        ((*EMIT, "--payload", "@/"), ["'/'"]),
        (("replay",), ["--due"]),
        (("replay", SUBJECT, "--due"), ["--due"]),
        (("replay", "abc"), ["abc"]),
        (("discard", SUBJECT), ["missing option '--reason'", "See: iu discard --help"]),
        (("rollback", "frob"), ["frob"]),
        (("verify", "frob"), ["frob"]),
        (("probe", "frob"), ["frob"]),
        (("audit", "--limit", "0"), ["--limit"]),
    ],
)
def test_bad_usage_exits_with_2_and_names_what_was_given(
    no_iu: Iu, words: tuple[str, ...], named: list[str]
) -> None:
    refused(no_iu(*words), 2, *named)


def test_an_option_without_its_value_names_the_command_at_hand(command: Iu) -> None:
    refused(command("run", "--worker"), 2, "option '--worker' requires an argument", "See: iu run --help")
    refused(command("gate", "set", "--reason"), 2, "See: iu gate set --help")
    refused(command("--database-url"), 2, "See: iu --help")


def test_a_group_without_a_command_prints_its_help_and_what_is_missing_on_stderr(command: Iu) -> None:
    groups = [words for words, one in commands() if hasattr(one, "commands")]
    plain = [words for words in groups if words not in {("audit",), ("deliver",), ("evidence",)}]
    assert len(plain) > 8
    for words in plain:
        path = " ".join(("iu", *words))
        done = command(*words)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"Usage: {path} ")
        assert "\n\nerror: " in done.err
        assert done.err.endswith(f"error: {path} needs a command\nhint:  Choose one from: {path} --help\n")
        assert command("--json", *words).error["message"] == f"{path} needs a command"


def ranged() -> Iterator[tuple[tuple[str, ...], str, float | None, float | None]]:
    """Yield each option with a range: the words of the command, the option, and the two limits."""
    for words, one in commands():
        for option in one.params:
            limits = getattr(option, "min", None), getattr(option, "max", None)
            if limits != (None, None):
                yield words, option.opts[-1], *limits


def test_every_value_out_of_range_is_refused_in_one_sentence(no_iu: Iu) -> None:
    tried = [*ranged()]
    assert len(tried) > 15
    for words, option, least, most in tried:
        for value in ([least - 1] if least is not None else []) + ([most + 1] if most is not None else []):
            done = no_iu(*words, option, str(value))
            limits = (
                f"is not in the range {least} to {most}" if None not in (least, most) else f"than {least}"
            )
            refused(done, 2, f"error: {option} {value} ", limits)
            assert "Traceback" not in done.err


def test_a_setting_is_refused_in_plain_words(no_iu: Iu, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value, message in (
        ("IU_BATCH_LIMIT", "many", "IU_BATCH_LIMIT = 'many' is not a whole number"),
        ("IU_BATCH_LIMIT", "0", "IU_BATCH_LIMIT = '0' is less than 1"),
        ("IU_BATCH_LIMIT", "100001", "IU_BATCH_LIMIT = '100001' is more than 100000"),
        ("IU_WORKER_NAME", " ", "IU_WORKER_NAME = ' ' must not be blank"),
        ("IU_EMBEDDED", "perhaps", "IU_EMBEDDED = 'perhaps' is not true or false"),
        ("IU_EVIDENCE_URL", "here", "IU_EVIDENCE_URL = 'here' is not a URL"),
        ("IU_EVIDENCE_URL", "ftp://here", "IU_EVIDENCE_URL = 'ftp://here' is not an http:// or https:// URL"),
        ("IU_NOTIFY_URL", "s3cret", "IU_NOTIFY_URL must be an http:// or https:// URL"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            done = no_iu("run")
        refused(done, 2, f"error: {message}\n", f"hint:  {name} is ")
        assert not {"s3cret", "Input should", "Value error"} & {*done.err.split()}


@pytest.mark.parametrize(
    ("url", "code", "named"),
    [
        ("mysql://localhost/x", 2, "mysql"),
        ("nonsense", 2, "nonsense"),
        ("postgresql+psycopg2://localhost/x", 2, "leave the driver out"),
        ("postgresql://iu@127.0.0.1:1/x", 1, "127.0.0.1:1"),
        ("postgresql://iu@no-such-host.invalid/x", 1, "no-such-host.invalid"),
        ("postgresql://iu:s3cret@127.0.0.1:1/x", 1, "iu:***@"),
    ],
)
def test_a_wrong_database_url_is_an_error_without_its_password(
    command: Iu, url: str, code: int, named: str
) -> None:
    done = command("status", "--database-url", url)
    refused(done, code, named)
    assert "s3cret" not in done.err


def test_a_usage_error_does_not_repeat_the_password(command: Iu) -> None:
    done = command("run", "--frob", "--database-url", "postgresql://iu:s3cret@127.0.0.1:1/x")
    refused(done, 2, "--frob")
    assert "s3cret" not in done.err


@pytest.mark.parametrize("words", [("run",), ("audit",), ("gate", "show"), ("types",), ("replay", "--due")])
def test_an_empty_database_asks_for_migrate(empty_iu: Iu, words: tuple[str, ...]) -> None:
    refused(empty_iu(*words), 1, "iu migrate")


def test_an_error_in_json_is_one_object_on_stderr(kept_iu: Iu) -> None:
    done = kept_iu("emit", "nope", "a", "--subject", SUBJECT, "--actor", "t", "--json")
    assert (done.code, done.out) == (1, "")
    assert done.error["code"] == "IU101"
    assert "nope" in done.error["message"]
    assert done.error["hint"]
    assert kept_iu("run", "--frob", "--json").error["code"] is None


def test_a_bad_setting_is_a_usage_error_that_names_the_variable(
    iu: Iu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_BATCH_LIMIT", "many")
    refused(iu("run"), 2, "IU_BATCH_LIMIT", "many")


def test_a_role_without_privileges_gets_an_error_that_says_so(
    database: str, gateway: Gateway, command: Iu
) -> None:
    role = f"iu_test_{uuid4().hex}"
    gateway.execute(f"create role {role} login password 'x'")
    try:
        scheme, _, rest = database.partition("://")
        done = command("run", "--database-url", f"{scheme}://{role}:x@{rest.rpartition('@')[2]}")
        assert done.code == 1
        assert "permission denied" in done.err
        assert "Traceback" not in done.err
    finally:
        gateway.execute(f"drop role {role}")


def test_the_hint_of_a_table_of_others_names_its_owner_and_no_role_of_iu(
    database: str, gateway: Gateway
) -> None:
    role = f"iu_test_{uuid4().hex}"
    gateway.execute(f"create table orders (); create role {role} login password 'x' in role workflow_admin")
    scheme, _, rest = database.partition("://")
    chosen = settings.load(database_url=f"{scheme}://{role}:x@{rest.rpartition('@')[2]}")
    owner = f"The login is {role}. The owner of orders, which is not part of iu, can grant it the privilege."
    try:
        with pytest.raises(PermissionDenied) as refused_table, connect(chosen) as opened:
            opened.fetch_all("select * from orders")
    finally:
        gateway.execute(f"drop table orders; drop role {role}")
    assert refused_table.value.hint == owner


def test_the_hint_about_the_schema_names_the_grant_and_its_roles(database: str, gateway: Gateway) -> None:
    role = f"iu_test_{uuid4().hex}"
    gateway.execute(
        f"""revoke usage on schema public from public, iu_auditor;
            create role {role} login password 'x' in role iu_auditor"""
    )
    scheme, _, rest = database.partition("://")
    chosen = settings.load(database_url=f"{scheme}://{role}:x@{rest.rpartition('@')[2]}")
    try:
        with (
            pytest.raises(PermissionDenied, match="schema public") as refusal,
            connect(chosen) as opened,
        ):
            opened.fetch_all("select * from public.event_outbox")
    finally:
        gateway.execute(f"drop role {role}")
    assert str(refusal.value.hint).startswith(
        f"The login is {role}. Let the owner of the schema run: grant usage on schema public to iu_emitter, "
        "workflow_admin, iu_auditor. "
    )


def test_a_read_only_session_is_named_with_what_to_look_at(command: Iu, database: str) -> None:
    separator = "&" if "?" in database else "?"
    read_only = f"{database}{separator}options=-c%20default_transaction_read_only%3Don"
    done = command("type", "disable", "version_applied", "--reason", "test", "--database-url", read_only)
    refused(done, 1, "read-only transaction", "server.writable")


def test_the_hint_of_an_invalid_url_says_how_values_of_options_are_written(command: Iu) -> None:
    done = command("run", "--database-url", "postgresql://u@h/d?options=-c%20x=y")
    refused(done, 2, "is invalid", "= is %3D")


def test_an_unexpected_error_is_a_message_and_a_traceback_only_with_debug(
    iu: Iu, monkeypatch: pytest.MonkeyPatch, database: str, command: Iu
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("iu_pipelines.domain.event_types.list_types", broken)
    refused(iu("types"), 1, "unexpected ZeroDivisionError: by zero", "--debug")
    assert "Traceback" in command("--debug", "types", "--database-url", database).err
