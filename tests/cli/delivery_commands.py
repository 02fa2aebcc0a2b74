"""The commands about live delivery, for the test of who may run them.

Their braces are facts of `Prepared`. A command may use up what it names, so each has things of its own.
"""

from __future__ import annotations

from typing import Final

_WHY: Final = ("--reason", "a test")

COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "iu target list": ("target", "list"),
    "iu target show": ("target", "show", "hook"),
    "iu target add": (
        "target", "add", "third", "--kind", "webhook", "--secret", "SHOP", "--address", "https://c.example/",
    ),
    "iu target set": ("target", "set", "second", "--timeout-seconds", "9"),
    "iu target set --allow-private": ("target", "set", "second", "--allow-private", *_WHY),
    "iu target grant": ("target", "grant", "second", "{stranger}"),
    "iu target revoke": ("target", "revoke", "second", "{stranger}"),
    "iu target pause": ("target", "pause", "second", *_WHY),
    "iu target resume": ("target", "resume", "second", *_WHY),
    "iu target disable": ("target", "disable", "second", *_WHY),
    "iu target enable": ("target", "enable", "second", *_WHY),
    "iu target remove": ("target", "remove", "second", *_WHY),
    "iu target rotate-secret": ("target", "rotate-secret", "hook"),
    "iu target test": ("target", "test", "hook"),
    "iu promote list": ("promote", "list"),
    "iu promote show": ("promote", "show", "1"),
    "iu promote rehearse": ("promote", "rehearse", "shop.paid"),
    "iu promote propose": ("promote", "propose", "shop.paid", "--max-failure-share", "1", *_WHY),
    "iu promote approve": ("promote", "approve", "{proposed}", *_WHY),
    "iu promote reject": ("promote", "reject", "{rejected}", *_WHY),
    "iu promote threshold list": ("promote", "threshold", "list"),
    "iu promote threshold set": ("promote", "threshold", "set", "hours", "2", *_WHY),
    "iu promote threshold approve": ("promote", "threshold", "approve", "{change}", *_WHY),
    "iu promote threshold reject": ("promote", "threshold", "reject", "{other_change}", *_WHY),
    "iu deliver status": ("deliver", "status"),
    "iu deliver dead": ("deliver", "dead"),
    "iu deliver plan": ("deliver", "plan", "--kind", "replay", "--route", "shop.paid", *_WHY),
    "iu deliver progress": ("deliver", "progress", "{plan}"),
    "iu deliver execute": ("deliver", "execute", "{plan}"),
    "iu deliver retry": ("deliver", "retry", "{retried}", *_WHY),
    "iu deliver replay": ("deliver", "replay", "{dead}", "--route", "shop.paid", *_WHY),
    "iu deliver discard": ("deliver", "discard", "{other_dead}", "--route", "shop.paid", *_WHY),
    "iu deliver": ("deliver",),
    "iu demote": ("demote", "shop.paid", *_WHY),
}  # fmt: skip

LOGINS: Final = {
    "iu_emitter": "emitter",
    "iu_auditor": "auditor",
    "workflow_admin": "admin",
    "iu_owner": "owner",
    "iu_approver": "approver",
    "iu_sender": "sender",
}
"""The login of an office for each role. That of iu_owner is a member of other roles as well."""

REFUSED: Final = {"42501", "IU201", "IU204", "IU205"}
