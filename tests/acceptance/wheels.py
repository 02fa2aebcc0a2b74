"""The built wheel, and environments in which it is installed with some of its extras, without a network."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
MINOR = f"python{sys.version_info.major}.{sys.version_info.minor}"


def build(folder: Path) -> Path:
    """Build the wheel of the checkout into `folder`."""
    run_build(CHECKOUT, folder, "--wheel")
    return next(folder.glob("*.whl"))


def run_build(checkout: Path, folder: Path, *options: str) -> None:
    """Build the sdist of a checkout and the wheel of the sdist into `folder`, unless an option says what."""
    command = [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", str(folder)]
    subprocess.run([*command, str(checkout)], capture_output=True, text=True, check=True, timeout=300)


def install(wheel: Path, venv: Path) -> Path:
    """Create an environment that contains the wheel and nothing else, and return its `bin`."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, timeout=300)
    python = str(venv / "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(pip, capture_output=True, text=True, check=True, timeout=300)
    return venv / "bin"


def add_dependencies(venv: Path, extras: Sequence[str] = ()) -> None:
    """Link what the wheel in `venv` requires, with these extras, to the present environment."""
    site = venv / "lib" / MINOR / "site-packages"
    present = Path(sysconfig.get_path("purelib"))
    (wheel,) = distributions(name="iu-pipelines", path=[str(site)])
    for dependency in closure(wheel, extras):
        for name in {file.parts[0] for file in dependency.files or ()} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(present / name)


def closure(of: Distribution, extras: Sequence[str] = ()) -> list[Distribution]:
    """Return everything else that a distribution requires with these extras, as installed here."""
    found: dict[str, Distribution] = {}
    asked: set[tuple[str, str]] = set()
    waiting = list(required(of, extras))
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        wanted = {(name, extra) for extra in ("", *one.extras)} - asked
        asked |= wanted
        found.setdefault(name, distribution(name))
        for _, extra in wanted:
            waiting += required(found[name], (extra,))
    return [one for name, one in found.items() if name != canonicalize_name(of.name)]


def required(by: Distribution, extras: Sequence[str]) -> Iterator[Requirement]:
    """Yield the requirements of a distribution that apply here with these extras."""
    for one in map(Requirement, by.requires or ()):
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            yield one


def megabytes(dependencies: Sequence[Distribution]) -> float:
    """Return the size of installed distributions, with their bytecode."""
    files = {Path(str(one.locate_file(file))).resolve() for one in dependencies for file in one.files or ()}
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6
