"""Dagster's instance, opened in this process.

`python -m iu_pipelines.hosting.instance` opens everything that dagster.yaml configures. If iu or Dagster
refuses the file, its last line is a JSON list of the message and the hint, and its exit code is 2.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import dagster as dg

from iu_pipelines.defs.kit.dagster_private import InstanceRef
from iu_pipelines.errors import IuError, UsageError, redact
from iu_pipelines.hosting import instance_file
from iu_pipelines.settings import Settings, load

_LOADED_LATER: Final = ("run_launcher", "run_coordinator", "scheduler", "compute_log_manager")
"""The parts of an instance whose classes Dagster imports when they are first used."""

_TOO_MUCH: Final = re.compile(r"( Expected: .\{|\s+Stack Trace:).*", re.DOTALL)
"""The parts of Dagster's messages that list every key, or lines of its code."""


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open Dagster's instance in this process; create its directory and database if they are missing.

    Raises:
        UsageError: dagster.yaml is a user's, and iu or Dagster refuses it.
    """
    file = instance_file.ensure(settings)
    try:
        reference = InstanceRef.from_dir(str(file.path.parent), overrides=file.storage_override(settings))
        instance = dg.DagsterInstance.from_ref(reference)
    except IuError:
        raise
    except Exception as error:
        if file.is_own:
            raise
        raise _refused(file, error) from error
    with instance:
        yield instance


def check(settings: Settings) -> None:
    """Open the instance with its run launcher, queue and logs. Raises UsageError."""
    with open_instance(settings) as instance:
        try:
            for name in _LOADED_LATER:
                getattr(instance, name)
        except Exception as error:
            raise _refused(instance_file.ensure(settings), error) from error


def _refused(file: instance_file.InstanceFile, error: Exception) -> UsageError:
    """Return `error` as a UsageError. Dagster's message names the key, and may contain a password."""
    if isinstance(error, dg.DagsterInvalidConfigError) and error.errors:
        said = "; ".join(_TOO_MUCH.sub("", each.message) for each in error.errors)
    else:
        said = ": ".join(str(each) for each in (error, error.__cause__) if each)
    return UsageError(
        f"{file.path}: Dagster refuses it: {redact(' '.join(said.split()))}",
        hint=instance_file.take_back(file.path),
    )


def main() -> None:
    """Check the instance of the settings of this process."""
    try:
        check(load())
    except UsageError as error:
        sys.stdout.write(f"\n{json.dumps([error.message, error.hint])}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
