"""Targets of kind `postgres`: a row of the table `iu_inbox` in another database (`inbox.sql`).

The key of a delivery is the key of its row, so a delivery that is sent twice makes one row. The address is
`postgresql://USER@HOST/DATABASE`; the password is the secret. The host is resolved here, and libpq gets the
checked IP addresses (`hostaddr`), so that neither a name server nor a variable of libpq leads it elsewhere.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from importlib.resources import files
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.statements import Statements
from iu_pipelines.delivery import addresses
from iu_pipelines.delivery.kind import MOST_BODY_BYTES, Answer, Message, TargetKind
from iu_pipelines.delivery.secrets import Secret, Secrets, check_name, shown
from iu_pipelines.domain.targets import GrantedTarget
from iu_pipelines.errors import ArgumentInvalid, ConnectionFailed, DatabaseError, IuError

MOST_CONNECTIONS: Final = 4
"""Connections of one target at a time."""

_SQL: Final = Statements(__name__)
_PORTS: Final = {"postgresql": 5432, "postgres": 5432}
_PARAMETERS: Final = ("sslmode", "sslrootcert")
_VERIFIED: Final = ("verify-full",)
_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_LATER_MS: Final = 500
"""How much later than the send the server gives up, so that a send always ends by its own timeout."""

_LOGIN_REFUSED: Final = "28"
_CANCELLED: Final = "57014"
_UNCONNECTED: Final = (("timeout", "in time"), ("refused", "no server is listening"))


_Added = Callable[[Gateway, Mapping[str, Any]], int]
"""A function that adds a row and returns 1, or 0 if there is one with its key."""


class _Undone(Exception):
    """Rolls a transaction back."""


def inbox_sql() -> str:
    """Return the SQL that creates the table `iu_inbox` in the database that receives."""
    return (files("iu_pipelines.delivery") / "inbox.sql").read_text(encoding="utf-8")


class PostgresTarget(TargetKind):
    """One inbox with a pool of connections, which threads of its own use."""

    kind: ClassVar[str] = "postgres"

    def __init__(self, target: GrantedTarget, secrets: Secrets) -> None:
        super().__init__(target, secrets)
        self._lock = threading.Lock()
        self._gateway: Gateway | None = None
        self._secret: Secret | None = None
        self._threads: ThreadPoolExecutor | None = None

    @classmethod
    def check(
        cls, address: str, options: Mapping[str, Any], secret_name: str | None, *, private: bool
    ) -> None:
        """Check the address: one host, one database, a user without a password; sslmode and sslrootcert.

        Raises:
            TargetNotSafe: the address is not allowed, or contains a password.
            ArgumentInvalid: the address, an option or the name of the secret is wrong.
        """
        addresses.check_url(address, _PORTS, private=private, has_user=True)
        _check_database(address)
        _parameters(address, private)
        for name in sorted(options):
            raise ArgumentInvalid(
                f"unknown option {shown(name)} of a target of kind postgres", hint="It has none."
            )
        if secret_name is None:
            raise ArgumentInvalid(
                "a target of kind postgres needs a secret, which is the password",
                hint="Give the name of a secret: IU_SECRET_<NAME> or the file NAME in IU_SECRETS_DIR.",
            )
        check_name(secret_name)

    async def open(self) -> None:
        """Start the threads; the first send connects.

        Raises:
            TargetNotSafe, ArgumentInvalid: as `check` does.
            UsageError: the secret is missing or bound to another host.
        """
        private = self.target.allow_private
        self.check(self.target.address, self.target.options, self.target.secret_name, private=private)
        self._password()
        self._threads = ThreadPoolExecutor(MOST_CONNECTIONS, thread_name_prefix="iu-inbox")

    async def send(self, message: Message) -> Answer:
        """Add one row. A row that exists was added by an earlier try, so it counts as sent."""
        return await self._run(message, _add)

    async def test(self, message: Message) -> Answer:
        """Add one row in a transaction that is rolled back, after its deferred constraints and triggers."""
        return await self._run(message, _add_and_undo)

    async def _run(self, message: Message, add: _Added) -> Answer:
        if len(message.body.encode()) > MOST_BODY_BYTES:
            return Answer("failed", "too_large", error=f"the body has more than {MOST_BODY_BYTES} bytes")
        if self._threads is None:
            return _local("the target is not open")
        loop = asyncio.get_running_loop()
        try:
            running = loop.run_in_executor(self._threads, self._insert, message, add)
            return await asyncio.wait_for(running, self.target.timeout_seconds)
        except TimeoutError:
            return Answer("retry", "timeout", error="no answer within the timeout", may_have_arrived=True)

    async def close(self) -> None:
        """Close all connections."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._drop)

    def sign(self, message: Message, at: datetime) -> str:
        """Return an empty text: the login of the sender stands for it. The secret is looked up.

        Raises:
            UsageError: the secret is missing or bound to another host.
        """
        self._password()
        return ""

    def _insert(self, message: Message, add: _Added) -> Answer:
        try:
            gateway = self._connected()
        except addresses.AddressRefused as error:
            return Answer("retry", "not_safe", error=str(error))
        except OSError:
            return Answer("retry", "unknown_host", error="the name of the host could not be resolved")
        except IuError as error:
            return _local(error.message)
        row = {
            "key": message.key, "event_id": message.event_id, "subject": message.subject,
            "subject_no": message.subject_no, "headers": dict(message.headers), "body": message.body,
        }  # fmt: skip
        try:
            added = add(gateway, row)
        except ConnectionFailed as error:
            self._drop(gateway)
            return _unconnected(error)
        except IuError as error:
            return _refused(error)
        return Answer("sent", "inserted" if added else "duplicate")

    def _connected(self) -> Gateway:
        """Return the gateway; a new one after a failed connection, or for a new secret."""
        with self._lock:
            found = self._password()
            if self._gateway is None or self._secret is not found:
                old, self._gateway = self._gateway, self._new_gateway(found)
                self._secret = found
                if old is not None:
                    old.close()
            return self._gateway

    def _new_gateway(self, password: Secret) -> Gateway:
        private = self.target.allow_private
        place = addresses.check_url(self.target.address, _PORTS, private=private, has_user=True)
        ips = addresses.resolve(place.host, place.port, private=private)
        parts, seconds = urlsplit(self.target.address), self.target.timeout_seconds
        later = f"{seconds * 1000 + _LATER_MS}ms"
        given = {
            "host": ",".join(place.host for _ in ips),
            "hostaddr": ",".join(ips),
            "port": str(place.port),
            "user": unquote(parts.username or ""),
            "password": password.text,
            "passfile": "/dev/null",
            "connect_timeout": str(max(2, seconds)),
            "tcp_user_timeout": str(seconds * 1000),
            "options": f"-c statement_timeout={later} -c lock_timeout={later}",
            **_parameters(self.target.address, private),
        }
        url = f"postgresql:///{parts.path.removeprefix('/')}?{urlencode(given, quote_via=quote)}"
        return Gateway(url, application_name="iu inbox", max_size=MOST_CONNECTIONS, retries=False)

    def _password(self) -> Secret:
        return self.secrets.find(self.target.secret_name or "", self.target.address)

    def _drop(self, gateway: Gateway | None = None) -> None:
        with self._lock:
            old = self._gateway
            if old is None or gateway not in (None, old):
                return
            self._gateway = None
        with suppress(DatabaseError):
            old.close()


