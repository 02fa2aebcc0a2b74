"""The file dagster.yaml in Dagster's directory: iu writes it, or a user does, and then iu only reads it.

The first line of the file that iu writes names the hash of the rest, so that an edited file is the user's.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from iu_pipelines.errors import UsageError, redact
from iu_pipelines.hosting.instance_configuration import DRIVER, STORAGE_VARIABLE, configuration, storage_url
from iu_pipelines.invalid_values import explain_yaml
from iu_pipelines.settings import Settings, child_environment

_MARK: Final = "# Written by iu, which replaces this file until you edit it; then it is yours. sha256: "
_FORMER: Final = frozenset({"51e3b11cf662355f08fea9a5b7e4b574897479c92d951797d1c5e286320ee735"})
"""The hashes of the content that versions without the mark wrote: 0.1.0."""

_STORAGES: Final = ("storage", "run_storage", "event_log_storage", "schedule_storage")
_STORAGE_HINT: Final = (
    f"Let iu choose the database: storage: {{postgres: {{postgres_url: {{env: {STORAGE_VARIABLE}}}}}}}"
)


@dataclass(frozen=True)
class InstanceFile:
    """The file and its content. `is_own` is whether iu wrote it."""

    path: Path
    content: Mapping[str, Any]
    is_own: bool

    def storage_environment(self, settings: Settings) -> dict[str, str]:
        """Return the variable with the URL of Dagster's database, which is created, if the file names it."""
        named = STORAGE_VARIABLE in json.dumps(self.content, default=str)
        return {STORAGE_VARIABLE: storage_url(settings)} if named else {}

    def storage_override(self, settings: Settings) -> dict[str, Any]:
        """Return the key `storage` with the URL in place of the variable, for a process without it."""
        storage = self.content.get("storage")
        if at(storage, "postgres", "postgres_url", "env") != STORAGE_VARIABLE:
            return {}
        postgres = {**at(storage, "postgres"), "postgres_url": storage_url(settings)}
        return {"storage": {**at(storage), "postgres": postgres}}


def ensure(settings: Settings) -> InstanceFile:
    """Write dagster.yaml, readable by its owner only, if it is missing or iu wrote it; otherwise check it.

    Dagster itself checks its other keys when it opens the instance.

    Raises:
        UsageError: the file of a user is not YAML, has no storage, or names a driver that Dagster cannot use.
    """
    found = read(settings)
    if found is not None and not found.is_own:
        return found
    path = _path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    own = configuration()
    _write(path, own)
    return InstanceFile(path, own, is_own=True)


def read(settings: Settings) -> InstanceFile | None:
    """Return dagster.yaml, or None if there is none. It is checked as by `ensure`, and nothing is written."""
    path = _path(settings)
    text = _read(path)
    if text is None:
        return None
    content = _parse(path, text)
    if _is_own(text, content):
        return InstanceFile(path, content if isinstance(content, dict) else {}, is_own=True)
    return InstanceFile(path, _checked(path, content), is_own=False)


def _path(settings: Settings) -> Path:
    return settings.dagster_directory / "dagster.yaml"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint=take_back(path)) from None


def _parse(path: Path, text: str | None) -> object:
    try:
        return yaml.safe_load(text or "")
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{path} is not YAML: {explain_yaml(error)}", hint=take_back(path)) from None


def _is_own(text: str, content: object) -> bool:
    """Return whether iu wrote `text`, and nobody has changed it."""
    first, _, rest = text.partition("\n")
    if first.startswith(_MARK):
        return first == _MARK + _hash(rest)
    try:
        return _hash(json.dumps(content, sort_keys=True, default=str)) in _FORMER
    except TypeError:  # keys of several types, which cannot be sorted
        return False


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Replace the file atomically."""
    text = json.dumps(content, indent=2) + "\n"  # JSON is valid YAML.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(f"{_MARK}{_hash(text)}\n{text}", encoding="utf-8")
    draft.replace(path)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _checked(path: Path, content: object) -> Mapping[str, Any]:
    """Return the content of a user's file if iu can use it.

    A storage has to be named: the default is SQLite files in the same directory, which would show an empty
    history. Any other storage is the user's decision.
    """
    if not isinstance(content, dict | None):
        raise UsageError(f"{path}: {content!r} is not a mapping of keys", hint=take_back(path))
    found = content or {}
    if not any(found.get(key) for key in _STORAGES):
        raise UsageError(
            f"{path}: storage = {found.get('storage')!r}: Dagster would keep its runs in SQLite files",
            hint=_STORAGE_HINT,
        )
    _require_driver(path, found)
    return found


def _require_driver(path: Path, content: Mapping[str, Any]) -> None:
    """Raise UsageError if a URL of PostgreSQL leaves the driver to SQLAlchemy, or names another one."""
    postgres = at(content, "storage", "postgres")
    url = at(postgres, "postgres_url")
    variable = at(url, "env")
    if isinstance(variable, str) and variable != STORAGE_VARIABLE:
        url = child_environment().get(variable)
    if isinstance(url, str):
        _require_scheme(f"{path}: storage.postgres.postgres_url = {redact(url)!r}", url.partition("://")[0])
    elif isinstance(parts := at(postgres, "postgres_db"), dict):
        scheme = parts.get("scheme")
        _require_scheme(f"{path}: storage.postgres.postgres_db.scheme = {scheme!r}", scheme)


def _require_scheme(place: str, scheme: object) -> None:
    if scheme != DRIVER:
        raise UsageError(
            f"{place}: Dagster's storage requires the scheme {DRIVER}",
            hint=f"Write {DRIVER}. For another scheme, SQLAlchemy may choose a driver that does not work.",
        )


def at(content: object, *keys: str) -> Any:
    """Return the value at a path of keys of nested mappings, or None."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def take_back(path: Path) -> str:
    """Return the hint of an error about a user's file."""
    return f"Correct {path.name}, or delete it: iu then writes its own."
