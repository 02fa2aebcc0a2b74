"""The built wheel, installed outside the checkout, can migrate an empty database."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from iu_pipelines.db.gateway import Gateway

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The `bin` of a new environment with the wheel; dependencies come from the present environment."""
    build = ["-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path), str(CHECKOUT)]
    run(sys.executable, *build)
    wheel = next(tmp_path.glob("*.whl"))
    run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv"))
    python = str(tmp_path / "venv/bin/python")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", str(wheel))
    return tmp_path / "venv/bin"


def run(*command: str, cwd: Path | None = None) -> str:
    """Return the output of a command, run with this environment's dependencies but no editable install."""
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_installed_wheel_migrates_an_empty_database(
    installed: Path, tmp_path: Path, empty_database: str
) -> None:
    where = run(str(installed / "python"), "-c", "import iu_pipelines as i; print(i.__file__)", cwd=tmp_path)
    assert where.startswith(str(tmp_path))
    run(str(installed / "iu"), "migrate", "--database-url", empty_database, cwd=tmp_path)
    run(str(installed / "iu"), "verify", "--database-url", empty_database, cwd=tmp_path)
    gates = run(str(installed / "iu"), "gate", "show", "--database-url", empty_database, cwd=tmp_path)
    assert "iu_core.routes_enabled" in gates
    with Gateway(empty_database) as gateway:
        assert gateway.fetch_value("select count(*) from public.iu_schema_step") >= 10
