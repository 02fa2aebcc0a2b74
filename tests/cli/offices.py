"""The logins of a promotion, as the people and the programs who use `iu`."""

from __future__ import annotations

from cli.running import Done, Iu
from delivery.office import ROUTE, Office
from delivery.receiver import Receiver
from delivery.world import url_of


class OfficeIu:
    """Runs `iu` on the database of an office; each login is a method's argument."""

    def __init__(self, office: Office, command: Iu) -> None:
        self.office = office
        self.command = command

    def __call__(self, login: str, *words: str) -> Done:
        """Run `iu` as a login of the office."""
        return self.command(*words, "--database-url", url_of(self.office.url, self.office.login(login)))


class Shop:
    """An office whose route is promoted to a real receiver, every step by `iu`."""

    def __init__(self, iu: OfficeIu, receiver: Receiver) -> None:
        self.iu = iu
        self.office = iu.office
        self.receiver = receiver

    def done(self, login: str, *words: str) -> Done:
        """Run `iu` as a login, and expect that it succeeds."""
        done = self.iu(login, *words)
        assert done.code == 0, f"{words}: {done.err or done.out}"
        return done

    def aim(self, path: str = "/hook") -> None:
        """Let the target be the receiver, which is on this machine, so an approver must allow it."""
        self.done(
            "admin", "target", "set", "hook", "--secret", "SHOP", "--retry-seconds", "60",
            "--address", self.receiver.url(path),
        )  # fmt: skip
        self.done("approver", "target", "set", "hook", "--allow-private", "--reason", "a test")

    def promote(self) -> None:
        """Test the target, rehearse and promote the route, as three logins."""
        self.done("sender", "target", "test", "hook")
        self.done("sender", "promote", "rehearse", ROUTE)
        self.done(
            "admin", "promote", "propose", ROUTE, "--max-failure-share", "1", "--reason", "a test", "--json"
        )
        number = str(self.done("auditor", "promote", "list", "--json").json[-1]["promotion_no"])
        self.done("approver", "promote", "approve", number, "--reason", "a test")

    def delivered(self) -> list[str]:
        """Return the keys that the receiver got, in order, without those of tests."""
        return [one.key for one in self.receiver.requests() if not one.key.startswith("test_")]
