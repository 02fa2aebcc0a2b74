"""The outbox file: what is read, what is refused with line and field, its JSON schema, and its text."""

from __future__ import annotations

import json
import re
import time
from typing import Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import pages
from iu_pipelines.domain.outbox_file import model, writing, yaml_nodes
from iu_pipelines.domain.outbox_file.model import (
    Capture,
    DeliveryTarget,
    EventType,
    OutboxFile,
    Route,
    Worker,
)
from iu_pipelines.domain.outbox_file.problems import named, shown
from iu_pipelines.domain.outbox_file.reading import read
from iu_pipelines.errors import OutboxFileInvalid

SHOP: Final = b"""\
event_types:
  order_paid:
    subject_table: public.orders
    payload_keys: [total_cents, item_count]
routes:
  shop.order_paid.billing:
    event_type: order_paid
    target: {kind: webhook, ref: billing}
captures:
  shop.orders.paid:
    table: public.orders
    on: update
    when: {becomes: {status: paid}}
    event_type: order_paid
    subject: id
    address: orders/{id}
    payload: {total_cents: total_cents, item_count: item_count}
    mode: dry_run
workers:
  shop_outbound: {domain: iu}
"""

TYPE: Final = "event_types: {a: {subject_table: orders, payload_keys: any%s}}"
ROUTE: Final = "routes: {a: {event_type: a, target: {kind: %s, ref: %s}}}"
TARGET: Final = "targets: {shop-hook: {kind: webhook, %s}}"
CAPTURE: Final = (
    "captures: {a: {table: public.orders, on: update, event_type: a, subject: id, address: 'a/{id}'%s}}"
)


def refusal(text: str | bytes) -> OutboxFileInvalid:
    with pytest.raises(OutboxFileInvalid) as caught:
        read(text if isinstance(text, bytes) else text.encode(), "outbox.yaml")
    return caught.value


def everything(error: OutboxFileInvalid) -> str:
    return "\n".join((error.message, *getattr(error, "__notes__", ()), error.hint or ""))


def test_the_file_of_the_shop_is_read() -> None:
    file = read(SHOP, "outbox.yaml").file
    assert file.event_types == {
        "order_paid": EventType(subject_table="public.orders", payload_keys=("total_cents", "item_count"))
    }
    assert file.event_types["order_paid"].domain == "iu"
    assert file.routes["shop.order_paid.billing"].enabled
    capture = file.captures["shop.orders.paid"]
    assert (capture.on, capture.subject, capture.mode) == ("update", ("id",), "dry_run")
    assert capture.when.becomes == {"status": "paid"}
    assert file.workers == {"shop_outbound": Worker(domain="iu")}


@pytest.mark.parametrize(
    "word", ["on", "off", "yes", "no", "y", "0123", "1_000", "12:30:00", "2026-01-01", "0b1"]
)
def test_words_that_older_yaml_converts_are_text(word: str) -> None:
    node = yaml_nodes.compose(f"{word}: {word}".encode())
    assert isinstance(node, yaml_nodes.Keyed)
    (key,) = node.values
    value = node.values[key]
    assert isinstance(value, yaml_nodes.Scalar)
    assert key == word
    assert value.text == word
    assert value.value == (123 if word == "0123" else word)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("12", 12),
        ("-12", -12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-.inf", float("-inf")),
        ("'true'", "true"),
        ('"12"', "12"),
        ("tRUE", "tRUE"),
        ("0o18", "0o18"),
    ],
)
def test_plain_values_follow_the_core_schema(text: str, value: Any) -> None:
    node = yaml_nodes.compose(f"a: {text}".encode())
    assert isinstance(node, yaml_nodes.Keyed)
    found = node.values["a"]
    assert isinstance(found, yaml_nodes.Scalar)
    assert (found.value, type(found.value)) == (value, type(value))


