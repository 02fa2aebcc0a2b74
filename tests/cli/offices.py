"""The logins of a promotion, as the people and the programs who use `iu`."""

from __future__ import annotations

from cli.running import Done, Iu
from delivery.office import Office
from delivery.world import url_of


class OfficeIu:
    """Runs `iu` on the database of an office; each login is a method's argument."""

    def __init__(self, office: Office, command: Iu) -> None:
        self.office = office
        self._command = command

    def __call__(self, login: str, *words: str) -> Done:
        """Run `iu` as a login of the office."""
        return self._command(*words, "--database-url", url_of(self.office.url, self.office.login(login)))
