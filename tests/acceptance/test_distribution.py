"""What is published: the sdist, the wheel built from it, their metadata, and the bill of materials."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest
from packaging.utils import canonicalize_name

import iu_pipelines
import programs
from acceptance import wheels

REPOSITORY = "https://github.com/owner/name"
SITE = "https://owner.github.io/name/"
TAG = f"v{iu_pipelines.__version__}"
LINK = re.compile(r"\]\(([^)\s]*)\)")
IN_THE_SDIST = {
    *(".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "SECURITY.md", "pyproject.toml"),
    *("iu_pipelines", "sql"),
}
EXTRAS = ("delivery", "metrics")


@dataclass(frozen=True)
class Built:
    """The sdist and the wheel of a checkout that was prepared for a release."""

    sdist: Path
    wheel: Path

    @property
    def metadata(self) -> Message:
        with zipfile.ZipFile(self.wheel) as opened:
            (name,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
            return HeaderParser().parsestr(opened.read(name).decode())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("distribution")
    checkout = folder / "checkout"
    copy_checkout(checkout)
    command = [sys.executable, ".ci/metadata.py", TAG, "--repository", REPOSITORY, "--site", SITE]
    subprocess.run(command, cwd=checkout, check=True)
    wheels.run_build(checkout, folder / "dist")
    (sdist,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
    return Built(sdist, wheel)


def copy_checkout(to: Path) -> None:
    """Copy what git knows or would add, with the changes that are not committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=wheels.CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        if (wheels.CHECKOUT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).write_bytes((wheels.CHECKOUT / name).read_bytes())


def test_the_metadata_name_the_repository_and_every_supported_python(built: Built) -> None:
    urls = dict(one.split(", ", 1) for one in built.metadata.get_all("Project-URL", []))
    assert urls == {
        "Source": REPOSITORY,
        "Documentation": SITE,
        "Changelog": f"{REPOSITORY}/blob/{TAG}/CHANGELOG.md",
        "Issues": f"{REPOSITORY}/issues",
    }
    assert built.metadata["License-Expression"] == "Apache-2.0"
    assert built.metadata["Requires-Python"] == "<3.15,>=3.11"
    classifiers = built.metadata.get_all("Classifier", [])
    minors = {
        one.rpartition(".")[2]
        for one in classifiers
        if one.startswith("Programming Language :: Python :: 3.")
    }
    assert minors == {"11", "12", "13", "14"}
    assert [one for one in classifiers if one.startswith("License ::")] == []


def test_every_link_that_pypi_shows_is_absolute_and_leads_to_a_file_of_the_tag(built: Built) -> None:
    page = str(built.metadata.get_payload())
    links = LINK.findall(page)
    assert len(links) > 20
    assert [link for link in links if not link.startswith("https://")] == []
    ours = [link.partition("#")[0] for link in links if link.startswith(f"{REPOSITORY}/")]
    assert len(ours) > 10
    for link in ours:
        found = re.fullmatch(rf"{REPOSITORY}/(blob|tree|raw)/{TAG}/(.+)", link)
        assert found, link
        path = wheels.CHECKOUT / found[2]
        assert path.is_dir() if found[1] == "tree" else path.is_file(), link


def test_twine_accepts_both_files(built: Built) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", str(built.sdist), str(built.wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_sdist_has_what_the_wheel_is_built_of_and_nothing_else(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = [PurePosixPath(*PurePosixPath(name).parts[1:]) for name in archive.getnames()]
    assert {name.parts[0] for name in names} == IN_THE_SDIST
    assert built.sdist.stat().st_size < 1_000_000


