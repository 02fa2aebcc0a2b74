"""Dagster's instance, opened in this process.

`python -m iu_pipelines.hosting.instance` opens everything that dagster.yaml configures, and exits with code 2
and a message if that fails. `iu dev` runs it before it starts anything that uses a user's file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from iu_pipelines.defs.kit.dagster_private import InstanceRef
from iu_pipelines.errors import IuError, UsageError, redact
from iu_pipelines.hosting import instance_file
from iu_pipelines.settings import Settings, load


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
            instance.info_str()
        except Exception as error:
            raise _refused(instance_file.ensure(settings), error) from error


def _refused(file: instance_file.InstanceFile, error: Exception) -> UsageError:
    """Return `error` as a UsageError. Dagster's text names the key, and may contain the value of a secret."""
    said = (
        "; ".join(each.message for each in error.errors)
        if isinstance(error, dg.DagsterInvalidConfigError) and error.errors
        else str(error)
    )
    return UsageError(
        f"{file.path}: Dagster refuses it: {redact(' '.join(said.split()))}",
        hint=instance_file.take_back(file.path),
    )


def main() -> None:
    """Check the instance of the settings of this process."""
    try:
        check(load())
    except IuError as error:
        sys.stderr.write(f"{error.message}\n{error.hint or ''}")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
