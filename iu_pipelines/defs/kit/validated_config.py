"""Config that is validated before a run is made; an error names the field and the reason.

Dagster itself checks only types before a run, and bounds inside it, with a stack trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import ValidationError


def validated(config_class: type[dg.Config], *op_names: str) -> dg.ConfigMapping:
    """Make the fields of `config_class` the whole config of a job.

    The mapping is called when a run is planned. So the launchpad, a schedule and a sensor get the error, and
    no run is made.
    """

    def mapping(values: Mapping[str, Any]) -> dict[str, Any]:
        config = checked(config_class, values)
        return {"ops": {name: {"config": config} for name in op_names}}

    return dg.ConfigMapping(config_fn=mapping, config_schema=config_class.to_config_schema())


def checked(config_class: type[dg.Config], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` if `config_class` accepts them.

    Raises:
        DagsterInvalidConfigError: a value is out of bounds; the message names the field and the reason.
    """
    try:
        config_class(**values)
    except ValidationError as error:
        raise dg.DagsterInvalidConfigError(  # type: ignore[no-untyped-call]
            _reasons(error), [], dict(values)
        ) from None
    return dict(values)


def _reasons(error: ValidationError) -> str:
    reasons = [
        f"{'.'.join(map(str, detail['loc'])) or 'config'}: {detail['msg']} (it is {detail['input']!r})"
        for detail in error.errors(include_url=False)
    ]
    return f"The config is refused: {'; '.join(reasons)}"
