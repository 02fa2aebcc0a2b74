"""The SQL of a module: a file beside it, such as `attempts.sql` beside `attempts.py`.

A line `-- name: recent` stands above each statement. Parameters are written `%(name)s`; where a statement
has any, a percent sign is written `%%`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class Statements:
    """The statements of a module by name. The file is read when the first one is asked for."""

    module: str

    def __getitem__(self, name: str) -> str:
        """Return the text of a statement. Raises LookupError where the file has none of this name."""
        found = load(self.module)
        if name not in found:
            raise LookupError(f"the SQL of {self.module} has no statement {name!r}, only {', '.join(found)}")
        return found[name]


@cache
def load(module: str) -> Mapping[str, str]:
    """Return every statement of the file beside `module` by name, in the order of the file."""
    package, _, noun = module.rpartition(".")
    _, *parts = _NAME.split((files(package) / f"{noun}.sql").read_text(encoding="utf-8"))
    texts = [text.strip().removesuffix(";") for text in parts[1::2]]
    return dict(zip(parts[::2], texts, strict=True))
