"""Report the known vulnerabilities of every locked package, by pip-audit.

The exit code is 1 if one is known. Without a network nothing is checked, and the exit code is 0.
"""

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


def report(answer: str, errors: str) -> int:
    """Print what pip-audit found, and return the exit code: 1 if a vulnerability is known, else 0."""
    try:
        packages: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        print(f"vulnerabilities: not checked: {(errors.strip().splitlines() or ['no answer'])[-1]}")
        return 0
    checked = [package for package in packages if "skip_reason" not in package]
    found = [(package, vulnerability) for package in checked for vulnerability in package["vulns"]]
    for package, vulnerability in found:
        fixed = ", ".join(vulnerability["fix_versions"]) or "no release yet"
        print(f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
    print(f"vulnerabilities: {len(found)} found; {len(checked)} of {len(packages)} locked packages checked")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
