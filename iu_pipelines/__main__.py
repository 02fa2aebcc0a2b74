"""Entry point of `python -m iu_pipelines`, the same program as `iu`."""

from __future__ import annotations

import sys

from iu_pipelines.cli import interrupts

interrupts.install()  # before the other imports, which take most of the time until a command begins

import io  # noqa: E402
import os  # noqa: E402

_READER_GONE = 141
"""The exit code of a program that SIGPIPE ended, as a shell reports it."""


def main() -> None:
    """Run the command line and exit with its code.

    Characters that the encoding of the terminal lacks are escaped.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_run())


def _run() -> int:
    """Run the command and return its exit code, or 141 if the reader of its output is gone."""
    from iu_pipelines.cli.main import run  # noqa: PLC0415  see above

    try:
        code = run(sys.argv[1:])
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        return _without_reader()
    except SystemExit as ended:
        # Typer and rich end the program so.
        if isinstance(ended.__context__, BrokenPipeError):
            return _without_reader()
        raise
    if code == interrupts.EXIT_CODE:
        interrupts.report()
    return code


def _without_reader() -> int:
    """Discard what is still buffered, so that flushing it at the end does not fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    return _READER_GONE


if __name__ == "__main__":
    main()
