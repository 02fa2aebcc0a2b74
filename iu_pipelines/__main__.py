"""Entry point of `python -m iu_pipelines`, the same program as `iu`."""

from __future__ import annotations

import sys

from iu_pipelines.cli import interrupts

interrupts.install()  # before the other imports, which take most of the time until a command begins

import errno  # noqa: E402
import io  # noqa: E402
import os  # noqa: E402
from contextlib import suppress  # noqa: E402

_READER_GONE = 141
"""The exit code of a program that SIGPIPE ended, as a shell reports it."""


def main() -> None:
    """Run the command line and exit with its code.

    Characters that the encoding of the terminal lacks are escaped.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or os.fdopen(
            os.open(os.devnull, os.O_WRONLY), "w"
        )  # None if it is closed
        setattr(sys, name, stream)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_run())


def _run() -> int:
    """Run the command and return its exit code, or 141 if the reader of its output is gone."""
    from iu_pipelines.cli.main import run  # noqa: PLC0415  see above

    try:
        code = run(sys.argv[1:])
    except BrokenPipeError:
        code = _READER_GONE
    except SystemExit as ended:
        # Typer and rich end the program so, and Typer ends it after a completion.
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        code = _READER_GONE
    if code == interrupts.EXIT_CODE:
        interrupts.report()
    return _flush(code)


def _flush(code: int) -> int:
    """Write what is still buffered, and return the exit code, which says so if it could not be written."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            from iu_pipelines.cli.main import report  # noqa: PLC0415  see above

            with suppress(OSError):
                code = report(error, sys.argv[1:])
        elif not isinstance(error, BrokenPipeError):
            os.write(2, f"error: the output is incomplete: {error.strerror}\n".encode())
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(nowhere, descriptor)
        return code or (_READER_GONE if isinstance(error, BrokenPipeError) else 1)
    return code


if __name__ == "__main__":
    main()
