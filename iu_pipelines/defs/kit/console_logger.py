"""What a run prints: a line an event for a run worker's log, nothing where `iu` executes the run itself."""

import logging
from typing import Final

import dagster as dg

from iu_pipelines.defs.kit.resources import is_executed_by_us

LOGGER: Final = "iu_console"
"""The name under which jobs ask for the logger."""


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
    _console, description="One plain line for each event of a run, from INFO up."
)
