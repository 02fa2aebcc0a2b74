"""The lock file pins every package, and known vulnerabilities of the packages are reported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import programs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def vulnerabilities() -> ModuleType:
    return programs.load(".ci/vulnerabilities.py")


def test_every_locked_package_has_a_version_and_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", lock.strip())
    assert len(blocks) > 50
    for block in blocks:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z0-9, _-]+\])?==[^ ]+ ", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]
    assert "://" not in lock


def answer(vulns: list[dict[str, object]]) -> str:
    skipped = {"name": "b", "skip_reason": "not found"}
    return json.dumps({"dependencies": [{"name": "a", "version": "1", "vulns": vulns}, skipped]})


def test_a_known_vulnerability_is_named_and_exits_with_1(
    vulnerabilities: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vulnerabilities.report(answer([{"id": "CVE-1", "fix_versions": ["2"]}]), "") == 1
    assert "a 1: CVE-1, fixed in 2" in capsys.readouterr().out


def test_no_known_vulnerability_exits_with_0_and_counts_the_packages_that_were_checked(
    vulnerabilities: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vulnerabilities.report(answer([]), "") == 0
    assert "0 found; 1 of 2 locked packages checked" in capsys.readouterr().out


def test_without_a_network_the_exit_code_is_0_and_the_reason_is_printed(
    vulnerabilities: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vulnerabilities.report("", "ConnectionError: no route") == 0
    assert "not checked: ConnectionError: no route" in capsys.readouterr().out


def test_setup_never_deletes_the_target_of_a_link(tmp_path: Path) -> None:
    shared, checkout = tmp_path / "shared", tmp_path / "checkout"
    shared.mkdir()
    checkout.mkdir()
    (shared / "precious").touch()
    (checkout / ".venv").symlink_to(shared)
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "setup.py"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert ".venv is a link to" in done.stderr
    assert (shared / "precious").exists()


class Commands:
    """The commands that `.ci/setup.py` would run. Those whose words contain `fails` exit with 1."""

    def __init__(self, setup: ModuleType, monkeypatch: pytest.MonkeyPatch, fails: str = "nothing") -> None:
        self.words: list[str] = []
        self.added: dict[str, str] = {}
        self._fails = fails
        monkeypatch.setattr(setup, "run", self._run)
        monkeypatch.setattr(setup, "output", lambda *command: "")
        monkeypatch.setattr(setup, "is_usable", lambda: True)

    def _run(self, *command: str, **added: str) -> int:
        self.words.append(" ".join(command))
        self.added |= added
        return int(self._fails in self.words[-1])

    @property
    def installing_the_lock(self) -> list[str]:
        wanted = "--require-hashes --requirement requirements.lock"
        return [words.split()[0].rpartition("/")[2] for words in self.words if words.endswith(wanted)]


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program `.ci/setup.py` in a checkout with the lock file."""
    (tmp_path / ".venv").mkdir()
    (tmp_path / "requirements.lock").write_bytes((ROOT / "requirements.lock").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    return programs.load(".ci/setup.py")


def test_the_locked_packages_are_installed_by_the_uv_of_the_lock_file(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands(setup, monkeypatch)
    setup.install()
    assert commands.installing_the_lock == ["uv"]
    assert any(words.endswith("--require-hashes --requirement .venv/uv.lock") for words in commands.words)
    assert re.fullmatch(r"uv==\S+ \\\n(    --hash=sha256:\w+( \\)?\n)+", Path(".venv/uv.lock").read_text())
    assert commands.added == {}


@pytest.mark.parametrize("fails", ["bin/uv pip", ".venv/uv.lock"])
def test_where_uv_cannot_install_pip_does(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    commands = Commands(setup, monkeypatch, fails)
    setup.install()
    assert commands.installing_the_lock[-1] == "python"


def test_uv_is_given_the_package_index_of_pip(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = Commands(setup, monkeypatch)
    monkeypatch.setattr(setup, "output", lambda *command: "https://index.example/simple")
    setup.install()
    assert commands.added == {"UV_DEFAULT_INDEX": "https://index.example/simple"}
