"""The distribution of test files to the workers of pytest-xdist, which also ends after a worker has crashed.

pytest-xdist 3.8 gives the next workers what a crashed one had completed, which is nothing to do, and a new
worker may get a single test, which it begins only when it knows the next one. In both cases the run waits
without end. The releases after 3.8 correct this, and do not need this plugin.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController


class FileScheduling(LoadFileScheduling):
    """Files in their order. Others run what a crashed worker has left, without the test that it ran."""

    def remove_node(self, node: WorkerController) -> str | None:
        unfinished = {
            file: tests for file, tests in self.assigned_work.pop(node).items() if not all(tests.values())
        }
        if not unfinished:
            return None
        first = next(iter(unfinished.values()))
        crashed: str = next(test for test, is_completed in first.items() if not is_completed)
        first[crashed] = True
        self.workqueue.update({file: tests for file, tests in unfinished.items() if not all(tests.values())})
        for other in self.nodes:
            self._reschedule(other)
        return crashed

    def _reschedule(self, node: WorkerController) -> None:
        """Give a worker files until it has two tests, or tell it that there are no more."""
        try:
            super()._reschedule(node)
        except OSError:
            return  # It has just crashed; `remove_node` is called for it, and gives its files to others.
        if not node.shutting_down and self._pending_of(self.assigned_work[node]) < 2:
            self._reschedule(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling | None:
    return FileScheduling(config, log) if config.getvalue("dist") == "loadfile" else None
