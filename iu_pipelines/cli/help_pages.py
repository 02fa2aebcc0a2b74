"""Help pages as plain text that fits the terminal and breaks lines only between words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

from iu_pipelines.cli.usage_errors import CommandMissing

_HYPHEN: Final = "\ue000"
"""Stands for a hyphen while lines are wrapped, because Python breaks lines after hyphens."""


class _Formatter(TyperCommand.context_class.formatter_class):  # type: ignore[misc,name-defined]
    def write_text(self, text: str) -> None:
        super().write_text(text.replace("-", _HYPHEN))

    def write_dl(self, rows: Sequence[tuple[str, str]], *spacing: Any) -> None:
        super().write_dl([(term, text.replace("-", _HYPHEN)) for term, text in rows], *spacing)

    def getvalue(self) -> str:
        return str(super().getvalue()).replace(_HYPHEN, "-")


class _Context(TyperCommand.context_class):  # type: ignore[misc,valid-type]
    formatter_class = _Formatter


class Command(TyperCommand):
    """A command with such a help page."""

    context_class = _Context


class Group(TyperGroup):
    """A group of commands with such a help page."""

    context_class = _Context


class BareGroup(Group):
    """A group that is called with a command only."""

    def parse_args(self, context: Any, arguments: list[str]) -> list[str]:
        """Parse the words after the name of the group. Raises CommandMissing if there are none."""
        if not arguments and not context.resilient_parsing:
            raise CommandMissing(context)
        return super().parse_args(context, arguments)
