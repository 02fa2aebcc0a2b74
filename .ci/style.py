"""Check what a program can find of the style in CONTRIBUTING.md: words, sentences, widths and commit titles.

Without arguments it checks every tracked file and the newest commits; with arguments, the named files.
`--message FILE` checks the title in a file, as git passes it to the hook `commit-msg`.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

WIDTH = 110
TITLE_WIDTH = 72
COMMITS = 50

WORDS = {
    r"\bmend(s|ed|ing)?\b": "repair or fix",
    r"\bdear(er)?\b": "expensive",
    r"(?<!delivery )\bseams?\b": "the delivery function",
    r"\bconscience\b": "(delete)",
    r"\bhouse\b": "project",
    r"\bin our words\b": "(name the error class)",
    r"\b(of|for) ours\b": "of iu_pipelines",
    r"\bwhoever\b": "(name the user or role)",
    r"\bnoughts?\b": "zero",
    r"\bthe worlds?\b": "(say what)",
    r"\bhealth audits?\b|\baudits? of (the )?health\b": "health report",
    r"\baudits? of (the )?ledgers?\b": "verification of the ledgers",
    r"\baudited (reason|verb|way|call)\b": "recorded",
}
TEXTS = {".md", ".py", ".sql", ".toml", ".yml", ".yaml", ".j2"}
UNCHECKED = ("CONTRIBUTING.md", ".ci/style.py", "tests/catalog/test_style.py", "bench/results/")
SQL_COMMENT = re.compile(r"^ *-- ?(.*)$")
DIRECTIVE = re.compile(r"(noqa|squawk-ignore|name|type|pragma|ruff|fmt|mypy)\b:?|-{3}|!|[ ]{2}|\\")
SENTENCE_START = re.compile(r"[A-Z0-9`'\"(<{*.…-]|\w*[_/(]|\w+\.\w|iu ")
SENTENCE_END = re.compile(r"""[.?!:…]['")`]*$|```$""")
EXAMPLES = re.compile(r"\n *Examples:\n")
NAME = re.compile(r"``|(?<![*\w])\*[a-z_]+\*(?![*\w])")
SQL_HINT = re.compile(r"hint *= *'((?:[^']|'')*)'(\s*(?:\|\||'))?")
COMMAND_END = re.compile(r"(: |\bby )[^.]+$")


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--message"]:
        found = list(
            title_faults("the title", Path(arguments[1]).read_text(encoding="utf-8").partition("\n")[0])
        )
    else:
        paths = [Path(name) for name in arguments] or tracked()
        found = [fault for path in paths for fault in file_faults(path)]
        if not arguments:
            found += commit_faults()
    for fault in found:
        print(fault)
    if not found:
        print("every sentence that can be checked is in style")
    return 1 if found else 0


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := Path(name)).is_file()]


def file_faults(path: Path) -> Iterator[str]:
    name = path.as_posix()
    if path.suffix not in TEXTS or any(part in name for part in UNCHECKED):
        return
    text = path.read_text(encoding="utf-8")
    yield from word_faults(name, text)
    if path.suffix == ".sql":
        yield from sql_faults(name, text)
    elif path.suffix == ".py":
        yield from python_faults(name, text)


def word_faults(name: str, text: str) -> Iterator[str]:
    for pattern, better in WORDS.items():
        for found in re.finditer(pattern, text, re.IGNORECASE):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{name}:{line}: write {better} instead of {found[0]!r}"


def sql_faults(name: str, text: str) -> Iterator[str]:
    """Widths, comments and hints of a SQL file. A comment ends where the next line is none."""
    lines = text.splitlines()
    comments: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if len(line) > WIDTH:
            yield f"{name}:{number}: {len(line)} characters; break the line at {WIDTH}"
        if found := SQL_COMMENT.match(line):
            comments.append((number, found[1]))
        else:
            yield from comment_faults(name, comments)
            comments = []
    yield from comment_faults(name, comments)
    for hint in SQL_HINT.finditer(text):
        number = text.count("\n", 0, hint.start()) + 1
        yield from sentence_faults(f"{name}:{number}: hint", hint[1], whole=not hint[2])


def python_faults(name: str, text: str) -> Iterator[str]:
    tree = ast.parse(text)
    for line, docstring in docstrings(tree):
        where = f"{name}:{line}: docstring"
        if NAME.search(docstring):
            yield f"{where}: write names in single backticks"
        yield from sentence_faults(where, EXAMPLES.split(docstring)[0].strip())
    for call in ast.walk(tree):
        if isinstance(call, ast.keyword) and call.arg == "hint":
            yield from hint_faults(f"{name}:{call.value.lineno}: hint", call.value)
    comments: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and token.line.strip().startswith("#"):
            if comments and comments[-1][0] != token.start[0] - 1:
                yield from comment_faults(name, comments)
                comments = []
            comments.append((token.start[0], token.string.removeprefix("#").removeprefix(" ")))
    yield from comment_faults(name, comments)


def docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and text of every string that stands alone as a statement."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.value.value


def hint_faults(where: str, value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield from sentence_faults(where, value.value)
    elif isinstance(value, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "{X}" for part in value.values]
        yield from sentence_faults(where, "".join(map(str, parts)))


def comment_faults(name: str, comments: list[tuple[int, str]]) -> Iterator[str]:
    """Faults of one block of comment lines."""
    kept = [(line, text) for line, text in comments if text and not DIRECTIVE.match(text)]
    if kept:
        yield from sentence_faults(f"{name}:{kept[0][0]}: comment", "\n".join(text for _, text in kept))


def sentence_faults(where: str, text: str, *, whole: bool = True) -> Iterator[str]:
    """Whether `text` begins like a sentence and, when it is `whole`, ends like one or with a command."""
    if not SENTENCE_START.match(text):
        yield f"{where}: begin with a capital: {text[:60]!r}"
    if whole and not SENTENCE_END.search(text) and not COMMAND_END.search(text) and not text.endswith("}"):
        yield f"{where}: end with a full stop: {text[-60:]!r}"


def commit_faults() -> Iterator[str]:
    listed = subprocess.run(
        ["git", "log", "--no-merges", f"-{COMMITS}", "--format=%h %s"],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in listed.stdout.splitlines():
        commit, _, title = line.partition(" ")
        yield from title_faults(f"commit {commit}", title)


def title_faults(where: str, title: str) -> Iterator[str]:
    if len(title) > TITLE_WIDTH:
        yield f"{where}: {len(title)} characters; a title has at most {TITLE_WIDTH}: {title!r}"
    if not title[:1].isupper():
        yield f"{where}: begin with a capital: {title!r}"
    if title.endswith("."):
        yield f"{where}: a title ends without a full stop: {title!r}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
