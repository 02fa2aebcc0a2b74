"""A login (SASL PLAIN) in front of a mock broker, which has none.

It is our reading of the protocol and no server of Kafka: it shows that the client logs in before anything
else, with which name and password, and what a target reports if that is refused.
"""

from __future__ import annotations

import socket
import struct
from typing import Final

API_VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36
_REFUSED: Final = 58
_NEW: Final = struct.pack(">hhhhhh", HANDSHAKE, 0, 1, AUTHENTICATE, 0, 0)


class Gate:
    """The name and the password that are accepted, and the answers so far."""

    def __init__(self, user: str, password: str) -> None:
        self.expected = f"\0{user}\0{password}".encode()
        self.accepted = self.refused = 0

    def login(self, client: socket.socket, server: socket.socket) -> None:
        """Log a client in. OSError: it was refused, or sent something else before its login."""
        while True:
            frame = _frame(client)
            request, version, number = struct.unpack(">hhi", frame[:8])
            if request == API_VERSIONS:
                _send(server, frame)
                answer = _frame(server)
                _send(client, answer if version else _with_login(answer))
            elif request == HANDSHAKE:
                _send(client, struct.pack(">ihih5s", number, 0, 1, 5, b"PLAIN"))
            elif request == AUTHENTICATE and frame.endswith(self.expected):
                self.accepted += 1
                _send(client, struct.pack(">ihhi", number, 0, -1, 0))
                return
            elif request == AUTHENTICATE:
                self.refused += 1
                _send(client, struct.pack(">ihhi", number, _REFUSED, -1, 0))
            else:
                raise OSError(f"request {request} before the login")


def _with_login(answer: bytes) -> bytes:
    """Add both requests of a login to the ones that the broker knows, in an answer of version 0."""
    (count,) = struct.unpack(">i", answer[6:10])
    return answer[:6] + struct.pack(">i", count + 2) + answer[10:] + _NEW


def _frame(sock: socket.socket) -> bytes:
    (length,) = struct.unpack(">i", _exactly(sock, 4))
    return _exactly(sock, length)


def _exactly(sock: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        more = sock.recv(length - len(found))
        if not more:
            raise OSError("the connection was closed")
        found += more
    return found


def _send(sock: socket.socket, frame: bytes) -> None:
    sock.sendall(struct.pack(">i", len(frame)) + frame)
