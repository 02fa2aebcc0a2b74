"""Logins that the product itself creates, for the demo. A password is never in the text of a statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.statements import Statements

_SQL: Final = Statements(__name__)


def open_login(gateway: Gateway, login: str, password: str, roles: Sequence[str]) -> None:
    """Create a login unless it exists, let it log in with a password, and make it a member of roles.

    Raises:
        PermissionDenied: the role of the gateway may not create logins.
    """
    with gateway.transaction() as session:
        session.execute(_SQL["give"], {"login": login, "password": password, "roles": ",".join(roles)})
        session.execute(_SQL["open"])


def close_login(gateway: Gateway, login: str) -> None:
    """Let a login log in no longer. What it did stays recorded under its name."""
    with gateway.transaction() as session:
        session.execute(_SQL["give"], {"login": login, "password": "", "roles": ""})
        session.execute(_SQL["close"])
