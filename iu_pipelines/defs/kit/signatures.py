"""The signature of a function that becomes an op, read once.

Dagster asks Python for it, and for the types in it, some twenty times for each op. With the thousands of ops
of a large fleet that takes a part of a second (decision 085).
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


def signed(function: _Function) -> _Function:
    """Return `function`, which from now on has its signature, without a type as text, as an attribute."""
    function.__signature__ = inspect.signature(function, eval_str=True)  # type: ignore[attr-defined]
    return function
