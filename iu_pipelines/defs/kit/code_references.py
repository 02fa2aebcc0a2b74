"""Code references that a reader can open: files of a checkout, or links to the tag of a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import dagster as dg

import iu_pipelines
from iu_pipelines import published
from iu_pipelines.settings import sql_root

_KEY: Final = "dagster/code_references"


class _InRepository(dg.FilePathMapping):
    """Paths in the repository of files of the installed package, whose directory `_sql` is `sql` there."""

    def convert_to_source_control_path(self, local_path: Path) -> str:
        """Return the path of a file relative to the root of the repository."""
        path = Path(local_path).resolve()
        if path.is_relative_to(sql_root()):
            return str("sql" / path.relative_to(sql_root()))
        return str(path.relative_to(_package().parent))


def of_sql(*files: str) -> dict[str, dg.CodeReferencesMetadataValue]:
    """Return metadata with references to files under `sql/iu-core/`, or none if nobody can open them.

    A file of another module begins with the name of its directory under `sql/`.
    """
    return dict(_of_sql(files))


@cache
def _of_sql(files: tuple[str, ...]) -> Mapping[str, dg.CodeReferencesMetadataValue]:
    if _is_installed() and published.url("Source") is None:
        return {}
    found: list[dg.LocalFileCodeReference | dg.UrlCodeReference] = [
        dg.LocalFileCodeReference(file_path=str(_file(name)), label=name) for name in files
    ]
    return {_KEY: dg.CodeReferencesMetadataValue(code_references=found)}


def _file(name: str) -> Path:
    return sql_root() / (name if name.startswith("iu-") else f"iu-core/{name}")


def with_references(assets: Sequence[Any]) -> Sequence[Any]:
    """Return `assets` with references to their Python code, and all of them such that a reader can open them.

    Those of a checkout are its files. Those of the installed package are links to the repository, at the tag
    of the version. If the metadata of the package has no URL of the repository, there are none.
    """
    if not _is_installed():
        return [_with_source(asset) for asset in assets]
    url = published.url("Source")
    if url is None:
        return assets
    return dg.link_code_references_to_git(
        [_with_source(asset) for asset in assets],
        git_url=url,
        git_branch=f"v{iu_pipelines.__version__}",
        file_path_mapping=_InRepository(),
        platform="gitlab" if "gitlab" in url else "github",
    )


def _with_source(asset: Any) -> Any:
    """Return an asset with a reference to the function that makes it, if it has one of its own.

    `dg.with_source_code_references` does the same, but it parses the file of each function to its end.
    """
    if not (isinstance(asset, dg.AssetsDefinition) and isinstance(asset.node_def, dg.OpDefinition)):
        return asset
    compute: Any = asset.node_def.compute_fn
    code = getattr(compute, "decorated_fn", compute).__code__
    source = dg.LocalFileCodeReference(file_path=code.co_filename, line_number=code.co_firstlineno)
    return asset.map_asset_specs(lambda spec: _added(spec, source))


def _added(spec: dg.AssetSpec, source: dg.LocalFileCodeReference) -> dg.AssetSpec:
    known = spec.metadata.get(_KEY)
    references = known.code_references if isinstance(known, dg.CodeReferencesMetadataValue) else ()
    found = dg.CodeReferencesMetadataValue(code_references=[*references, source])
    return spec.replace_attributes(metadata={**spec.metadata, _KEY: found})


def _is_installed() -> bool:
    """Return whether the package is not a checkout: then its SQL files are inside it."""
    return sql_root().parent == _package()


def _package() -> Path:
    return Path(iu_pipelines.__file__).resolve().parent
