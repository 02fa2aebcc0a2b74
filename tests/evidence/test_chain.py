"""The chain of packs: altered, missing and moved packs are found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from iu_pipelines.errors import UsageError
from iu_pipelines.evidence import chain, compare, pack
from iu_pipelines.evidence.facts import Evidence


@pytest.fixture
def packs(evidence: Evidence, tmp_path: Path) -> Path:
    """A chain of four packs."""
    directory = tmp_path / "packs"
    for _ in range(4):
        pack.write(evidence, directory)
    return directory


def faults(directory: Path) -> dict[int, str]:
    """Return the last fault of each pack."""
    return {fault.pack: fault.message for fault in chain.verify(directory).faults}


def test_an_untouched_chain_is_whole(packs: Path) -> None:
    report = chain.verify(packs)
    assert report.whole
    assert (report.packs, report.newest) == (4, 4)
    assert chain.verify(packs, report.newest_hash).whole


def test_each_pack_names_the_hash_of_the_previous_pack(packs: Path) -> None:
    manifests = [chain.read_manifest(folder) for folder in chain.folders(packs).values()]
    before = [chain.BEGINNING, *(manifest.hash for manifest in manifests)]
    assert [manifest.previous_hash for manifest in manifests] == before[:-1]


@pytest.mark.parametrize("name", chain.FILES)
def test_a_pack_whose_file_was_altered_is_found(packs: Path, name: str) -> None:
    path = packs / "000002" / name
    path.write_bytes(path.read_bytes().replace(b"PASS", b"pass").replace(b"version", b"Version"))
    assert faults(packs) == {2: f"{name} was altered"}


def replace_file(folder: Path, name: str, content: bytes) -> None:
    """Replace a file of a pack, and its hash in the manifest."""
    (folder / name).write_bytes(content)
    old = chain.read_manifest(folder)
    files = {**old.files, name: chain.digest(content)}
    (folder / "manifest.json").write_text(chain.Manifest(old.number, old.previous_hash, files).to_json())


def test_a_pack_whose_file_and_manifest_were_altered_is_found_by_the_next_pack(packs: Path) -> None:
    replace_file(packs / "000002", "junit.xml", b"<testsuites/>")
    assert faults(packs) == {3: "does not follow pack 2: one of the two was replaced or moved"}


def test_a_manifest_that_was_altered_is_found(packs: Path) -> None:
    path = packs / "000003" / "manifest.json"
    path.write_text(path.read_text().replace('"number": 3', '"number": 4'))
    assert faults(packs) == {3: "manifest.json was altered: its hash does not match its content"}


def test_a_missing_pack_is_found(packs: Path) -> None:
    shutil.rmtree(packs / "000002")
    assert faults(packs) == {2: "is missing"}


def test_a_missing_first_pack_is_found(packs: Path) -> None:
    shutil.rmtree(packs / "000001")
    assert faults(packs) == {1: "is missing"}


def test_packs_that_were_renumbered_are_found(packs: Path) -> None:
    shutil.rmtree(packs / "000001")
    for number in (2, 3, 4):
        (packs / f"{number:06d}").rename(packs / f"{number - 1:06d}")
    assert faults(packs)[1] == "is the first, but names a previous pack: that pack is missing"


def test_packs_that_were_swapped_are_found(packs: Path) -> None:
    second, third, aside = packs / "000002", packs / "000003", packs / "aside"
    second.rename(aside)
    third.rename(second)
    aside.rename(third)
    found = faults(packs)
    assert set(found) == {2, 3, 4}
    assert {message.partition(":")[0] for message in found.values()} == {
        "does not follow pack 1",
        "does not follow pack 2",
        "does not follow pack 3",
    }
    messages = [fault.message for fault in chain.verify(packs).faults]
    assert "has the manifest of pack 3: it was moved" in messages
    assert "has the manifest of pack 2: it was moved" in messages


def test_packs_removed_from_the_end_are_found_with_a_noted_hash(packs: Path) -> None:
    noted = chain.verify(packs).newest_hash
    shutil.rmtree(packs / "000004")
    assert chain.verify(packs).whole
    report = chain.verify(packs, noted)
    (fault,) = report.faults
    assert (fault.pack, report.head) == (3, None)
    assert fault.message == (
        f"is the newest, and no pack has the hash {noted}: newer packs may be missing, a pack was replaced, "
        "or it is the hash of another chain"
    )


def test_a_noted_hash_of_an_earlier_pack_is_found_and_newer_packs_may_follow(packs: Path) -> None:
    hashes = [chain.read_manifest(folder).hash for folder in chain.folders(packs).values()]
    for number, noted in enumerate(hashes, start=1):
        report = chain.verify(packs, noted.upper())
        assert (report.whole, report.head, report.newest) == (True, number, 4)


def test_a_pack_that_was_written_in_place_of_a_noted_one_is_found(packs: Path, evidence: Evidence) -> None:
    noted = chain.verify(packs).newest_hash
    shutil.rmtree(packs / "000004")
    totals = replace(evidence.totals, events=evidence.totals.events + 1)
    pack.write(replace(evidence, totals=totals), packs)
    assert chain.verify(packs).whole
    (fault,) = chain.verify(packs, noted).faults
    assert (fault.pack, "a pack was replaced" in fault.message) == (4, True)


def test_accepting_any_noted_hash_does_not_find_packs_removed_from_the_end(
    packs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = chain.verify(packs).newest_hash
    shutil.rmtree(packs / "000004")
    assert not chain.verify(packs, noted).whole
    monkeypatch.setattr(chain, "_number_of", lambda head, manifests: max(manifests))
    assert chain.verify(packs, noted).whole


@pytest.mark.parametrize("head", ["", "1234", "g" * 64, "0" * 65, f"{'0' * 64}\n"])
def test_a_noted_hash_of_another_form_is_a_usage_error(packs: Path, head: str) -> None:
    with pytest.raises(UsageError, match="is not the hash of a pack") as refused:
        chain.verify(packs, head)
    assert "64 hexadecimal digits" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "report.html").unlink(), "report.html is missing"),
        (lambda folder: (folder / "x").write_text("x"), "has files that its manifest does not list: x"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "manifest.json cannot be read"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json cannot be read"),
        (lambda folder: (folder / "evidence.json").write_bytes(b"\xff"), "evidence.json was altered"),
    ],
)
def test_a_damaged_pack_is_named_with_its_fault(
    packs: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(packs / "000004")
    assert faults(packs)[4].startswith(message)


def test_evidence_of_another_position_with_a_matching_hash_is_found(packs: Path) -> None:
    folder = packs / "000004"
    body = json.loads((folder / "evidence.json").read_text())
    body["position"]["number"] = 9
    replace_file(folder, "evidence.json", json.dumps(body).encode())
    assert faults(packs) == {4: "evidence.json and manifest.json have different positions in the chain"}


def test_a_pack_of_schema_version_1_is_verified_compared_and_followed(
    evidence: Evidence, tmp_path: Path
) -> None:
    pack.write(evidence, tmp_path)
    folder = tmp_path / "000001"
    body = json.loads((folder / "evidence.json").read_text())
    body["schema_version"] = 1
    del body["delivery"]
    body["proofs"][-1] |= {"kind": "audit", "step": "audit_ledgers"}
    for line in (line for guarantee in body["guarantees"] for line in guarantee["proven_by"]):
        line["step"] = line["step"].replace("ledgers", "audit_ledgers")
    replace_file(folder, "evidence.json", json.dumps(body).encode())
    assert chain.verify(tmp_path).whole
    old = pack.newest(tmp_path)
    assert old
    assert (old.proofs, old.guarantees) == (evidence.proofs, evidence.guarantees)
    assert compare.compare(old, evidence) == []
    pack.write(evidence, tmp_path)
    assert chain.verify(tmp_path).whole


def test_a_pack_of_schema_version_2_is_verified_compared_and_followed(
    evidence: Evidence, tmp_path: Path
) -> None:
    pack.write(evidence, tmp_path)
    folder = tmp_path / "000001"
    body = json.loads((folder / "evidence.json").read_text())
    body["schema_version"] = 2
    assert body.pop("delivery", 0) is None
    replace_file(folder, "evidence.json", json.dumps(body).encode())
    assert chain.verify(tmp_path).whole
    old = pack.newest(tmp_path)
    assert old
    assert compare.compare(old, evidence) == []
    pack.write(evidence, tmp_path)
    assert chain.verify(tmp_path).whole


def test_a_folder_without_packs_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no pack of evidence"):
        chain.verify(tmp_path)


def test_a_broken_newest_pack_is_not_followed(packs: Path) -> None:
    (packs / "000004" / "evidence.json").write_text("{}")
    with pytest.raises(chain.PackBroken, match="000004, is broken"):
        pack.newest(packs)
