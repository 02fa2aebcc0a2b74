"""Usage errors as messages: what is wrong with the words of a command, and which help page says more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from iu_pipelines.errors import UsageError


class CommandMissing(UsageError):
    """A group was called without a command. `help_page` is the help of the group."""

    def __init__(self, context: typer.Context) -> None:
        super().__init__(
            f"{context.command_path} needs a command", hint=f"Choose one from: {context.command_path} --help"
        )
        self.help_page = context.get_help()


def describe(error: typer.TyperException, path: str) -> tuple[str, str]:
    """Return the message and the hint for an error that Typer raised about the words of a command.

    `path` is the command, such as `iu gate set`, where the error does not know it.
    """
    context = getattr(error, "ctx", None)
    return _message(error), f"See: {context.command_path if context else path} --help"


def _message(error: Any) -> str:
    parameter, cause = getattr(error, "param", None), error.__cause__
    if parameter is not None and hasattr(cause, "errors"):
        return _invalid(parameter, cause.errors(include_url=False)[0])
    similar = getattr(error, "possibilities", None)
    text = f"{error.message}. Did you mean {' or '.join(similar)}?" if similar else error.format_message()
    return f"{text[:1].lower()}{text[1:].removesuffix('.')}"


def _invalid(parameter: Any, details: Mapping[str, Any]) -> str:
    """Return what is wrong with a value that is of another type or out of range."""
    from iu_pipelines.invalid_values import explain  # noqa: PLC0415  `iu --version` has no values

    is_option = parameter.param_type_name == "option"
    name = max(parameter.opts, key=len) if is_option else parameter.display_name_raw
    if not details["type"].endswith("_equal"):
        return f"{name} {details['input']!r} {explain(details)}"
    return f"{name} {details['input']} {_out_of_range(parameter.min, parameter.max)}"


def _out_of_range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f"is not in the range {least} to {most}"
    return f"is more than {most}" if least is None else f"is less than {least}"
