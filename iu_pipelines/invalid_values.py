"""What is wrong with the value of a setting or an option, or with a file, in the words of this project.

pydantic checks the values; its own words are those of its types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

_Details = Mapping[str, Any]

_PHRASES: Final[Mapping[str, Callable[[_Details], str]]] = {
    "int_parsing": lambda _: "is not a whole number",
    "int_parsing_size": lambda _: "has too many digits",
    "int_from_float": lambda _: "is not a whole number",
    "int_type": lambda _: "is not a whole number",
    "float_parsing": lambda _: "is not a number",
    "float_type": lambda _: "is not a number",
    "finite_number": lambda _: "is not a finite number",
    "bool_parsing": lambda _: "is not true or false",
    "bool_type": lambda _: "is not true or false",
    "greater_than_equal": lambda context: f"is less than {context['ge']}",
    "less_than_equal": lambda context: f"is more than {context['le']}",
    "url_parsing": lambda _: "is not a URL",
    "url_scheme": lambda _: "is not an http:// or https:// URL",
    "literal_error": lambda context: f"is not one of {context['expected']}",
    "enum": lambda context: f"is not one of {context['expected']}",
    "value_error": lambda context: str(context["error"]),
}
"""Each kind of error of pydantic, and what follows the name and the value in the message."""


def explain(details: _Details) -> str:
    """Return what is wrong, to follow the value: `is not a whole number`.

    `details` is one entry of `errors()` of a ValidationError of pydantic.
    """
    phrase = _PHRASES.get(details["type"])
    if phrase:
        return phrase(details.get("ctx", {}))
    text = str(details["msg"])
    return f"is invalid: {text[:1].lower()}{text[1:]}"


def explain_yaml(error: Exception) -> str:
    """Return where a file is no YAML, and why. Its text, which may contain a password, is left out.

    `error` is what reading it raised: an error of PyYAML, UnicodeDecodeError or ValueError.
    """
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    parts = [getattr(error, part, None) for part in ("context", "problem")]
    return f"line {mark.line + 1}, column {mark.column + 1}: {', '.join(part for part in parts if part)}"
