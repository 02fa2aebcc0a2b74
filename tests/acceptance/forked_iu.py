"""`iu` without the start of Python: a process has imported everything, and forks for each command.

`forked_iu.py SOCKET` is that process. `forked_iu.py SOCKET WORD…` runs `iu WORD…` in a fork of it, with the
environment, the folder and the streams of the caller, and exits with its code.
"""

from __future__ import annotations

import json
import os
import socket
import sys

_STREAMS = (0, 1, 2)
_LOST = 70


def serve(path: str) -> None:
    """Fork for each connection, until the process is killed."""
    import signal

    _import_everything()
    signal.signal(signal.SIGCHLD, lambda *_: os.waitpid(-1, os.WNOHANG))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(16)
        while True:
            caller, _ = listening.accept()
            with caller:
                if os.fork() == 0:
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    listening.close()
                    _answer(caller)


def _import_everything() -> None:
    import gc
    import importlib
    import pkgutil

    import iu_pipelines.delivery
    import iu_pipelines.evidence
    from iu_pipelines.cli.main import build_app

    build_app()
    for package in (iu_pipelines.evidence, iu_pipelines.delivery):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    gc.freeze()


def _answer(caller: socket.socket) -> None:
    """Run the command of the caller in a fork, send its exit code, and end the process."""
    message, streams, _, _ = socket.recv_fds(caller, 65536, len(_STREAMS))
    while part := caller.recv(65536):
        message += part
    if (child := os.fork()) == 0:
        caller.close()
        for received, stream in zip(streams, _STREAMS, strict=True):
            os.dup2(received, stream)
            os.close(received)
        _run(**json.loads(message))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    caller.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def _run(words: list[str], environment: dict[str, str], folder: str) -> None:
    import atexit

    from iu_pipelines.__main__ import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    sys.argv = ["iu", *words]
    try:
        main()
    except SystemExit as ended:
        atexit._run_exitfuncs()
        os._exit(int(ended.code or 0))  # Python would take longer to free what it has imported


def call(path: str, words: list[str]) -> int:
    """Return the exit code of a command that the process at `path` runs."""
    request = {"words": words, "environment": {**os.environ}, "folder": os.getcwd()}  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        socket.send_fds(server, [json.dumps(request).encode()], _STREAMS)
        server.shutdown(socket.SHUT_WR)
        answer = server.recv(1)
    return answer[0] if answer else _LOST


if __name__ == "__main__":
    _, socket_path, *given = sys.argv
    if not given:
        serve(socket_path)
    sys.exit(call(socket_path, given))
