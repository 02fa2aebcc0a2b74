"""Private names of Dagster: only one module imports them, and each is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from iu_pipelines.defs.kit import dagster_private

REPOSITORY = Path(__file__).parents[2]
PRIVATE = Path(dagster_private.__file__).resolve()
OTHERS = [path for path in (REPOSITORY / "iu_pipelines").rglob("*.py") if path.resolve() != PRIVATE]


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of every import in `path`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def is_private(module: str) -> bool:
    package, *parts = module.split(".")
    return package == "dagster_shared" or (
        package.startswith("dagster") and any(part.startswith("_") for part in parts)
    )


def test_one_module_imports_private_names_of_dagster() -> None:
    assert any(is_private(module) for module, _ in imports(PRIVATE))
    found = {
        (path.name, module)
        for path in OTHERS
        for module, name in imports(path)
        if is_private(f"{module}.{name}".rstrip("."))
    }
    assert found == set()


def test_every_private_name_is_used() -> None:
    used = {name for path in OTHERS for module, name in imports(path) if module == dagster_private.__name__}
    assert used == set(dagster_private.__all__)
