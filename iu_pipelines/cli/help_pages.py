"""Help pages as plain text that fits the terminal and breaks lines only between words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

from iu_pipelines import published
from iu_pipelines.cli.usage_errors import CommandMissing

_HYPHEN: Final = "\ue000"
"""Stands for a hyphen while lines are wrapped, because Python breaks lines after hyphens."""

_EXAMPLE_WIDTH: Final = 58
_SHELL_WORD: Final = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")


def example_lines(example: str, width: int = _EXAMPLE_WIDTH) -> list[str]:
    """Return a command as lines that a shell reads as one; an option stays with its value."""
    parts: list[str] = []
    for word in _SHELL_WORD.findall(example):
        if parts and parts[-1].startswith("-") and " " not in parts[-1] and not word.startswith("-"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    lines = [parts[0]]
    for part in parts[1:]:
        if len(f"{lines[-1]} {part} \\") <= width:
            lines[-1] += f" {part}"
        else:
            lines[-1] += " \\"
            lines.append(f"    {part}")
    return lines


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
    """A command with such a help page. Its epilog has one example on each line."""

    context_class = _Context

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _write_examples(self.epilog, formatter)


class Group(TyperGroup):
    """A group of commands with such a help page, and with examples if it can be called without a command."""

    context_class = _Context

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, or below all commands of a release where the documentation is."""
        _write_examples(self.epilog, formatter)
        if ctx.parent is None and (site := published.url("Documentation")):
            formatter.write(f"\nDocumentation: {site}\n")


def _write_examples(examples: str | None, formatter: Any) -> None:
    """Write each example as it is typed: its lines are the same at every width of the terminal."""
    if examples:
        with formatter.section("Examples"):
            for example in examples.splitlines():
                for line in example_lines(example):
                    formatter.write(f"  {line}\n")


class BareGroup(Group):
    """A group that is called with a command only."""

    def parse_args(self, context: Any, arguments: list[str]) -> list[str]:
        """Parse the words after the name of the group. Raises CommandMissing if there are none."""
        if not arguments and not context.resilient_parsing:
            raise CommandMissing(context)
        return super().parse_args(context, arguments)
