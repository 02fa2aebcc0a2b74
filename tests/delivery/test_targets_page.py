"""docs/operate/targets.md: the receiver that it shows verifies, and keeps each delivery once."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

import pages
from delivery.kind_parts import VALUE, granted, message, new_value, secrets, send
from iu_pipelines.delivery.webhook import WebhookTarget
from waiting import eventually


def _listens(port: int) -> bool:
    with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port))):
        return True
    return False


@contextmanager
def _receiver(directory: Path, port: int, secret: str) -> Iterator[subprocess.Popen[str]]:
    program = directory / "receiver.py"
    (text,) = pages.code("docs/operate/targets.md", "What a receiver must do")
    program.write_text(text, "utf-8")
    command = [sys.executable, str(program), str(port), str(directory / "received.db"), secret]
    with (directory / "log").open("a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            eventually(lambda: _listens(port), "the receiver of the page listens")
            yield process
        finally:
            process.kill()
            process.communicate()


def test_the_receiver_of_the_page_keeps_each_delivery_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {new_value()} {VALUE}")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    target = granted(f"http://127.0.0.1:{port}/")
    with _receiver(tmp_path, port, VALUE) as process:
        for one in (message(1), message(2), message(1)):
            (answer,) = send(WebhookTarget, target, one, of=secrets())
            assert answer.decision == "sent"
        assert process.stdout is not None
        lines = [process.stdout.readline().split()[:2] for _ in range(2)]
    assert lines == [["received", message(1).key], ["received", message(2).key]]
    with _receiver(tmp_path, port, new_value()):
        (answer,) = send(WebhookTarget, target, message(3), of=secrets())
        assert answer.status_code == 401