def test_the_wheel_has_the_package_and_its_sql_alone(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as opened:
        names = {PurePosixPath(name) for name in opened.namelist()}
    described = f"iu_pipelines-{iu_pipelines.__version__}.dist-info"
    assert {name.parts[0] for name in names} == {"iu_pipelines", described}
    packed = {
        PurePosixPath("sql", *name.parts[2:]) for name in names if name.parts[:2] == ("iu_pipelines", "_sql")
    }
    assert packed == {
        PurePosixPath(path.relative_to(wheels.CHECKOUT))
        for path in (wheels.CHECKOUT / "sql").rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def metadata() -> ModuleType:
    return programs.load(".ci/metadata.py")


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a page, a picture and a folder, as the working directory."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.png").touch()
    (tmp_path / "README.md").touch()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path / "README.md"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("[a](README.md#b)", f"[a]({REPOSITORY}/blob/v1/README.md#b)"),
        ("[a](#b)", f"[a]({REPOSITORY}/blob/v1/README.md#b)"),
        ("[`a`](docs/)", f"[`a`]({REPOSITORY}/tree/v1/docs)"),
        ("![a](docs/a.png)", f"![a]({REPOSITORY}/raw/v1/docs/a.png)"),
        (
            "[![a](docs/a.png)](README.md)",
            f"[![a]({REPOSITORY}/raw/v1/docs/a.png)]({REPOSITORY}/blob/v1/README.md)",
        ),
        ("[a](https://example.org/b)", "[a](https://example.org/b)"),
        ("`[a](b)`\n```\n[c](d)\n```\n", "`[a](b)`\n```\n[c](d)\n```\n"),
    ],
)
def test_a_relative_link_becomes_one_to_the_tag(
    metadata: ModuleType, page: Path, text: str, written: str
) -> None:
    page.write_text(text)
    assert metadata.main(["v1", "--repository", REPOSITORY, "--site", SITE]) == 0
    assert page.read_text() == written
    urls = tomllib.loads(Path("pyproject.toml").read_text())["project"]["urls"]
    assert urls["Issues"] == f"{REPOSITORY}/issues"


@pytest.mark.parametrize(
    ("text", "url", "fault"),
    [
        ("[a](nowhere.md)", REPOSITORY, "README.md links to nowhere.md, which does not exist"),
        (
            "",
            "github.com/a/b",
            "the URL of the repository is 'github.com/a/b'; it must be https://HOST/OWNER/NAME",
        ),
    ],
)
def test_a_link_to_nowhere_and_a_url_of_no_repository_are_refused_and_change_nothing(
    metadata: ModuleType, page: Path, capsys: pytest.CaptureFixture[str], text: str, url: str, fault: str
) -> None:
    page.write_text(text)
    assert metadata.main(["v1", "--repository", url, "--site", SITE]) == 1
    assert capsys.readouterr().err == f"metadata: {fault}\n"
    assert page.read_text() == text
    assert "urls" not in Path("pyproject.toml").read_text()


def test_a_project_that_has_urls_is_refused(
    metadata: ModuleType, page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert metadata.main(["v1", "--repository", REPOSITORY, "--site", SITE]) == 0
    assert metadata.main(["v1", "--repository", REPOSITORY, "--site", SITE]) == 1
    assert "has [project.urls] already" in capsys.readouterr().err


def test_the_bill_of_materials_has_every_package_that_the_wheel_requires(
    built: Built, tmp_path: Path
) -> None:
    venv, file = tmp_path / "venv", tmp_path / "bill.json"
    wheels.install(built.wheel, venv)
    wheels.add_dependencies(venv, EXTRAS)
    programs.load(".ci/sbom.py").describe(venv / "bin/python", file)
    bill = json.loads(file.read_text(encoding="utf-8"))
    own = bill["metadata"]["component"]
    (wheel,) = distributions(name="iu-pipelines", path=[*map(str, venv.glob("lib/*/site-packages"))])
    wanted = {(canonicalize_name(one.name), one.version) for one in wheels.closure(wheel, EXTRAS)}
    assert len(wanted) > 20
    assert {(canonicalize_name(one["name"]), one["version"]) for one in bill["components"]} == wanted
    assert [one["name"] for one in bill["components"] if not one.get("licenses")] == []
    assert own["purl"] == f"pkg:pypi/iu-pipelines@{iu_pipelines.__version__}"
    assert own["hashes"] == [{"alg": "SHA-256", "content": sha256(built.wheel.read_bytes()).hexdigest()}]
    assert "file:" not in file.read_text(encoding="utf-8")
    requires = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    assert {"psycopg", "typer", "rich"} <= {one.partition("==")[0] for one in requires[own["bom-ref"]]}