def test_values_of_conditions_are_the_text_of_the_file() -> None:
    when = (
        "when: {becomes: {a: 1.50}, equals: {b: true, c: 'null'}, in: {d: [1, 0x1F, on, ' ']}, "
        "is_null: {e: true}}"
    )
    found = read((CAPTURE % f", {when}").encode(), "f").file.captures["a"].when
    assert found.becomes == {"a": "1.50"}
    assert found.equals == {"b": "true", "c": "null"}
    assert found.one_of == {"d": ("1", "0x1F", "on", " ")}
    assert found.is_null == {"e": True}


def test_a_column_and_a_list_of_columns_are_short_forms() -> None:
    file = read((CAPTURE % ", payload: [b, c]").encode(), "f").file
    assert file.captures["a"].subject == ("id",)
    assert file.captures["a"].payload == {"b": "b", "c": "c"}


LONG: Final = "a" * 200

REFUSED: Final = {
    "an empty file": (b"", "line 1, column 1: the file is empty", "sections"),
    "a comment only": (b"# nothing\n", "the file is empty", "sections"),
    "null": (b"~", "the value is empty", "Write"),
    "a list": (b"- a", "line 1, column 1: a list is not accepted here", "mapping"),
    "no UTF-8": (b"routes:\n  a: \xff", "line 2, column 6: byte 0xff is not UTF-8", "Save"),
    "UTF-16": ("routes: {}".encode("utf-16"), "byte 0xff is not UTF-8", "Save"),
    "a control character": (
        b"routes:\n  'a\x1b': 1",
        "line 2, column 5: control character '\\x1b'",
        "Delete",
    ),
    "a NUL": (b"routes: \0", "line 1, column 9: control character '\\x00'", "Delete"),
    "an escaped control character": (ROUTE % ("k", '"a\\e"'), "routes.a.target.ref: 'a\\x1b' is not", "URL"),
    "a lone surrogate": (ROUTE % ("k", '"\\ud800"'), "target.ref: '\\ud800' is not", "URL"),
    "no YAML": (b"routes: {a: [}", "line 1, column 14: the text is not YAML", "indentation"),
    "a tab": (b"routes:\n\ta: 1", "line 2, column 1: the text is not YAML", "indentation"),
    "two documents": (
        b"routes: {}\n---\nroutes: {}",
        "line 2, column 1: a second document begins",
        "Keep one",
    ),
    "a key twice": (
        b"routes: {}\nworkers: {}\nroutes: {}",
        "line 3, column 1: routes: the key 'routes' is there twice, first in line 1",
        "Keep",
    ),
    "a name twice": (
        b"workers:\n  a: {}\n  a: {}",
        "line 3, column 3: workers.a: the key 'a' is there twice",
        "Keep",
    ),
    "an anchor": (b"workers: {a: &x {}}", "line 1, column 14: workers.a: anchor '&x'", "Leave"),
    "an alias": (b"workers:\n  a: *x", "line 2, column 6: workers.a: alias '*x'", "Write the value again"),
    "an alias as a key": (b"workers:\n  *x : 1", "line 2, column 3: workers: alias '*x'", "Write"),
    "an anchor of a key": (b"&x workers: {}", "anchor '&x'", "Leave"),
    "a merge key": (b"workers:\n  <<: {}", "workers.'<<': '<<' is not a name of a worker", "A-Z"),
    "a tag": (
        b"workers: !!python/object:os.system {}",
        "line 1, column 10: workers: tag 'tag:yaml.org,2002:python/object:os.system'",
        "Leave",
    ),
    "a local tag": (b"workers: !x {}", "tag '!x'", "Leave"),
    "the tag of text": (
        b"workers: {a: {domain: !!str 1}}",
        "workers.a.domain: tag 'tag:yaml.org,2002:str'",
        "Leave",
    ),
    "a list as a key": (b"workers: {[a]: 1}", "workers: a key is a list or a mapping", "Use text"),
    "deep nesting": (b"a: " + b"[" * 100_000, "nested deeper than 10 levels", "iu schema"),
    "deep block nesting": ("\n".join("  " * n + "a:" for n in range(300)), "line 11, column 21", "iu schema"),
    "a section of another name": (
        b"route: {}",
        "line 1, column 1: route: the key 'route' is not known",
        "Did you mean routes?",
    ),
    "a target without a kind": (b"targets: {a: {}}", "targets.a.kind: this key is missing", "webhook"),
    "a private address": (
        TARGET % "allow_private: true",
        "targets.'shop-hook'.allow_private: only an approver may allow a private address",
        "iu target set shop-hook --allow-private --reason WHY",
    ),
    "a secret instead of its name": (
        TARGET % "secret: whsec_s3cret",
        "line 1, column 38: targets.'shop-hook'.secret: the value is not the name of a secret",
        "IU_SECRET_SHOP",
    ),
    "a number as a secret": (
        TARGET % "secret: 1234",
        "secret: the value is not the name of a secret",
        "SHOP",
    ),
    "a space in an address": (
        TARGET % "address: 'https://a.example/?x=s3cret y'",
        "targets.'shop-hook'.address: an address has no character ' '",
        "characters of a URL",
    ),
    "a long address": (
        TARGET % f"address: {'a' * 1001}",
        "address: the address has 1,001 characters",
        "up to 1,000",
    ),
    "an empty address": (TARGET % "address: ", "address: the value is empty", "leave the key out"),
    "a timeout of zero": (
        TARGET % "timeout_seconds: 0",
        "timeout_seconds: 0 is not a whole number from 1 to 300",
        "such as 10",
    ),
    "text as a timeout": (TARGET % "timeout_seconds: '10'", "'10' is not a whole number", "such as 10"),
    "a fraction": (TARGET % "max_per_minute: 1.5", "1.5 is not a whole number from 1 to 10,000,000", "600"),
    "true as a number": (TARGET % "max_in_doubt: true", "True is not a whole number from 1 to 1,000", "20"),
    "no timeout": (TARGET % "timeout_seconds: ", "timeout_seconds: the value is empty", "leave the key out"),
    "a short lease": (
        TARGET % "timeout_seconds: 30, lease_seconds: 59",
        "lease_seconds: 59 is less than two timeouts of 30 seconds",
        "Write at least 60, or a shorter timeout_seconds.",
    ),
    "the default lease and a long timeout": (
        TARGET % "timeout_seconds: 31",
        "line 1, column 11: targets.'shop-hook'.lease_seconds: 60 is less than two timeouts of 31 seconds",
        "Write at least 62",
    ),
    "a retry of a month": (
        TARGET % "retry_seconds: [5, 2592000]",
        "retry_seconds.[1]: 2592000 is not a whole number from 1 to 604,800",
        "such as 300",
    ),
    "one retry": (
        TARGET % "retry_seconds: 5",
        "retry_seconds: 5 is not accepted here",
        "Write a list, such as [5, 300, 1800].",
    ),
    "one sender": (TARGET % "senders: carla", "'carla' is not accepted here", "such as [carla]"),
    "a sender twice": (
        TARGET % "senders: [carla, carla]",
        "senders: 'carla' is there twice",
        "Write each login",
    ),
    "an unknown policy": (TARGET % "on_dead_letter: retry", "'retry' is not known", "Write park or skip."),
    "an unknown failover": (TARGET % "after_failover: go", "'go' is not known", "Write resume or hold."),
    "a list of options": (TARGET % "options: [a]", "options: a list is not accepted here", "mapping"),
    "an infinite option": (
        TARGET % "options: {a: {b: [.inf]}}",
        "options: the option 'a' has a number that is not finite, or has more than 15 digits",
        "numbers",
    ),
    "a large number as an option": (TARGET % "options: {a: 1e15}", "more than 15 digits", "numbers"),
    "a control character in an option": (
        TARGET % 'options: {a: "s3cret\\0"}',
        "options: the option 'a' has a control character, or more than 1,000 characters",
        "printable",
    ),
    "a lone surrogate in an option": (
        TARGET % 'options: {"\\ud800": 1}',
        "'\\ud800' has a control",
        "printable",
    ),
    "an empty section": (b"routes:", "routes: the value is empty", "leave the key out"),
    "a section as a list": (b"routes: [a]", "routes: a list is not accepted here", "mapping"),
    "an empty entry": (b"routes: {a: }", "routes.a: the value is empty", "leave the key out"),
    "a type without payload keys": (
        b"event_types: {a: {subject_table: t}}",
        "event_types.a.payload_keys: this key is missing",
        "the word any",
    ),
    "null payload keys": (
        b"event_types: {a: {subject_table: t, payload_keys: }}",
        "a.payload_keys: the value is empty",
        "the word any",
    ),
    "payload keys as a word": (
        b"event_types: {a: {subject_table: t, payload_keys: all}}",
        "'all' is no list of keys",
        "the word any",
    ),
    "a payload key twice": (
        b"event_types: {a: {subject_table: t, payload_keys: [b, b]}}",
        "'b' is there twice",
        "once",
    ),
    "a type without subject": (
        b"event_types: {a: {payload_keys: any}}",
        "subject_table: this key is missing",
        "orders",
    ),
    "yes for true": (
        TYPE % ", enabled: yes",
        "event_types.a.enabled: 'yes' is not accepted here",
        "true or false",
    ),
    "text for true": (TYPE % ", enabled: 'true'", "'true' is not accepted here", "true or false"),
    "a number for a name": (
        TYPE % ", stream: 5",
        "event_types.a.stream: 5 is not accepted here",
        "quotation marks",
    ),
    "a large number": (TYPE % f", stream: {'9' * 5000}", "event_types.a.stream: ", "Write"),
    "true for a name": (
        TYPE % ", lane: true",
        "event_types.a.lane: True is not accepted here",
        "quotation marks",
    ),
    "a route that is not dry": (
        b"routes: {a: {event_type: b, target: {kind: k, ref: r}, dry_run: false}}",
        "routes.a.dry_run: every route is a dry run",
        "Delete",
    ),
    "a route without target": (
        b"routes: {a: {event_type: b}}",
        "routes.a.target: this key is missing",
        "kind",
    ),
    "an unknown key of a target": (
        b"routes: {a: {event_type: b, target: {kind: k, reff: r}}}",
        "the key 'reff' is not known",
        "Did you mean ref?",
    ),
    "an unknown mode": (
        CAPTURE % ", mode: live",
        "captures.a.mode: 'live' is not known",
        "Write off, dry_run or emit",
    ),
    "false as a mode": (CAPTURE % ", mode: false", "captures.a.mode: False is not known", "Write off"),
    "truncate": (
        "captures: {a: {table: public.t, on: truncate, event_type: b}}",
        "'truncate' is not known",
        "insert, update or delete",
    ),
    "an unknown condition": (
        CAPTURE % ", when: {sql: '1=1'}",
        "captures.a.when.sql: the key 'sql' is not known",
        "becomes",
    ),
    "SQL as a condition": (
        CAPTURE % ", when: status = 'paid'",
        "captures.a.when: \"status = 'paid'\" is not accepted here",
        "mapping",
    ),
    "null in a condition": (
        CAPTURE % ", when: {equals: {a: null}}",
        "null is compared with is_null",
        "is_null: {column: true}",
    ),
    "no value in a list": (
        CAPTURE % ", when: {in: {a: []}}",
        "captures.a.when.in.a: the list is empty",
        "at least one",
    ),
    "an empty subject": (
        "captures: {a: {table: public.t, on: insert, event_type: b, subject: []}}",
        "the list is empty",
        "at least one",
    ),
    "an expression in braces": (
        "captures: {a: {table: public.t, on: insert, event_type: b, address: 'x/{lower(id)}'}}",
        "captures.a.address: 'x/{lower(id)}' is not an address",
        "braces",
    ),
    "an open brace": (
        "captures: {a: {table: public.t, on: insert, event_type: b, address: 'x/{id'}}",
        "is not an address",
        "braces",
    ),
    "an expression as a payload": (
        CAPTURE % ", payload: {total: 'a + 1'}",
        "captures.a.payload.total: 'a + 1' is not a column",
        "A-Z",
    ),
    "a long name": (f"workers: {{{LONG}: {{}}}}", "is not a name of a worker", "up to 100"),
    "a long list": (
        TYPE.replace("any", f"[{','.join(f'k{n}' for n in range(51))}]") % "",
        "more than 50 elements",
        "Leave some out",
    ),
    "a bidirectional override": (ROUTE % ("k", '"a\u202eb"'), "'a\\u202eb'", "URL"),
}


