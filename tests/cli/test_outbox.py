"""`iu emit` and `iu types`."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cli.emitting import emit
from cli.running import Iu
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


def test_types_lists_the_registered_event_types(iu: Iu) -> None:
    assert "structure_piece_split" in iu("types").out
    assert len(iu("types", "--json").json) == 3
