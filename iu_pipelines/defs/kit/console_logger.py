"""The console logger of runs. It prints a line for each event, but none if `iu` executes the run itself."""

import logging
from typing import Final

import dagster as dg

from iu_pipelines.defs.kit.resources import is_executed_by_us

LOGGER: Final = "iu_console"
"""The name of the logger in the config of a job."""


def _console(_context: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.CRITICAL if is_executed_by_us() else logging.INFO)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
    return logger


console: Final = dg.LoggerDefinition(
    _console, description="One line of text for each event of a run, at level INFO or above."
)
