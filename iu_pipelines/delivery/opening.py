"""Opening and closing the kind of a target. The text of an error that is not ours might contain a secret."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from iu_pipelines.delivery import kinds
from iu_pipelines.delivery.kind import TargetKind
from iu_pipelines.delivery.reports import DrainProblem
from iu_pipelines.delivery.secrets import Secrets
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import IuError, UsageError

Kinds = Mapping[str, type[TargetKind]]


class Opener:
    """Opens what sends to targets. `tell` is called with an error of closing, which ends no other target."""

    def __init__(self, secrets: Secrets, given: Kinds | None, tell: Callable[[DrainProblem], None]) -> None:
        self._secrets = secrets
        self._kinds = given
        self._tell = tell

    @asynccontextmanager
    async def opened(self, target: GrantedTarget) -> AsyncIterator[TargetKind | None]:
        """Yield what sends to a target, None if another program does.

        Raises:
            IuError: the secret is missing, or the target cannot be opened.
        """
        kind = self._kind(target)
        if kind is None:
            yield None
            return
        try:
            await _open(kind)
            yield kind
        finally:
            await self._close(kind)

    def _kind(self, target: GrantedTarget) -> TargetKind | None:
        found = self._kinds[target.kind] if self._kinds is not None else kinds.load(target.kind)
        if not found.sends:
            return None
        if target.secret_name:
            self._secrets.find(target.secret_name, target.address)  # so that nothing is claimed without it
        return found(target, self._secrets)

    async def _close(self, kind: TargetKind) -> None:
        try:
            await kind.close()
        except Exception as error:  # noqa: BLE001  an error of a kind of others ends no other target
            message = f"the target cannot be closed: {type(error).__name__}"
            self._tell(DrainProblem(kind.target.target_name, message))


async def _open(kind: TargetKind) -> None:
    try:
        await kind.open()
    except IuError:
        raise
    except Exception as error:  # noqa: BLE001  a fault of a kind of others must not end the other targets
        raise UsageError(
            f"the target cannot be opened: {type(error).__name__}",
            hint=f"See the documentation of targets of kind {kind.kind}.",
        ) from None