def _add(gateway: Gateway, row: Mapping[str, Any]) -> int:
    return gateway.execute(_SQL["insert"], row)


def _add_and_undo(gateway: Gateway, row: Mapping[str, Any]) -> int:
    with suppress(_Undone), gateway.transaction() as session:
        added = session.execute(_SQL["insert"], row)
        session.execute(_SQL["constraints"])
        raise _Undone
    return added


def _check_database(address: str) -> None:
    parts = urlsplit(address)
    name = unquote(parts.path.removeprefix("/"))
    if not name or "/" in name or "\0" in name or not unquote(parts.username or "").isprintable():
        raise ArgumentInvalid(
            "the address names no database", hint="Write it as postgresql://USER@HOST/DATABASE."
        )


def _parameters(address: str, private: bool) -> Mapping[str, str]:
    """Return sslmode and sslrootcert. A public server must prove its name by a certificate.

    Raises:
        ArgumentInvalid: there is another parameter, or a value is not allowed.
    """
    found = {"sslmode": "prefer" if private else "verify-full"}
    for name, value in parse_qsl(urlsplit(address).query, keep_blank_values=True):
        if name not in _PARAMETERS:
            raise ArgumentInvalid(
                f"the address has a parameter {shown(name)}", hint=f"Allowed: {', '.join(_PARAMETERS)}."
            )
        allowed = ("system",) if name == "sslrootcert" else _MODES if private else _VERIFIED
        if value not in allowed:
            raise ArgumentInvalid(
                f"the address has another value of {name}", hint=f"Allowed: {', '.join(allowed)}."
            )
        found[name] = value
    return found


def _unconnected(error: ConnectionFailed) -> Answer:
    """Return the answer for a failed connection. A refused password is a fault of our configuration."""
    if (error.code or "").startswith(_LOGIN_REFUSED):
        return Answer("retry", "login_refused", error="the server refused the login", local_fault=True)
    for status_class, text in _UNCONNECTED:
        if text in error.message:
            return Answer("retry", status_class, error=f"no connection: SQLSTATE {error.code}")
    return Answer(
        "retry", "closed", error=f"the connection failed: SQLSTATE {error.code}", may_have_arrived=True
    )


def _refused(error: IuError) -> Answer:
    """Return the answer for a failed statement. The message of the server may contain what was sent."""
    if error.code == _CANCELLED:
        return Answer("retry", "timeout", error="the server cancelled the statement")
    if error.code is None:
        return _local("all connections of the target are in use")
    return Answer("retry", "sql_error", error=f"the server refused the row: SQLSTATE {error.code}")


def _local(text: str) -> Answer:
    return Answer("retry", "local", error=text, local_fault=True)
