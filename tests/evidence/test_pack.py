"""Packs on disk: the same facts give the same bytes, and concurrent writers make one chain."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from iu_pipelines.evidence import chain, pack
from iu_pipelines.evidence.facts import Evidence, Position


def test_the_same_facts_give_the_same_bytes(evidence: Evidence, tmp_path: Path) -> None:
    first, second = pack.write(evidence, tmp_path / "a"), pack.write(evidence, tmp_path / "b")
    for name in (*chain.FILES, chain.MANIFEST):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name
    assert first.hash == second.hash


def test_evidence_is_read_back_as_it_was_written(evidence: Evidence, tmp_path: Path) -> None:
    written = pack.write(evidence, tmp_path)
    assert pack.read(written.folder) == replace(evidence, position=Position(1, chain.BEGINNING))
    assert pack.read(written.folder / "evidence.json") == pack.newest(tmp_path)


def test_packs_written_concurrently_are_one_chain(evidence: Evidence, tmp_path: Path) -> None:
    threads = [threading.Thread(target=pack.write, args=(evidence, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = chain.verify(tmp_path)
    assert (report.whole, report.packs) == (True, 4)
    assert {path.name for path in tmp_path.iterdir()} == {"000001", "000002", "000003", "000004"}
