"""Checks of settings of the server, the database and the login that change what iu does."""

from __future__ import annotations

from typing import Final

from iu_pipelines.domain.doctor.database import SERVER, Asked, Setting
from iu_pipelines.domain.doctor.findings import Verdict

_NEEDED_ON: Final = ("fsync", "full_page_writes", "synchronous_commit")


@SERVER("settings.isolation")
def isolation(asked: Asked) -> Verdict:
    """Look for a default isolation level above read committed."""
    setting = asked.settings["default_transaction_isolation"]
    if setting.value == "read committed":
        return Verdict("ok", _said(setting))
    return Verdict(
        "warning",
        f"{_said(setting)}; iu itself works at read committed",
        "Your programs must repeat a transaction that raises 40001, and begin one at read committed to call "
        "retention or a seek (docs/operate/own-server.md).",
    )


@SERVER("settings.jit")
def jit(asked: Asked) -> Verdict:
    """Report jit, which the functions of iu that it would slow down set off."""
    setting = asked.settings["jit"]
    note = "; the functions of iu that it would slow down set it off" if setting.value == "on" else ""
    return Verdict("ok", f"{_said(setting)}{note}")


@SERVER("settings.replication_role")
def replication_role(asked: Asked) -> Verdict:
    """Look for a setting that stops every trigger: captures, checks and the refusal of changes."""
    setting = asked.settings["session_replication_role"]
    if setting.value == "origin":
        return Verdict("ok", _said(setting))
    return Verdict(
        "problem",
        f"{_said(setting)}: triggers of iu do not run in the sessions of this login",
        "Reset it on the role or the database: alter role NAME reset session_replication_role",
    )


@SERVER("settings.timeouts")
def timeouts(asked: Asked) -> Verdict:
    """Look for limits of statements and of waits for locks."""
    given = [asked.settings[name] for name in ("statement_timeout", "lock_timeout")]
    limits = [_said(setting) for setting in given if setting.value != "0"]
    if not limits:
        return Verdict("ok", "statement_timeout = 0, lock_timeout = 0")
    return Verdict(
        "note",
        ", ".join(limits),
        "A batch, a migration or a proof that exceeds a limit is cancelled and changes nothing; raise it for "
        "the login that runs them.",
    )


@SERVER("settings.durability")
def durability(asked: Asked) -> Verdict:
    """Look for settings with which a crash can lose or damage what was committed."""
    unsafe = [_said(asked.settings[name]) for name in _NEEDED_ON if asked.settings[name].value == "off"]
    if not unsafe:
        return Verdict("ok", ", ".join(f"{name} = {asked.settings[name].value}" for name in _NEEDED_ON))
    return Verdict(
        "warning",
        f"{', '.join(unsafe)}: a crash can lose committed events and attempts",
        "Set it on, unless the data may be lost.",
    )


@SERVER("settings.autovacuum")
def autovacuum(asked: Asked) -> Verdict:
    """Look for autovacuum that is off."""
    setting = asked.settings["autovacuum"]
    if setting.value == "on":
        return Verdict("ok", _said(setting))
    return Verdict(
        "warning",
        f"{_said(setting)}: space of deleted rows is not used again, and the files grow",
        "Set autovacuum = on on the server.",
    )


def _said(setting: Setting) -> str:
    source = "" if setting.source in {"default", "configuration file"} else f" (from {setting.source})"
    return f"{setting.name} = {setting.value}{source}"
