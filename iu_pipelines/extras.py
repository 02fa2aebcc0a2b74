"""The extras of the distribution: optional packages, which are looked for before they are imported."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from iu_pipelines.errors import ExtraMissing

Extra = Literal[
    "amqp",
    "dagster",
    "delivery",
    "embedded",
    "evidence",
    "k8s",
    "kafka",
    "metrics",
    "nats",
    "parquet",
    "redis",
]
"""The name of an extra in `pyproject.toml`."""


def require(extra: Extra, *modules: str) -> None:
    """Raise ExtraMissing unless each of `modules`, top-level modules of `extra`, is installed.

    The modules are not imported.
    """
    missing = [name for name in modules if not is_installed(name)]
    if missing:
        raise ExtraMissing(
            f"the extra [{extra}] is not installed: no module named {', '.join(missing)}",
            hint=f"Install it with: {install_command(extra)}",
        )


def is_installed(module: str) -> bool:
    """Return whether a top-level module is installed. It is not imported."""
    return find_spec(module) is not None


def install_command(extra: Extra) -> str:
    """Return the command that installs an extra."""
    return f"pip install 'iu-pipelines[{extra}]'"
