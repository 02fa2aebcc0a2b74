"""YAML text as a tree whose nodes know their line and column.

The tree is built from the events of PyYAML's parser. Tags, anchors, aliases, duplicate keys, several
documents and text beyond the limits are refused. No tag is resolved by PyYAML: plain scalars follow the
core schema of YAML 1.2, in which `on`, `off`, `yes` and `no` are text, and keys are always text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from iu_pipelines.domain.outbox_file.problems import Field, Place, Problem, shown

MAX_BYTES: Final = 1024 * 1024
MAX_ENTRIES: Final = 1_000
MAX_DEPTH: Final = 10

_UNPRINTABLE: Final = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_END: Final = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(
    r"(?P<ten>[-+]?[0-9]{1,300})|0o(?P<eight>[0-7]{1,300})|0x(?P<hex>[0-9a-fA-F]{1,300})"
)
_FLOAT: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_BASES: Final[Mapping[str, int]] = {"ten": 10, "eight": 8, "hex": 16}


@dataclass(frozen=True)
class Scalar:
    """One value; `text` is what the file has, without quotation marks."""

    place: Place
    text: str
    plain: bool

    @property
    def is_null(self) -> bool:
        """Whether the value is null, `~`, or left out."""
        return self.plain and self.text in _NULL

    @property
    def value(self) -> Any:
        """The value by the core schema: None, a bool, an int, a float or a str."""
        if not self.plain:
            return self.text
        if self.is_null:
            return None
        return _BOOLEAN[self.text] if self.text in _BOOLEAN else _number(self.text)


def _number(text: str) -> int | float | str:
    """Return the number that `text` is by the core schema, or the text itself."""
    if found := _INTEGER.fullmatch(text):
        return next(int(digits, _BASES[name]) for name, digits in found.groupdict().items() if digits)
    if _FLOAT.fullmatch(text):
        return float(text.replace(".", "") if text[-1].isalpha() else text)
    return text


@dataclass(frozen=True)
class Listing:
    """A list of nodes."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Keyed:
    """A mapping from text to nodes, with the places of its keys."""

    place: Place
    places: Mapping[str, Place]
    values: Mapping[str, Node]


Node = Scalar | Listing | Keyed


class Unreadable(Exception):
    """The text is not accepted; `problem` says where and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def compose(content: bytes) -> Node:
    """Return the tree of a YAML document.

    Raises:
        Unreadable: the content is no UTF-8 text, no YAML, or has something that is refused.
    """
    text = _decoded(content)
    events = yaml.parse(text, Loader=yaml.SafeLoader)
    try:
        next(events)
        begin = next(events)
        if isinstance(begin, yaml.StreamEndEvent):
            raise _refused(begin, (), "the file is empty", _SECTIONS)
        node = _Composer(events).node(next(events), (), 1)
        next(events)
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _refused(after, (), "a second document begins", "Keep one document in a file.")
    except yaml.MarkedYAMLError as error:
        raise Unreadable(_from_yaml(error)) from None
    return node


_SECTIONS: Final = "Write at least one of the sections event_types, targets, routes, captures and workers."


def _decoded(content: bytes) -> str:
    """Return the text, which has only printable characters."""
    if len(content) > MAX_BYTES:
        place = Place(content.count(b"\n", 0, MAX_BYTES) + 1, 1)
        message = f"the file is larger than {MAX_BYTES:,} bytes"
        raise Unreadable(Problem(place, (), message, "Split it into several files."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of(content[: error.start].decode("utf-8", "replace"), None)
        message = f"byte {content[error.start]:#04x} is not UTF-8"
        raise Unreadable(Problem(place, (), message, "Save the file as UTF-8.")) from None
    if found := _UNPRINTABLE.search(text):
        message = f"control character {found[0]!a}"
        raise Unreadable(Problem(_place_of(text, found.start()), (), message, "Delete the character."))
    return text


def _place_of(text: str, end: int | None) -> Place:
    *lines, last = _LINE_END.split(text[:end])
    return Place(len(lines) + 1, len(last) + 1)


class _Composer:
    """Builds nodes from the events of one document."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events

    def node(self, event: yaml.Event, field: Field, depth: int) -> Node:
        _require_plain_yaml(event, field)
        place = _place(event)
        if depth > MAX_DEPTH:
            raise _refused(
                event, field[:3], f"nested deeper than {MAX_DEPTH} levels", "Compare it with: iu schema"
            )
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(place, event.value, event.implicit[0])
        if isinstance(event, yaml.SequenceStartEvent):
            return Listing(place, tuple(self._items(field, depth)))
        return self._keyed(place, field, depth)

    def _items(self, field: Field, depth: int) -> Iterator[Node]:
        for number, event in enumerate(self._until(yaml.SequenceEndEvent)):
            _require_few(event, field, number)
            yield self.node(event, (*field, number), depth + 1)

    def _keyed(self, place: Place, field: Field, depth: int) -> Keyed:
        places: dict[str, Place] = {}
        values: dict[str, Node] = {}
        for event in self._until(yaml.MappingEndEvent):
            _require_few(event, field, len(values))
            key = _key(event, field)
            if key in places:
                raise _refused(
                    event,
                    (*field, key),
                    f"the key {shown(key)} is there twice, first in line {places[key].line}",
                    "Keep one of the two.",
                )
            places[key] = _place(event)
            values[key] = self.node(next(self._events), (*field, key), depth + 1)
        return Keyed(place, places, values)

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self._events), end):
            yield event


def _key(event: yaml.Event, field: Field) -> str:
    _require_plain_yaml(event, field)
    if not isinstance(event, yaml.ScalarEvent):
        raise _refused(event, field, "a key is a list or a mapping", "Use text as the key.")
    return str(event.value)


def _require_plain_yaml(event: yaml.Event, field: Field) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _refused(event, field, f"alias {shown('*' + event.anchor)}", "Write the value again.")
    if event.anchor is not None:
        raise _refused(event, field, f"anchor {shown('&' + event.anchor)}", "Leave the anchor out.")
    if event.tag is not None:
        raise _refused(
            event, field, f"tag {shown(event.tag)}", "Leave the tag out; put text in quotation marks."
        )


def _require_few(event: yaml.Event, field: Field, number: int) -> None:
    if number >= MAX_ENTRIES:
        raise _refused(
            event, field, f"more than {MAX_ENTRIES:,} entries", "Split the file into several files."
        )


def _refused(event: yaml.Event, field: Field, message: str, advice: str) -> Unreadable:
    return Unreadable(Problem(_place(event), field, message, advice))


def _place(event: yaml.Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _from_yaml(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    message = f"the text is not YAML: {error.problem or error.context}"
    return Problem(place, (), message, "Check the indentation, the colons and the quotation marks.")
