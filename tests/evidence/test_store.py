"""Packs in a remote store: complete or not there, one chain, and no secret in what is printed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from evidence.stores import PASSWORD, ftp, memory, s3
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import Unavailable
from iu_pipelines.evidence import chain, pack, store
from iu_pipelines.evidence.facts import Evidence
from iu_pipelines.evidence.store import StoreFailed


@pytest.fixture(params=["memory", "ftp", "s3"])
def remote(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the URL of a remote store that has no pack."""
    (tmp_path / "served").mkdir()
    kinds: dict[str, Callable[[], AbstractContextManager[str]]] = {
        "memory": memory,
        "ftp": partial(ftp, tmp_path / "served"),
        "s3": partial(s3, monkeypatch),
    }
    with kinds[request.param]() as url:
        yield url


@pytest.fixture
def evidence(evidence: Evidence) -> Evidence:
    """Evidence without the charts, which take most of the time of a pack."""
    return replace(evidence, timelines=())


def write(evidence: Evidence, url: str) -> pack.Pack:
    """Write a pack as a process does that has just started."""
    return pack.write(evidence, store.open_directory(url))


def test_packs_in_a_remote_store_are_one_chain_that_is_verified_and_read_back(
    evidence: Evidence, remote: str
) -> None:
    directory = store.open_directory(remote)
    assert pack.newest(directory) is None
    first, second = write(evidence, remote), write(evidence, remote)
    assert (first.number, second.number, second.previous_hash) == (1, 2, first.hash)
    report = chain.verify(store.open_directory(remote), second.hash)
    assert (report.faults, report.packs) == ((), 2)
    found = pack.newest(directory)
    assert found
    assert found.position
    assert found.position.number == 2
    assert pack.read(store.open_directory(f"{remote}/000002")) == found
    assert pack.read(store.open_directory(f"{remote}/000002/evidence.json")) == found


def test_a_pack_has_the_same_bytes_in_a_remote_and_in_a_local_directory(
    evidence: Evidence, remote: str, tmp_path: Path
) -> None:
    here, there = pack.write(evidence, tmp_path / "packs"), write(evidence, remote)
    assert here.hash == there.hash
    for name in (*chain.FILES, chain.MANIFEST):
        assert store.read(here.folder / name) == store.read(there.folder / name)


def test_a_file_url_is_a_local_directory(evidence: Evidence, tmp_path: Path) -> None:
    written = write(evidence, (tmp_path / "my packs").as_uri().replace("%20", " "))
    assert written.folder == tmp_path / "my packs" / "000001"
    assert pack.report_url(written, None) == written.report.as_uri()


def test_an_altered_and_a_missing_file_of_a_remote_pack_are_found(evidence: Evidence, remote: str) -> None:
    folders = [write(evidence, remote).folder for _ in range(3)]
    folders[0].fs.pipe_file((folders[0] / "report.html").path, b"all is well")  # type: ignore[union-attr]
    folders[1].fs.rm_file((folders[1] / "junit.xml").path)  # type: ignore[union-attr]
    faults = chain.verify(store.open_directory(remote)).faults
    assert [(fault.pack, fault.message) for fault in faults] == [
        (1, "report.html was altered"),
        (2, "junit.xml is missing"),
    ]


class _Stopped(Exception):
    """The process was stopped."""