@pytest.mark.parametrize(("text", "message", "advice"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_has_its_line_its_field_and_advice(
    text: str | bytes, message: str, advice: str
) -> None:
    error = refusal(text)
    assert error.message.startswith("outbox.yaml, line ")
    assert message in error.message
    assert error.hint
    assert advice in error.hint
    assert "s3cret" not in everything(error)
    assert error.code == "IU701"
    assert all(character.isprintable() for character in everything(error).replace("\n", ""))


SQL: Final = "x'); drop table public.orders; --"
FIELDS: Final = {
    "event_types.*": '"{}": {{subject_table: t, payload_keys: any}}',
    "domain": 'a: {{domain: "{}", subject_table: t, payload_keys: any}}',
    "stream": 'a: {{stream: "{}", subject_table: t, payload_keys: any}}',
    "lane": 'a: {{lane: "{}", subject_table: t, payload_keys: any}}',
    "classification": 'a: {{classification: "{}", subject_table: t, payload_keys: any}}',
    "subject_table": 'a: {{subject_table: "{}", payload_keys: any}}',
    "payload_keys": 'a: {{subject_table: t, payload_keys: ["{}"]}}',
    "targets.*": '"{}": {{kind: k}}',
    "targets.kind": 'a: {{kind: "{}"}}',
    "targets.secret": 'a: {{kind: k, secret: "{}"}}',
    "targets.on_dead_letter": 'a: {{kind: k, on_dead_letter: "{}"}}',
    "targets.senders": 'a: {{kind: k, senders: ["{}"]}}',
    "routes.*": '"{}": {{event_type: a, target: {{kind: k, ref: r}}}}',
    "routes.event_type": 'a: {{event_type: "{}", target: {{kind: k, ref: r}}}}',
    "routes.kind": 'a: {{event_type: a, target: {{kind: "{}", ref: r}}}}',
    "routes.ref": 'a: {{event_type: a, target: {{kind: k, ref: "{}"}}}}',
    "captures.*": '"{}": {{table: public.t, on: insert, event_type: a}}',
    "captures.table": 'a: {{table: "public.{}", on: insert, event_type: a}}',
    "captures.on": 'a: {{table: public.t, on: "{}", event_type: a}}',
    "captures.event_type": 'a: {{table: public.t, on: insert, event_type: "{}"}}',
    "captures.subject_table": 'a: {{table: public.t, on: insert, event_type: a, subject_table: "{}"}}',
    "captures.subject": 'a: {{table: public.t, on: insert, event_type: a, subject: "{}"}}',
    "captures.address": 'a: {{table: public.t, on: insert, event_type: a, address: "{}"}}',
    "captures.payload key": 'a: {{table: public.t, on: insert, event_type: a, payload: {{"{}": b}}}}',
    "captures.payload": 'a: {{table: public.t, on: insert, event_type: a, payload: {{b: "{}"}}}}',
    "captures.becomes": 'a: {{table: public.t, on: insert, event_type: a, when: {{becomes: {{"{}": b}}}}}}',
    "captures.changes": 'a: {{table: public.t, on: insert, event_type: a, when: {{changes: ["{}"]}}}}',
    "captures.mode": 'a: {{table: public.t, on: insert, event_type: a, mode: "{}"}}',
    "captures.on_error": 'a: {{table: public.t, on: insert, event_type: a, on_error: "{}"}}',
    "workers.*": '"{}": {{}}',
    "workers.domain": 'a: {{domain: "{}"}}',
}


VALUES_REFUSED: Final = (SQL, "größe", "\u0430", "a\\nb", "", " a", "a\u200b", "A" * 5000)


@pytest.mark.parametrize("field", FIELDS)
def test_sql_unicode_and_control_characters_are_refused_in_every_field(field: str) -> None:
    sections = ("targets", "routes", "captures", "workers")
    section = next((name for name in sections if field.startswith(name)), "event_types")
    for value in VALUES_REFUSED:
        error = refusal(f"{section}:\n  {FIELDS[field].format(value)}\n")
        assert error.message.startswith("outbox.yaml, line 2, column "), value
        assert error.hint, value
        assert len(error.message) < 400, value


def test_a_password_in_a_refused_value_is_not_printed() -> None:
    error = refusal(ROUTE % ("k", "'https://ann:s3cret@example.org/a b'"))
    assert "s3cret" not in everything(error)
    assert "https://ann:***@example.org/a b" in error.message


def test_all_problems_are_named_in_the_order_of_the_lines() -> None:
    error = refusal("workers:\n  'a b': {}\n  c: {domain: 1}\n  d: {x: 1}\n")
    notes = error.__notes__
    assert error.message.startswith("outbox.yaml, line 2, ")
    assert [note.split(", column")[0] for note in notes] == ["outbox.yaml, line 3", "outbox.yaml, line 4"]
    assert all(note.endswith(".") for note in notes)


def test_of_many_problems_twenty_are_shown() -> None:
    error = refusal("workers:\n" + "".join(f"  a{n}: {{x: 1}}\n" for n in range(50)))
    assert len(error.__notes__) == 20
    assert error.__notes__[-1] == "30 more problems are not shown."


def test_ten_thousand_routes_are_refused_at_the_first_line_beyond_the_limit_and_quickly() -> None:
    line = "  r{}: {{event_type: order_paid, target: {{kind: workflow, ref: event_outbox}}}}\n"
    text = "routes:\n" + "".join(line.format(number) for number in range(10_000))
    began = time.monotonic()
    error = refusal(text)
    assert "line 1002, column 3: routes: more than 1,000 entries" in error.message
    assert time.monotonic() - began < 25


def test_a_thousand_routes_are_read() -> None:
    line = "  r{}: {{event_type: order_paid, target: {{kind: workflow, ref: event_outbox}}}}\n"
    text = "routes:\n" + "".join(line.format(number) for number in range(1_000))
    assert len(read(text.encode(), "f").file.routes) == 1000


def test_a_file_larger_than_a_mebibyte_is_refused() -> None:
    text = (b"#" * 59 + b"\n") * 17_600
    assert "line 17477, column 1: the file is larger than 1,048,576 bytes" in refusal(text).message


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor() -> None:
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))
    error = refusal(f"a0: &a0 lol\n{levels}")
    assert "line 1, column 5: a0: anchor '&a0'" in error.message


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="ab:{}[],&*!|>'\"%#-?~ \n\t@`on01", max_size=60) | st.binary(max_size=60))
def test_any_content_is_read_or_refused_with_a_line(content: str | bytes) -> None:
    try:
        read(content if isinstance(content, bytes) else content.encode(), "f")
    except OutboxFileInvalid as error:
        refused = error
    else:
        return
    assert refused.message.startswith("f, line ")
    assert refused.hint


