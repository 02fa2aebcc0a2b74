"""`iu ingest`: read a history into information units and versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich import progress
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
)

from iu_pipelines.cli.command import Answer, Invocation, add_command, add_group
from iu_pipelines.cli.output import console, duration, print_line
from iu_pipelines.domain.quantities import counted
from iu_pipelines.ingest import git
from iu_pipelines.ingest.git_history import open_repository
from iu_pipelines.ingest.tally import IngestResult, Progress

Report = Callable[[Progress], None]


def register(app: typer.Typer) -> None:
    """Add the commands that read history."""
    group = add_group(app, "ingest", "Read history into information units and versions.")
    add_command(group, ingest_git, "git", writes=True)


def ingest_git(
    call: Invocation,
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="A folder of the repository.")] = Path(),
    prefix: Annotated[
        str,
        typer.Option(
            "--prefix",
            help="Prefix of every address, for example `web/` for a second repository.",
        ),
    ] = "",
) -> Answer:
    """Read a git history: each file becomes a unit, and each commit that changes it a version.

    Stores references only (path, commit id, kind of change), never content. Run it again to add new commits.

    Examples:
        iu ingest git
        iu ingest git ../website --prefix web/
    """
    repository = open_repository(path)
    with call.connect() as gateway, progress_bar() as report:
        result = git.ingest_git(gateway, repository, prefix, report)
    return Answer(result, lambda: _print(result))


def _print(result: IngestResult) -> None:
    for line in summary(result):
        print_line(line)
    if result.events_emitted:
        print_line("next: iu run")


def summary(result: IngestResult) -> list[str]:
    """Return one or two lines about what an ingestion read and added."""
    if result.head is None:
        return [f"{result.source} has no commit yet: nothing to ingest."]
    if not result.versions_added:
        return [f"nothing new in {result.source}: every version of its history is already stored."]
    read = f"{counted(result.versions_read, 'file version')} of {counted(result.commits_read, 'commit')}"
    added = f"{counted(result.units_added, 'unit')} and {counted(result.versions_added, 'version')}"
    return [
        f"read {read} from {result.source} in {duration(result.seconds)}",
        f"added {added}; the trigger emitted {counted(result.events_emitted, 'version_applied event')}",
    ]


@contextmanager
def progress_bar() -> Iterator[Report | None]:
    """Yield a function that updates a progress bar on stderr, or None if stderr is not a terminal."""
    screen = console(stderr=True)
    if not screen.file.isatty():
        yield None
        return
    columns = (
        TextColumn("ingest"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("commits"),
        TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("ingest", total=None)
        yield lambda at: bar.update(task, completed=at.commits_read, total=at.commits_total)
