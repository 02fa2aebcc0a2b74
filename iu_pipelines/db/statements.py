"""The SQL statements of a module, in a file of the same name, such as `attempts.sql` for `attempts.py`.

Each statement follows a line `-- name: recent`. Parameters are written `%(name)s`; a statement with
parameters writes a percent sign as `%%`.
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
    """The statements of a module by name. The file is read on the first access."""

    module: str

    def __getitem__(self, name: str) -> str:
        """Return the text of a statement.

        Raises:
            LookupError: the file has no statement of this name.
        """
        found = load(self.module)
        if name not in found:
            raise LookupError(f"the SQL of {self.module} has no statement {name!r}, only {', '.join(found)}")
        return found[name]


@cache
def load(module: str) -> Mapping[str, str]:
    """Return the statements of `module` by name, in the order of its file."""
    package, _, noun = module.rpartition(".")
    _, *parts = _NAME.split((files(package) / f"{noun}.sql").read_text(encoding="utf-8"))
    texts = [text.strip().removesuffix(";") for text in parts[1::2]]
    return dict(zip(parts[::2], texts, strict=True))
