"""Registration of functions as commands.

The parameters of a function are the arguments and options of its command, except those annotated with one of
these types, which the registration supplies: `Gateway`, an open gateway; `DeliveryGateway`, one to a database
with the module `iu-delivery`; `SenderGateway`, the same as the login that delivers; `Settings`; `Invocation`,
for a command that connects only after it has checked its arguments, or that prints while it works. The
function returns an `Answer`, or None if it has printed everything itself.

Its docstring is the help of the command. It ends with a section `Examples:` of calls, each of which begins a
line.

The registration adds --database-url and --json, prints the answer, and sets the exit code.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import update_wrapper
from inspect import Parameter, Signature
from typing import Any, Final, NewType, get_type_hints

import stamina
import typer

from iu_pipelines import settings
from iu_pipelines.cli import interrupts
from iu_pipelines.cli.connection import connect
from iu_pipelines.cli.help_pages import BareGroup, Command, Group
from iu_pipelines.cli.options import AsJson, DatabaseUrl, SenderDatabaseUrl
from iu_pipelines.cli.output import print_json, print_line
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import deliveries
from iu_pipelines.errors import DeliveryRefused, PermissionDenied
from iu_pipelines.settings import Settings

DeliveryGateway = NewType("DeliveryGateway", Gateway)
SenderGateway = NewType("SenderGateway", Gateway)


@dataclass(frozen=True)
class Answer:
    """The result of a command: `data` is printed with --json, otherwise `show` is called.

    `failed` makes the exit code 1; `exit_code` sets another one.
    """

    data: object
    show: Callable[[], None]
    failed: bool = False
    exit_code: int = 0


@dataclass(frozen=True)
class Invocation:
    """One call of a command, with the values of the options that every command takes."""

    database_url: str | None
    as_json: bool
    installs_schema: bool
    writes: bool

    def settings(self) -> Settings:
        """Return the settings of this call. Raises UsageError."""
        return settings.load(database_url=self.database_url)

    def connect(self) -> AbstractContextManager[Gateway]:
        """Return a context manager that yields a gateway to the database of this call."""
        return connect(self.settings(), installs_schema=self.installs_schema, writes=self.writes)

    @contextmanager
    def connect_to_module(self) -> Iterator[DeliveryGateway]:
        """Yield a gateway to the database of this call, which must have the module iu-delivery.

        Raises:
            StepRefused: it has not.
        """
        with self.connect() as gateway:
            deliveries.require_installed(gateway)
            yield DeliveryGateway(gateway)

    @contextmanager
    def connect_as_sender(self) -> Iterator[SenderGateway]:
        """Yield a gateway of the login that delivers: --database-url, else IU_SENDER_DATABASE_URL.

        Without either it is the usual one.

        Raises:
            StepRefused: the module iu-delivery is not installed.
        """
        chosen = self.sender_settings()
        with connect(chosen, writes=self.writes) as gateway, sender_advice():
            deliveries.require_installed(gateway)
            yield SenderGateway(gateway)

    def sender_settings(self) -> Settings:
        """Return the settings of this call with the URL of the login that delivers."""
        chosen = self.settings()
        if self.database_url or not chosen.sender_database_url:
            return chosen
        return chosen.model_copy(update={"database_url": chosen.sender_database_url})

    def say(self, line: str) -> None:
        """Print a line while the command works. With --json, print nothing: the answer has everything."""
        if not self.as_json:
            print_line(line)

    def say_fact(self, name: str, value: str) -> None:
        """Print one fact immediately, as a line of text or, with --json, as one JSON object."""
        print_line(json.dumps({name: value}) if self.as_json else f"{name:<11} {value}")


@contextmanager
def sender_advice() -> Iterator[None]:
    """Say in errors of the block which login delivers, and how it is given."""
    try:
        yield
    except PermissionDenied as error:
        error.hint = _SENDER_HINT
        raise
    except DeliveryRefused as error:
        if error.message.startswith("login "):
            error.add_note("A sender has a login of its own; its URL is named in IU_SENDER_DATABASE_URL.")
        raise


Function = Callable[..., Answer | None]

_SENDER_HINT: Final = (
    "Set IU_SENDER_DATABASE_URL to the URL of a login that is a member of iu_sender, and let it deliver "
    "with: iu target grant TARGET LOGIN"
)

_PROVIDERS: Final[Mapping[Any, Callable[[Invocation, ExitStack], object]]] = {
    Invocation: lambda call, opened: call,
    Settings: lambda call, opened: call.settings(),
    Gateway: lambda call, opened: opened.enter_context(call.connect()),
    DeliveryGateway: lambda call, opened: opened.enter_context(call.connect_to_module()),
    SenderGateway: lambda call, opened: opened.enter_context(call.connect_as_sender()),
}
_CONTEXT: Final = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)


def _common(database_url: Any) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)
        for name, default, annotation in (("database_url", None, database_url), ("as_json", False, AsJson))
    )


def add_command(
    app: typer.Typer,
    function: Function,
    name: str | None = None,
    *,
    installs_schema: bool = False,
    writes: bool = False,
    as_sender: bool = False,
    takes_rest: bool = False,
) -> None:
    """Add `function` as a command, under its own name unless `name` is given.

    With `installs_schema`, an error about a missing table gets no hint to run `iu migrate`. A command that
    `writes` waits for a lock, such as that of a batch, without limit; one that only reads does not. After
    the first argument of a command that `takes_rest`, options are arguments too. A command that connects
    `as_sender` says so in its help, as does one with a SenderGateway.
    """
    text, examples = _help_and_examples(function)
    context = {"allow_interspersed_args": not takes_rest}
    app.command(
        name,
        cls=Command,
        context_settings=context,
        short_help=_first_sentence(text),
        help=text,
        epilog=examples,
    )(_with_common_options(function, installs_schema=installs_schema, writes=writes, as_sender=as_sender))


def add_group(
    app: typer.Typer, name: str, purpose: Function | str, *, writes: bool = False, as_sender: bool = False
) -> typer.Typer:
    """Add a group of commands and return it.

    Called without a command, the group runs the function, or, if `purpose` is its help, is refused. A
    function that connects `as_sender` says so in its help.
    """
    if isinstance(purpose, str):
        group = typer.Typer(cls=BareGroup, help=purpose, short_help=_first_sentence(purpose))
    else:
        text, examples = _help_and_examples(purpose)
        group = typer.Typer(cls=Group, short_help=_first_sentence(text))
        group.callback(invoke_without_command=True, help=text, epilog=examples)(
            _with_common_options(purpose, writes=writes, as_sender=as_sender)
        )
    app.add_typer(group, name=name)
    return group


def _help_and_examples(function: Function) -> tuple[str, str]:
    """Return the help of a command and its examples, one a line, from the docstring of its function."""
    text, _, examples = (inspect.getdoc(function) or "").partition("\n\nExamples:\n")
    return text, "\n".join(" ".join(call.split()) for call in re.split(r"\n {4}(?! )", f"\n{examples}")[1:])


def _first_sentence(text: str) -> str:
    """Return the first sentence of a help text, without its full stop."""
    (first,) = re.split(r"\.(?:\s|$)", text, maxsplit=1)[:1]
    return " ".join(first.split())


def _with_common_options(
    function: Function, *, installs_schema: bool = False, writes: bool = False, as_sender: bool = False
) -> Callable[..., None]:
    """Return a function with the common options added and the parameters of `_PROVIDERS` removed."""
    hints = get_type_hints(function, include_extras=True)
    provided = {name: hints[name] for name in hints if any(hints[name] is kind for kind in _PROVIDERS)}

    def invoke(context: typer.Context, database_url: str | None, as_json: bool, **given: Any) -> None:
        if context.invoked_subcommand:
            return
        call = Invocation(database_url, as_json, installs_schema, writes)
        stamina.instrumentation.set_on_retry_hooks([])  # commands print what they wait for
        with interrupts.raised(), ExitStack() as opened:
            added = {name: _PROVIDERS[kind](call, opened) for name, kind in provided.items()}
            answer = function(**given, **added)
            opened.close()
            if answer:
                _print(answer, as_json)

    # Typer reads the signature and the annotations, so both are replaced below and not copied here.
    command: Any = update_wrapper(
        invoke, function, assigned=("__module__", "__name__", "__qualname__", "__doc__")
    )
    own = [
        parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in provided
    ]
    sends = as_sender or SenderGateway in provided.values()
    parameters = (_CONTEXT, *own, *_common(SenderDatabaseUrl if sends else DatabaseUrl))
    command.writes = writes
    command.__signature__ = Signature(parameters)
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    described: Callable[..., None] = command
    return described


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        print_json(answer.data)
    else:
        answer.show()
    if answer.failed or answer.exit_code:
        raise typer.Exit(answer.exit_code or 1)
