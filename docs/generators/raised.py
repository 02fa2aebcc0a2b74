"""The codes that SQL functions raise: those that a comment names, and those that the bodies contain."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Final

from generators.catalog import Function

_OWN: Final = re.compile(r"errcode = '(IU\d{3})'|fn_iu_login_require\('\w+', '(IU\d{3})'\)")
_CALL: Final = re.compile(r"\bfn_iu_\w+(?=\()")
_NO_CODE: Final = re.compile(r"--[^\n]*|'(?:[^']|'')*'")
_HANDLER: Final = re.compile(r"\bexception\s+when\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"\b[Rr]aises\b.*?\.(?=\s+[A-Z]|\s*$)", re.DOTALL)
_CODE: Final = re.compile(r"\bIU\d{3}\b")
_RANGE: Final = re.compile(r"\bIU(\d{3}) to IU(\d{3})\b")
_AS: Final = re.compile(r"\bwhat (fn_iu_\w+)\s+raises\b|\bthe errors of\s+(fn_iu_\w+)")


def named(function: Function, functions: Mapping[str, Function]) -> set[str]:
    """Return the codes that the comment of a function says it raises, also by naming another function."""
    found: set[str] = set()
    for clause in _CLAUSE.findall(function.comment):
        found |= {*_CODE.findall(clause)}
        for first, last in _RANGE.findall(clause):
            found |= {f"IU{number}" for number in range(int(first), int(last) + 1)}
        for other in filter(None, itertools.chain(*_AS.findall(clause))):
            found |= named(functions[other], functions)
    return found


def derived(function: Function, functions: Mapping[str, Function]) -> set[str]:
    """Return the codes in the body of a function, and in those that it calls, directly or not.

    The calls of a body with an exception handler are left out: it may handle what they raise.
    """
    found: set[str] = set()
    waiting, seen = [function], {function.name}
    while waiting:
        body = waiting.pop().definition
        found |= {code for pair in _OWN.findall(body) for code in pair if code}
        calls = set() if _HANDLER.search(body) else {*_CALL.findall(_NO_CODE.sub("", body))}
        waiting += [functions[name] for name in sorted(calls - seen) if name in functions]
        seen |= calls
    return found
