"""Config of jobs that is validated before a run is made; an error names the field and the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg
from pydantic import ValidationError

from iu_pipelines.defs.kit.console_logger import LOGGER

LOGGED: Final[Mapping[str, Any]] = {"loggers": {LOGGER: {}}}
"""The part of a job's config that selects the console logger."""


def validated(config_class: type[dg.Config], *op_names: str) -> dg.ConfigMapping:
    """Make the fields of `config_class` the whole config of a job, checked with bounds and patterns.

    Before a run, Dagster itself checks only types; it checks bounds inside the run. This mapping is called
    when a run is planned, so the launchpad, a schedule and a sensor get the error and no run is made.
    """

    def mapping(values: Mapping[str, Any]) -> dict[str, Any]:
        try:
            config_class(**values)
        except ValidationError as error:
            raise dg.DagsterInvalidConfigError(  # type: ignore[no-untyped-call]
                _reasons(error), [], dict(values)
            ) from None
        return {"ops": {name: {"config": dict(values)} for name in op_names}, **LOGGED}

    return dg.ConfigMapping(config_fn=mapping, config_schema=config_class.to_config_schema())


def _reasons(error: ValidationError) -> str:
    reasons = [
        f"{'.'.join(map(str, detail['loc'])) or 'config'}: {detail['msg']} (it is {detail['input']!r})"
        for detail in error.errors(include_url=False)
    ]
    return f"The config is refused: {'; '.join(reasons)}"
