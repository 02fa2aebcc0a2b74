"""The chain of packs: what was altered, taken out or moved is found, and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from iu_pipelines.errors import UsageError
from iu_pipelines.evidence import chain, pack
from iu_pipelines.evidence.facts import Evidence


@pytest.fixture
def packs(evidence: Evidence, tmp_path: Path) -> Path:
    """A chain of four packs."""
    directory = tmp_path / "packs"
    for _ in range(4):
        pack.write(evidence, directory)
    return directory


def faults(directory: Path) -> dict[int, str]:
    return {fault.pack: fault.message for fault in chain.verify(directory).faults}


def test_an_untouched_chain_is_whole(packs: Path) -> None:
    report = chain.verify(packs)
    assert report.whole
    assert (report.packs, report.newest) == (4, 4)
    assert chain.verify(packs, report.newest_hash).whole


def test_each_pack_names_the_hash_of_the_one_before(packs: Path) -> None:
    manifests = [chain.read_manifest(folder) for folder in chain.folders(packs).values()]
    before = [chain.BEGINNING, *(manifest.hash for manifest in manifests)]
    assert [manifest.previous_hash for manifest in manifests] == before[:-1]


@pytest.mark.parametrize("name", chain.FILES)
def test_a_pack_whose_file_was_altered_is_found(packs: Path, name: str) -> None:
    path = packs / "000002" / name
    path.write_bytes(path.read_bytes().replace(b"PASS", b"pass").replace(b"version", b"Version"))
    assert faults(packs) == {2: f"{name} was altered"}


def test_a_pack_whose_file_and_manifest_were_altered_is_found_by_the_next(packs: Path) -> None:
    folder = packs / "000002"
    (folder / "junit.xml").write_text("<testsuites/>")
    old = chain.read_manifest(folder)
    files = {**old.files, "junit.xml": chain.digest(b"<testsuites/>")}
    (folder / "manifest.json").write_text(chain.Manifest(2, old.previous_hash, files).to_json())
    assert faults(packs) == {3: "does not follow pack 2: one of the two was replaced or put elsewhere"}


def test_a_manifest_that_was_altered_is_found(packs: Path) -> None:
    path = packs / "000003" / "manifest.json"
    path.write_text(path.read_text().replace('"number": 3', '"number": 4'))
    assert faults(packs) == {3: "manifest.json was altered: its hash is not that of its content"}


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
    assert faults(packs)[1] == "names a pack before it, and is the first: that one is missing"


def test_packs_that_changed_places_are_found(packs: Path) -> None:
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
    said = [fault.message for fault in chain.verify(packs).faults]
    assert "says that it is pack 3: it was put elsewhere" in said
    assert "says that it is pack 2: it was put elsewhere" in said


def test_packs_taken_from_the_end_are_found_with_the_hash_that_somebody_noted(packs: Path) -> None:
    noted = chain.verify(packs).newest_hash
    shutil.rmtree(packs / "000004")
    assert chain.verify(packs).whole
    (fault,) = chain.verify(packs, noted).faults
    assert (fault.pack, "packs after it are missing" in fault.message) == (3, True)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda folder: (folder / "report.html").unlink(), "report.html is missing"),
        (lambda folder: (folder / "more.txt").write_text("x"), "holds what it does not list: more.txt"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "manifest.json cannot be read"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json cannot be read"),
        (lambda folder: (folder / "evidence.json").write_bytes(b"\xff"), "evidence.json was altered"),
    ],
)
def test_a_spoiled_pack_is_named_with_what_is_wrong(
    packs: Path, spoil: Callable[[Path], object], named: str
) -> None:
    spoil(packs / "000004")
    assert faults(packs)[4].startswith(named)


def test_a_pack_of_another_place_with_its_manifest_made_good_is_found(packs: Path) -> None:
    folder = packs / "000004"
    body = json.loads((folder / "evidence.json").read_text())
    body["position"]["number"] = 9
    (folder / "evidence.json").write_text(json.dumps(body))
    old = chain.read_manifest(folder)
    files = {**old.files, "evidence.json": chain.digest((folder / "evidence.json").read_bytes())}
    (folder / "manifest.json").write_text(chain.Manifest(4, old.previous_hash, files).to_json())
    assert faults(packs) == {4: "evidence.json names another place in the chain than manifest.json"}


def test_a_folder_without_packs_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no pack of evidence"):
        chain.verify(tmp_path)


def test_a_broken_newest_pack_is_not_followed(packs: Path) -> None:
    (packs / "000004" / "evidence.json").write_text("{}")
    with pytest.raises(chain.PackBroken, match="000004, is broken"):
        pack.newest(packs)