@pytest.mark.parametrize("written", range(4))
def test_a_pack_whose_upload_was_stopped_is_never_the_newest_and_is_overwritten(
    evidence: Evidence, remote: str, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    first = write(evidence, remote)
    left = iter(range(written))
    original = store.write

    def stopping(*arguments: Any, **options: Any) -> None:
        if next(left, None) is None:
            raise _Stopped
        original(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(store, "write", stopping)
        with pytest.raises(_Stopped):
            write(evidence, remote)
    directory = store.open_directory(remote)
    assert list(chain.folders(directory)) == [1]
    assert chain.verify(directory, first.hash).whole
    assert write(evidence, remote).number == 2
    assert chain.verify(directory).whole


def test_a_pack_that_another_process_wrote_in_the_meantime_is_not_overwritten(
    evidence: Evidence, remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a lock: the other process writes between the files and the manifest."""
    theirs: list[pack.Pack] = []

    def overtake() -> None:
        theirs.append(write(evidence, remote))

    class Overtaken:
        def __enter__(self) -> Callable[[], object]:
            return overtake

        def __exit__(self, *error: object) -> None: ...

    with pytest.raises(StoreFailed, match=r"another process wrote .*000001/manifest\.json"):
        pack.write(evidence, store.open_directory(remote), Overtaken())
    report = chain.verify(store.open_directory(remote), theirs[0].hash)
    assert (report.packs, report.newest_hash) == (1, theirs[0].hash)


def test_a_pack_that_is_not_what_was_written_is_refused(
    evidence: Evidence, remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = store.write

    def truncating(file: Any, content: bytes, **options: Any) -> None:
        original(file, content[:100] if file.name == "junit.xml" else content, **options)

    monkeypatch.setattr(store, "write", truncating)
    with pytest.raises(StoreFailed, match=r"is not what was written: junit\.xml was altered"):
        write(evidence, remote)


def test_concurrent_writers_with_the_lock_make_one_chain(
    evidence: Evidence, remote: str, gateway: Gateway
) -> None:
    failures: list[Exception] = []

    def run() -> None:
        try:
            with Gateway(gateway.url) as own:
                pack.write(evidence, store.open_directory(remote), pack.only_writer(own))
        except Exception as error:  # noqa: BLE001  reported by the test
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    report = chain.verify(store.open_directory(remote))
    assert (report.faults, report.packs) == ((), 4)


def test_a_writer_waits_for_the_lock_and_then_names_the_reason(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "_LOCK_WAIT", "100ms")
    with (
        Gateway(gateway.url) as other,
        pack.only_writer(other),
        pytest.raises(Unavailable) as refused,
        pack.only_writer(gateway),
    ):
        pass
    assert refused.value.hint == "Another session writes a pack of evidence about this database. Try again."


def test_a_failing_store_is_no_empty_and_no_broken_chain(evidence: Evidence, tmp_path: Path) -> None:
    with ftp(tmp_path) as url:
        write(evidence, url)
        directory = store.open_directory(url)
    for call in (pack.newest, chain.verify, pack.newest):
        with pytest.raises(StoreFailed):
            call(directory)
    with pytest.raises(StoreFailed, match=r"cannot open ftp://127\.0\.0\.1:\d+/packs"):
        pack.write(evidence, directory)


def test_no_message_has_a_secret(tmp_path: Path) -> None:
    with ftp(tmp_path) as url:
        shown = store.text_of(store.open_directory(url))
        assert shown == url.replace(f"ann:{PASSWORD}@", "")
        wrong = url.replace(PASSWORD, "wr0ng-pass")
        with pytest.raises(StoreFailed) as refused:
            store.open_directory(wrong)
        assert "530 Authentication failed" in refused.value.message
        assert "wr0ng" not in f"{refused.value} {refused.value.__cause__}"
    for location in (f"nosuch://ann:{PASSWORD}@host/packs", f"nosuch://host/packs?sig={PASSWORD}"):
        with pytest.raises(StoreFailed) as refused:
            store.open_directory(location)
        assert "nosuch" in refused.value.message
        assert PASSWORD not in f"{refused.value} {refused.value.hint}"


def test_an_error_that_quotes_a_secret_of_the_options_is_shown_without_it() -> None:
    directory = store.open_directory("memory://packs")
    options = {"client": {"secret_key": PASSWORD}, "sig_token": [1], "endpoint": "https://host"}

    class Failing:
        storage_options, protocol = options, "memory"

        def __str__(self) -> str:
            return str(directory)

    with pytest.raises(StoreFailed) as refused, store._reaching(Failing(), "read"):  # type: ignore[arg-type]
        raise RuntimeError(f"403 for {PASSWORD} at https://ann:pw@host/x?sig=1")
    assert refused.value.message == ("cannot read memory://packs: 403 for *** at https://ann:***@host/x?***")


@pytest.mark.parametrize(
    ("location", "local"),
    [
        ("/var/packs", "/var/packs"),
        ("file:///var/packs", "/var/packs"),
        ("s3://bucket/packs", None),
        ("memory://packs", None),
    ],
)
def test_only_a_path_and_a_file_url_are_local(location: str, local: str | None) -> None:
    assert store.local_directory(location) == (Path(local) if local else None)
