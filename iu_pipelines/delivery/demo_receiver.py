"""A receiver on loopback that verifies Standard Webhooks, for the demo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass
class Receiver:
    """A receiver of webhooks on loopback. `verified` are the ids of those whose signature was right."""

    address: str
    verified: list[str] = field(default_factory=list)


@contextmanager
def receiving(secret: str) -> Iterator[Receiver]:
    """Serve a receiver that verifies Standard Webhooks, in a thread of this process."""
    webhook = Webhook(secret)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            try:
                webhook.verify(body, dict(self.headers))
            except WebhookVerificationError:
                self.send_response(401)
            else:
                receiver.verified.append(self.headers["webhook-id"])
                self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
