"""Write the URLs of the repository into what PyPI shows of a release, before it is built.

`metadata.py TAG --repository URL --site URL` adds `[project.urls]` to `pyproject.toml`, and makes relative
links and pictures of `README.md` absolute: they lead to the files of the tag. Only the workflow of a release
knows the URLs. Needs only the standard library, and runs in the root of the checkout, whose two files it
changes.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

URL = re.compile(r"https://[\w.-]+(/[\w.-]+)+")
CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
RELATIVE = r"(?!\w+:|//)(?P<target>[^)\s#]*)(?P<anchor>#[^)\s]*)?"
IMAGE = re.compile(rf"(?P<before>!\[[^\]]*\]\(){RELATIVE}(?P<after>\))")
LINK = re.compile(rf"(?P<before>\]\(){RELATIVE}(?P<after>\))")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Write the URLs of the repository into the metadata.")
    parser.add_argument("tag", help="the tag of the release, such as v1.2.0")
    parser.add_argument("--repository", metavar="URL", required=True, help="https://github.com/OWNER/NAME")
    parser.add_argument("--site", metavar="URL", required=True, help="where the documentation is published")
    given = parser.parse_args(arguments)
    project, readme = Path("pyproject.toml"), Path("README.md")
    written = project.read_text(encoding="utf-8")
    try:
        texts = {
            project: with_urls(written, given.repository, given.tag, given.site),
            readme: absolute(readme.read_text(encoding="utf-8"), given.repository, given.tag),
        }
    except ValueError as error:
        print(f"metadata: {error}", file=sys.stderr)
        return 1
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return 0


def with_urls(project: str, repository: str, tag: str, site: str) -> str:
    """Return the text of `pyproject.toml` with the URLs. Raises ValueError."""
    if not URL.fullmatch(repository):
        raise ValueError(f"the URL of the repository is {repository!r}; it must be https://HOST/OWNER/NAME")
    if "[project.urls]" in project:
        raise ValueError("pyproject.toml has [project.urls] already")
    urls = {
        "Source": repository,
        "Documentation": site,
        "Changelog": f"{repository}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }
    lines = [f'{name} = "{url}"' for name, url in urls.items()]
    return "\n".join([project.rstrip("\n"), "", "[project.urls]", *lines, ""])


def absolute(text: str, repository: str, tag: str) -> str:
    """Return a page in the root of the checkout whose links and pictures work everywhere.

    Raises ValueError if there is no file or folder for one.
    """

    def replaced(found: re.Match[str], way: str = "") -> str:
        path = Path(found["target"] or "README.md")
        if not path.exists():
            raise ValueError(f"README.md links to {found['target']}, which does not exist")
        way = way or ("tree" if path.is_dir() else "blob")
        url = f"{repository}/{way}/{tag}/{path.as_posix()}{found['anchor'] or ''}"
        return f"{found['before']}{url}{found['after']}"

    def of_prose(part: str) -> str:
        return LINK.sub(replaced, IMAGE.sub(lambda found: replaced(found, "raw"), part))

    return "".join(part if part.startswith("`") else of_prose(part) for part in CODE.split(text))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
