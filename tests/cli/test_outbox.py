"""`iu emit`."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cli.emitting import emit
from cli.running import Iu, refused
from iu_pipelines.db.gateway import Gateway


def test_emit_prints_the_id_alone(iu: Iu, gateway: Gateway) -> None:
    event_id = UUID(emit(iu, "--payload", '{"child_count": 2}'))
    row = gateway.fetch_one("select safe_payload from public.event_outbox where event_id = %s", (event_id,))
    assert row == {"safe_payload": {"child_count": 2}}


def test_emit_in_json_prints_an_object(iu: Iu) -> None:
    done = iu("emit", "version_applied", "a", "--subject", str(uuid4()), "--actor", "test", "--json")
    assert list(done.json) == ["event_id"]


def test_emit_reads_the_payload_from_a_file_or_stdin(
    iu: Iu, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "payload.json").write_text('{"n": 1}')
    emit(iu, "--payload", f"@{tmp_path / 'payload.json'}")
    monkeypatch.setattr("sys.stdin", io.StringIO('{"n": 2}'))
    emit(iu, "--payload", "@-")
    rows = gateway.fetch_all("select safe_payload from public.event_outbox order by event_seq")
    assert [row["safe_payload"] for row in rows] == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("5",), "fn_iu_subject('shop.orders', '5')"),
        (("5", "a"), """fn_iu_subject('shop.orders', '["5","a"]')"""),
        (("00000000-0000-4000-8000-000000000007",), "uuid '00000000-0000-4000-8000-000000000007'"),
    ],
)
def test_a_key_that_is_no_uuid_becomes_a_subject(
    iu: Iu, gateway: Gateway, keys: tuple[str, ...], expected: str
) -> None:
    given = [word for key in keys for word in ("--subject-key", key)]
    done = iu("emit", "version_applied", "a", "--subject-table", "shop.orders", *given, "--actor", "t")
    assert done.code == 0, done.err
    if expected.startswith("fn_"):
        expected = f"public.{expected}"
    assert gateway.fetch_value(f"select event_subject_ref = {expected} from public.event_outbox")


def test_a_subject_that_is_no_uuid_is_refused_with_advice(no_iu: Iu) -> None:
    words = ("emit", "version_applied", "a", "--subject", "5", "--actor", "t")
    refused(no_iu(*words), 2, "'5' is not a UUID", "--subject-table shop.orders --subject-key 5")
    assert no_iu(*words, "--json").error["code"] == "IU104"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--subject-table", "shop.orders"),
        ("--subject-key", "5"),
        ("--subject", "00000000-0000-4000-8000-000000000007", "--subject-key", "5"),
    ],
)
def test_a_subject_is_given_in_one_way(no_iu: Iu, words: tuple[str, ...]) -> None:
    refused(no_iu("emit", "version_applied", "a", "--actor", "t", *words), 2, "--subject-table")


def test_a_subject_table_without_a_schema_and_an_empty_key_are_refused(kept_iu: Iu) -> None:
    emit_of = ("emit", "version_applied", "a", "--actor", "t")
    refused(kept_iu(*emit_of, "--subject-table", "orders", "--subject-key", "5"), 1, "schema.table")
    refused(
        kept_iu(*emit_of, "--subject-table", "shop.orders", "--subject-key", ""), 1, "argument key is empty"
    )
