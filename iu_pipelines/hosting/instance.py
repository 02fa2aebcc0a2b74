"""Dagster's instance, opened for a run in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from iu_pipelines.defs.kit.dagster_private import InstanceRef
from iu_pipelines.hosting.instance_configuration import render, storage_url
from iu_pipelines.settings import Settings


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open Dagster's instance for this process, with its directory and database made where missing."""
    home = render(settings)
    storage = {"storage": {"postgres": {"postgres_url": storage_url(settings)}}}
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=storage)) as instance:
        yield instance
