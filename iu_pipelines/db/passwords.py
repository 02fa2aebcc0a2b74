"""Explain where libpq looked for the password of a connection, by its rules for password files."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from iu_pipelines.errors import redact

OPTIONS: Final = ("passfile", "host", "hostaddr", "port", "dbname", "user")
"""The options of a connection with which libpq searches a password file."""

_FROM_FILE: Final = re.compile(r'password retrieved from file "([^"]+)"')
_SEPARATOR: Final = re.compile(r"([:\\])")
_ESCAPED: Final = r"\\\1"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def none_found(options: Mapping[str, str]) -> str:
    """Return a hint about a password that was found nowhere.

    `options` are those of the connection attempt, as libpq completed them.
    """
    looked = "The URL has none, PGPASSWORD is not set"
    if "passfile" not in options:
        return f"{looked}, and there is no password file."
    path = Path.cwd() / options["passfile"]
    return f"{looked}, and the password file {path} {_fault(path, options)}"


def wrong(message: str, url: str) -> str:
    """Return a hint about the user and password in `url` that the server rejected with `message`."""
    found = _FROM_FILE.search(message)
    if found:
        return f"Check the user in the URL, and the password in the file {Path.cwd() / found[1]}."
    if redact(url) != url:
        return "Check the user and the password in the URL."
    return "Check the user in the URL, and the password in PGPASSWORD."


def _fault(path: Path, options: Mapping[str, str]) -> str:
    """Return why a password file contains no password for a connection."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "does not exist. PGPASSFILE names another one."
    except OSError as error:
        return f"cannot be read: {error.strerror}."
    if not stat.S_ISREG(mode):
        return "is no plain file."
    if mode & _OTHERS:
        return f"is open to other users, so that it is ignored. Run: chmod 600 {path}"
    if not os.access(path, os.R_OK):
        return "cannot be read by this user."
    host = options.get("host") or options.get("hostaddr", "localhost")
    key = (host, *(options.get(name, "") for name in ("port", "dbname", "user")))
    return f"has no line for {':'.join(_SEPARATOR.sub(_ESCAPED, part) for part in key)}."
