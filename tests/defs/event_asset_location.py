"""A code location of a user: assets for the events of a target, each of which is made in its own process."""

import os
from pathlib import Path

import dagster as dg

from iu_pipelines import Mount, build_defs, event_asset_job, target_key


def _note(word: str, context: dg.AssetExecutionContext) -> None:
    keys = sorted(one.key for one in context.resources.events.read(context))
    with Path(os.environ["HANDLED_FILE"]).open("a", encoding="utf-8") as file:
        file.write(f"{word} {os.getpid()} {' '.join(keys)}\n")


@dg.asset(deps=[target_key("pages")], required_resource_keys={"events"})
def drafts(context: dg.AssetExecutionContext) -> None:
    """Note the events of this run."""
    _note("drafts", context)


@dg.asset(deps=[drafts], required_resource_keys={"events"})
def pages(context: dg.AssetExecutionContext) -> None:
    """Note the events of this run."""
    _note("pages", context)


def definitions() -> dg.Definitions:
    """Return the code location, whose executor is the default of Dagster."""
    mount = Mount(
        event_jobs=(event_asset_job(target="pages", assets=[drafts, pages]),),
        database_url_variable="OUTBOX_URL",
        sender_database_url_variable="OUTBOX_SENDER_URL",
    )
    return dg.Definitions.merge(build_defs(mount), dg.Definitions(assets=[drafts, pages]))


def job() -> dg.JobDefinition:
    """Return the job."""
    return definitions().resolve_job_def("pages_event_job")
