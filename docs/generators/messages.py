"""The messages and hints of errors, as the sources of SQL and Python contain them.

What is inserted into a text at run time becomes `…`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

GAP: Final = "…"

_RAISE: Final = re.compile(r"\braise exception\b(?P<what>(?:[^';]|'(?:[^']|'')*')*);")
_HELPER: Final = re.compile(r"\bfn_iu_capture_refuse(?P<what>\((?:[^';]|'(?:[^']|'')*')*\));")
_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\|\||[(),]|[^\s'(),|]+|\|")
_GIVEN: Final = re.compile(r"fn_iu_login_require\('\w+', '(IU\d{3})'\)")
_PLACE: Final = re.compile(r"%(?:\d+\$)?[sILf]?")


@dataclass(frozen=True, order=True)
class Message:
    """The text of an error, its hint, and its SQLSTATE or, in Python, the name of its class."""

    code: str
    text: str
    hint: str


def of_sql(sources: Sequence[str]) -> Iterator[Message]:
    """Yield the messages that the files of steps and functions raise.

    A code or a text that a function gets as an argument is taken from its calls.
    """
    given = sorted({code for source in sources for code in _GIVEN.findall(source)})
    for source in sources:
        for found in _RAISE.finditer(source):
            yield from _raised(found["what"], given)
        for found in _HELPER.finditer(source):
            inner = _parts(_tokens(found["what"])[1:-1], ",")
            if len(inner) == 3:
                yield Message("IU703", f"capture {GAP}: {_text(inner[1])}", _filled(_text(inner[2])))


def _raised(statement: str, given: Sequence[str]) -> Iterator[Message]:
    tokens = _tokens(statement)
    if "using" not in tokens or tokens[-1] == "advice":  # a helper with the text as an argument
        return
    place = tokens.index("using")
    options = {part[0]: part[2:] for part in _parts(tokens[place + 1 :], ",") if len(part) > 2}
    code = options.get("errcode", [""])
    hint = _filled(_text(options.get("hint", [])))
    for one in given if code == ["errcode"] else [code[0].strip("'")]:
        if one.startswith("IU"):
            yield Message(one, _filled(_text(_parts(tokens[:place], ",")[0])), hint)


def _tokens(text: str) -> list[str]:
    return [token for token in _TOKEN.findall(text) if not token.startswith("--")]


def _parts(tokens: Sequence[str], separator: str) -> list[list[str]]:
    """Return `tokens` split at each separator that is in no parentheses."""
    parts: list[list[str]] = [[]]
    depth = 0
    for one in tokens:
        depth += {"(": 1, ")": -1}.get(one, 0)
        if one == separator and depth == 0:
            parts.append([])
        else:
            parts[-1].append(one)
    return parts


def _text(tokens: Sequence[str]) -> str:
    """Return the text of an expression, with `…` for what is known at run time only."""
    return "".join(_piece(part) for part in _parts(tokens, "||"))


def _piece(tokens: Sequence[str]) -> str:
    match [*tokens]:
        case [str(first), *_] if first.startswith("'"):
            texts = [token[1:-1].replace("''", "'") for token in tokens if token.startswith("'")]
            return _PLACE.sub(GAP, "".join(texts))
        case ["format" | "coalesce", "(", *inner, ")"]:
            inner = _parts(inner, ",")[0]
        case ["(", *inner, ")"]:
            pass
        case ["select", *inner]:
            inner = _parts(inner, "from")[0]
        case ["case", *inner] if "then" in inner:  # the first alternative
            inner = _parts(_parts(_parts(inner, "then")[1], "when")[0], "else")[0]
        case _:
            return GAP if tokens else ""
    return _text(inner)


def of_python(source: str, classes: frozenset[str]) -> Iterator[Message]:
    """Yield the messages of the calls of error classes, by the names of the classes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and _name(node.func) in classes:
            hints = [keyword.value for keyword in node.keywords if keyword.arg == "hint"]
            hint = _filled(_written(hints[0])) if hints else ""
            yield Message(_name(node.func), _filled(_written(node.args[0])), hint)


def _filled(text: str) -> str:
    """Return `text` with one gap for adjacent ones, or nothing if it has no word."""
    return re.sub(f"{GAP}+", GAP, text) if re.search(r"[A-Za-z]{2}", text) else ""


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _written(node: ast.expr) -> str:
    """Return the text of an expression, with `…` for what is known at run time only."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_written(value) for value in values)
        case ast.BinOp(left=left, right=right):
            return _written(left) + _written(right)
        case ast.IfExp(body=body):
            return _written(body)
    return GAP
