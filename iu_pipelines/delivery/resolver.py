"""The name server as one target uses it, so that one that does not answer delays no other target."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from iu_pipelines.delivery import addresses

_THREADS: Final = 2


class Resolver:
    """Resolves names in threads of its own, and refuses IP addresses that are not allowed.

    `private` and `plain` are those of `addresses.resolve`. The threads of the event loop would be shared by
    all targets.
    """

    def __init__(self, *, private: bool, plain: bool) -> None:
        self._private = private
        self._plain = plain
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="iu-resolve")

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the checked IP addresses of a host, by one query.

        Raises:
            AddressRefused: one of them is not allowed.
            OSError: there is no such host, or no name server answered.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: addresses.resolve(host, port, private=self._private, plain=self._plain),
        )

    def close(self) -> None:
        """Let the threads end. A query that still runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
