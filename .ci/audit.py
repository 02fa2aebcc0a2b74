"""Ask for known weaknesses of every locked package. Fails where one is known, never for want of a network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("pip-audit")
COMMAND = [
    *(str(PROGRAM), "--requirement", "requirements.lock", "--require-hashes", "--disable-pip"),
    *("--format", "json", "--progress-spinner", "off"),
]


def main() -> int:
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    return report(done.stdout, done.stderr)


def report(answer: str, said: str) -> int:
    """Print what was found, and return the exit code: 1 where a weakness is known, else 0."""
    try:
        packages: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        print(f"audit: nothing could be asked here: {(said.strip().splitlines() or ['no answer'])[-1]}")
        return 0
    asked = [package for package in packages if "skip_reason" not in package]
    weak = [(package, weakness) for package in asked for weakness in package["vulns"]]
    for package, weakness in weak:
        fixed = ", ".join(weakness["fix_versions"]) or "no release yet"
        print(f"audit: {package['name']} {package['version']}: {weakness['id']}, mended in {fixed}")
    print(
        f"audit: {len(asked)} of {len(packages)} locked packages could be asked about; {len(weak)} weaknesses"
    )
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main())
