"""Entry point of `python -m iu_pipelines`, the same program as `iu`."""

from __future__ import annotations

import io
import sys

import stamina

from iu_pipelines.cli.main import run


def main() -> None:
    """Run the command line and exit with its code.

    Characters that the encoding of the terminal lacks are escaped. Retries are not logged: the commands print
    what they wait for.
    """
    stamina.instrumentation.set_on_retry_hooks([])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
