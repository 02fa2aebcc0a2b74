"""The first tutorial: a shell with its files, which also does what the page asks for in the web UI.

`python tests/acceptance/first_event_page.py` runs the commands of the page and rewrites their output.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from acceptance.console import rewritten  # noqa: E402
from acceptance.delivery_page import FileShell, files  # noqa: E402
from dev_server import Dev  # noqa: E402

PAGE: Final = PROJECT / "docs" / "tutorial" / "README.md"
SENSOR: Final = "backlog_sensor"
EXPLAINING: Final = "event_why_job"


class FirstEventShell(FileShell):
    """A shell for the page. Before the command that waits for a run, the sensor is switched on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, files(PAGE.read_text(encoding="utf-8")))
        self.dev = Dev(self.folder / ".iu")
        self.dev.port = self.web_port

    def run(self, command: str) -> tuple[str, ...]:
        if command.startswith("until iu audit"):
            self.dev.switch_on(SENSOR)
        return super().run(command)

    def explain(self) -> str:
        """Launch the job that explains the first event, as the page asks, and return the id of its run."""
        listed = json.loads("\n".join(super().run("iu event list --json")))["events"]
        launched = self.dev.launch({"event_id": listed[-1]["event_id"]}, EXPLAINING, None)
        run_id = str(launched["run"]["runId"])
        assert self.dev.wait_for(run_id) == "SUCCESS"
        return run_id


@contextmanager
def first_event_shell(folder: Path) -> Iterator[FirstEventShell]:
    """Yield a shell for the page, and stop what the page has started."""
    shell = FirstEventShell(folder)
    try:
        yield shell
    finally:
        shell.stop()
        shell.run("iu stop")


if __name__ == "__main__":
    os.chdir(PROJECT)
    with tempfile.TemporaryDirectory() as scratch, first_event_shell(Path(scratch)) as sandbox:
        PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), sandbox), encoding="utf-8")