NAMES = st.from_regex(r"[a-z][a-z0-9_.]{0,10}", fullmatch=True)
COLUMNS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_$]{0,8}", fullmatch=True) | st.sampled_from(
    ["on", "null", "true"]
)
VALUES = st.text(
    st.characters(blacklist_categories=("Cc", "Cs"), max_codepoint=0xFFFF), max_size=8
) | st.sampled_from(
    ["true", "null", "~", "", "1.50", "0x1F", "on", "off", "yes", "- a", "a: b", "#", "{", ".inf"]
)

TYPES = st.builds(
    EventType,
    domain=st.sampled_from(["iu", "no", "on", "shop-eu"]),
    stream=NAMES,
    subject_table=COLUMNS,
    payload_keys=st.just("any") | st.lists(NAMES | st.sampled_from(["on", "null"]), unique=True, max_size=3),
    enabled=st.booleans(),
)
ROUTES = st.builds(
    Route,
    event_type=NAMES,
    target=st.fixed_dictionaries(
        {"kind": NAMES, "ref": st.from_regex(r"[A-Za-z0-9_.~:/@#?&=+%,-]{1,20}", fullmatch=True)}
    ),
    enabled=st.booleans(),
)
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "becomes": st.dictionaries(COLUMNS, VALUES, max_size=2),
        "changes": st.lists(COLUMNS, unique=True, max_size=2),
        "equals": st.dictionaries(COLUMNS, VALUES, max_size=2),
        "in": st.dictionaries(COLUMNS, st.lists(VALUES, min_size=1, max_size=2), max_size=2),
        "is_null": st.dictionaries(COLUMNS, st.booleans(), max_size=2),
    },
)
CAPTURES = st.builds(
    Capture,
    table=st.just("public.orders"),
    on=st.sampled_from(["insert", "update", "delete"]),
    when=CONDITIONS,
    event_type=NAMES,
    subject=st.lists(COLUMNS, min_size=1, max_size=2),
    address=st.just("orders/{id}"),
    payload=st.dictionaries(NAMES, COLUMNS, max_size=3)
    | st.lists(NAMES.filter(lambda name: "." not in name), max_size=2, unique=True),
    mode=st.sampled_from(["off", "dry_run", "emit"]),
    on_error=st.sampled_from(["refuse", "skip_and_count"]),
)
OPTIONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**14), 10**14) | st.floats(-1e14, 1e14) | VALUES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(VALUES, inner, max_size=2),
    max_leaves=4,
)
TARGETS = st.builds(
    DeliveryTarget,
    kind=NAMES,
    address=st.from_regex(r"[A-Za-z0-9_.~:/@#?&=+%,;!*$()\[\]-]{0,20}", fullmatch=True),
    secret=st.none() | st.sampled_from(["SHOP", "NULL", "TRUE", "A_1"]),
    timeout_seconds=st.integers(1, 30),
    lease_seconds=st.integers(60, 3600),
    max_per_minute=st.none() | st.integers(1, 10_000_000),
    retry_seconds=st.lists(st.integers(1, 604_800), max_size=3),
    at_most_once=st.booleans(),
    after_failover=st.sampled_from([None, "resume", "hold"]),
    options=st.dictionaries(VALUES, OPTIONS, max_size=2),
    senders=st.lists(st.sampled_from(["carla", "on", "null", "a@b.example", "A-1"]), unique=True, max_size=2),
    enabled=st.booleans(),
)
FILES = st.builds(
    OutboxFile,
    targets=st.dictionaries(NAMES | st.just("1.5"), TARGETS, max_size=2),
    event_types=st.dictionaries(NAMES, TYPES, max_size=3),
    routes=st.dictionaries(NAMES | st.just("1.5"), ROUTES, max_size=3),
    captures=st.dictionaries(NAMES, CAPTURES, max_size=3),
    workers=st.dictionaries(NAMES | st.sampled_from(["1", "NO", "0x1"]), st.builds(Worker), max_size=3),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(FILES)
def test_a_written_file_is_read_as_the_same_model_and_fits_the_json_schema(file: OutboxFile) -> None:
    text = writing.write(file, ("a comment",))
    assert read(text.encode(), "f").file == file
    assert list(VALIDATOR.iter_errors(yaml.load(text, Loader=_Core))) == []


class _Core(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """A loader by the core schema, as editors have it."""


_Core.yaml_implicit_resolvers = dict(writing._Dumper.yaml_implicit_resolvers)
_Core.add_constructor("tag:yaml.org,2002:float", lambda loader, node: node.value)

VALIDATOR: Final = Draft202012Validator(model.json_schema())


def test_the_json_schema_is_valid_and_describes_every_key() -> None:
    schema = model.json_schema()
    Draft202012Validator.check_schema(schema)
    for name, entry in schema["$defs"].items():
        assert entry["description"], name
        for key, field in entry["properties"].items():
            described = "description" in field or "$ref" in field
            assert described, (name, key)
    assert json.loads(json.dumps(schema)) == schema


def test_the_json_schema_accepts_the_file_of_the_shop_and_refuses_mistakes() -> None:
    data = yaml.load(SHOP, Loader=_Core)
    data["targets"] = {"shop-hook": {"kind": "webhook", "senders": ["carla"], "options": {"a": [1]}}}
    assert list(VALIDATOR.iter_errors(data)) == []
    for section, name, change in (
        ("event_types", "order_paid", {"payload_keys": "all"}),
        ("event_types", "order_paid", {"colour": "red"}),
        ("targets", "shop-hook", {"secret": "whsec_x"}),
        ("targets", "shop-hook", {"timeout_seconds": 301}),
        ("targets", "shop-hook", {"allow_private": True}),
        ("targets", "shop-hook", {"senders": ["a b"]}),
        ("routes", "shop.order_paid.billing", {"enabled": "yes"}),
        ("captures", "shop.orders.paid", {"on": "truncate"}),
        ("captures", "shop.orders.paid", {"subject": []}),
        ("captures", "shop.orders.paid", {"payload": {"total": "a + 1"}}),
        ("workers", "shop_outbound", {"domain": "A B"}),
    ):
        broken = json.loads(json.dumps(data))
        broken[section][name].update(change)
        assert list(VALIDATOR.iter_errors(broken)), change
    assert list(VALIDATOR.iter_errors({"target": {}}))
    assert list(VALIDATOR.iter_errors({"workers": {"a b": {}}}))


def test_fields_and_values_are_shown_on_one_line_in_ascii_if_confusable() -> None:
    assert named(("routes", "a.b", "target", 0)) == "routes.'a.b'.target.[0]"
    assert shown("a\u202eb\n") == "'a\\u202eb\\n'"
    assert shown("größe") == "'größe'"
    assert len(shown("x" * 500)) == 60


def test_entries_are_immutable() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(SHOP, "f").file.routes["shop.order_paid.billing"].enabled = False


PAGE: Final = "docs/how-to/outbox-file.md"


def test_the_page_describes_every_key_and_its_default_and_its_file_is_read() -> None:
    page = pages.text(PAGE)
    (example,) = pages.code(PAGE, "The keys", "yaml")
    assert read(example.encode(), "f").file == read(SHOP, "f").file
    of_targets, _ = pages.code(PAGE, "Targets", "yaml")
    assert read(of_targets.encode(), "f").file.targets["shop-hook"].senders == ("sender_login",)
    rows = dict(re.findall(r"^\| `(\w+)[:`][^|]*\|([^|]*)\|", page, re.MULTILINE))
    for entry in (EventType, DeliveryTarget, Route, Capture, model.When):
        for name, field in entry.model_fields.items():
            assert (field.alias or name) in rows, name
            if isinstance(field.default, str | bool | int) and field.default != "":
                assert f"`{str(field.default).lower()}`" in page
    keys = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    known = {name for entry in (EventType, DeliveryTarget, Route, Capture) for name in entry.model_fields}
    assert set(keys) == known
