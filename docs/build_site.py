"""Build the documentation site in `site/`; `site/index.html` opens without a server or a network.

    python docs/build_site.py [--repository URL] [--folder FOLDER]

The pages are copied to `build/docs` first, with the files of `deploy/`, which pages name; with --folder, copy
and site are made there. Links to other files outside `docs/` become links below URL, such as
`https://github.com/you/iu_pipelines/blob/main`; without a URL they become plain text. The scripts of the site
are downloaded once, and their checksums are compared.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

PROJECT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = PROJECT / "docs"
DEPLOY: Final = PROJECT / "deploy"
CACHE: Final = PROJECT / "build" / "cache"
CONFIGURATION: Final = "zensical.toml"


class SiteError(Exception):
    """The site cannot be built."""


class UnreachableError(SiteError):
    """A script cannot be downloaded."""


@dataclass(frozen=True)
class Script:
    """A file of a package of npm: its name on the site, its place, and the sha256 of the package."""

    name: str
    package: str
    file: str
    sha256: str


SCRIPTS: Final = (
    Script(
        "mermaid.js",
        "@mermaid-js/tiny/-/tiny-12.0.0.tgz",
        "package/dist/mermaid.tiny.js",
        "94f4bea4d69ae2766d6d29cd3321c9ed6be8c640852c57ef89d4f9999ada9783",
    ),
    Script(
        "iframe-worker.js",
        "iframe-worker/-/iframe-worker-1.0.4.tgz",
        "package/shim/index.js",
        "e8c5d12d87829c503afba01d67772ea9f4aba5b7ae57a0c98e1917711030efbb",
    ),
)
"""What draws the diagrams, and what lets a page without a server search."""

_REGISTRY: Final = "https://registry.npmjs.org/"
_COPIED: Final = {".css", ".js", ".md", ".png", ".svg"}
_WITHOUT_URL: Final = ("sitemap.xml", "sitemap.xml.gz")
"""Files of the site that are empty, because its configuration names no address."""

_FENCE: Final = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(
    r"(?P<image>!?)\[(?P<label>(?:[^\[\]]|\[[^\]]*\])*)\]\((?!\w+:|#)(?P<file>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)"
)


def copy_pages(copy: Path, repository: str | None) -> None:
    """Copy `deploy/`, and the pages and pictures of `docs/`, to `copy`, with links that work on the site."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(DEPLOY, copy / DEPLOY.name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in sorted(DOCS.rglob("*")):
        if path.suffix in _COPIED:
            place = copy / path.relative_to(DOCS)
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".md":
                place.write_text(page(path, repository), encoding="utf-8")
            else:
                shutil.copyfile(path, place)


def page(path: Path, repository: str | None) -> str:
    """Return the text of a page, with links to files outside `docs/` replaced.

    A file of `deploy/` is below the pages on the site.
    """

    def replaced(link: re.Match[str]) -> str:
        target = (path.parent / link["file"]).resolve()
        if target.is_relative_to(DOCS) and target.suffix in _COPIED:
            return link.group()
        if target.is_relative_to(DEPLOY) and target.is_file():
            place = os.path.relpath(DOCS / target.relative_to(PROJECT), path.parent)
            return f"[{link['label']}]({place})"
        if repository is None:
            return link["label"]
        return f"[{link['label']}]({repository}/{target.relative_to(PROJECT)}{link['anchor'] or ''})"

    parts = _FENCE.split(path.read_text(encoding="utf-8"))
    return "".join(part if part.startswith("```") else _LINK.sub(replaced, part) for part in parts)


def script(wanted: Script) -> bytes:
    """Return the text of a script, from the cache in `build/` or the registry of npm.

    Raises:
        UnreachableError: if it cannot be downloaded.
        SiteError: if its package is another one.
    """
    archive = CACHE / Path(wanted.package).name
    if not archive.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        archive.write_bytes(_downloaded(_REGISTRY + wanted.package))
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != wanted.sha256:
        archive.unlink()
        raise SiteError(f"the sha256 of {_REGISTRY}{wanted.package} is {found} instead of {wanted.sha256}")
    with tarfile.open(archive) as package:
        return cast("IO[bytes]", package.extractfile(wanted.file)).read()


def _downloaded(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310  a constant of this module
            return bytes(answer.read())
    except (urllib.error.URLError, TimeoutError) as error:
        raise UnreachableError(f"{url} cannot be downloaded: {error}") from error


def build(folder: Path, repository: str | None) -> int:
    """Copy the pages, add the scripts, and build the site; a broken link or anchor is a failure."""
    copy_pages(folder / "build" / "docs", repository)
    for wanted in SCRIPTS:
        (folder / "build" / "docs" / wanted.name).write_bytes(script(wanted))
    if folder != PROJECT:
        shutil.copyfile(PROJECT / CONFIGURATION, folder / CONFIGURATION)
    built = strict(folder)
    print(built.stdout, end="")
    for name in _WITHOUT_URL:
        (folder / "site" / name).unlink(missing_ok=True)
    return built.returncode


def strict(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a folder that has a configuration and pages; a warning is a failure."""
    return subprocess.run(
        [Path(sys.executable).with_name("zensical"), "build", "--strict", "--clean"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def main(arguments: Sequence[str]) -> int:
    """Build the site, and say where it is."""
    parser = argparse.ArgumentParser(description="Build the documentation site.")
    parser.add_argument("--repository", metavar="URL", help="where links to files outside docs/ lead")
    parser.add_argument("--folder", type=Path, default=PROJECT, help="where the folder site/ is made")
    given = parser.parse_args(arguments)
    try:
        code = build(given.folder, given.repository)
    except SiteError as error:
        print(f"site: {error}", file=sys.stderr)
        return 1
    if code == 0:
        print(f"open {given.folder / 'site' / 'index.html'}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
