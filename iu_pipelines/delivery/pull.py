"""Targets of kind `pull`: another program, in any language, claims, sends and records the deliveries.

`fn_iu_delivery_claim` and `fn_iu_delivery_record` are its interface; this package sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from iu_pipelines.delivery.kind import Answer, Message, TargetKind
from iu_pipelines.delivery.secrets import shown
from iu_pipelines.errors import ArgumentInvalid


class PullTarget(TargetKind):
    """A target without an address, a secret and options."""

    kind: ClassVar[str] = "pull"
    sends: ClassVar[bool] = False
    why_no_address: ClassVar[str] = (
        "the program that claims the deliveries knows where it sends them, and how it signs."
    )

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Check that there is no address, no secret and no option.

        Raises:
            ArgumentInvalid: there is one.
        """
        for option, given in {"address": address, "secret": secret_name}.items():
            if given:
                raise ArgumentInvalid(
                    f"a target of kind {cls.kind} has no {option}",
                    hint=f"Leave --{option} out: {cls.why_no_address}",
                )
        for name in sorted(options):
            raise ArgumentInvalid(
                f"unknown option {shown(name)} of a target of kind pull", hint="It has none."
            )

    async def open(self) -> None:
        """Do nothing."""

    async def send(self, message: Message) -> Answer:
        """Send nothing: a fault of the sender that called it."""
        return Answer(
            "retry", "local", error="another program sends the deliveries of this target", local_fault=True
        )

    async def test(self, message: Message) -> Answer:
        """Send nothing: that the login of the test may deliver to the target is all there is to test."""
        return Answer("sent", self.kind)

    async def close(self) -> None:
        """Do nothing."""

    def sign(self, message: Message, at: datetime) -> str:
        """Return an empty text: the program that sends also signs."""
        return ""
