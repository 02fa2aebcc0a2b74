"""The reference of the Python API has every public name, with its signature and its docstring."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import iu_pipelines
from generators import IncompletePageError, python_api
from generators.python_api import PARTS, Part, names
from iu_pipelines import emit, testing
from iu_pipelines.delivery.contract import Place
from iu_pipelines.delivery.kind import Answer, Message, TargetKind


def headings() -> list[str]:
    return re.findall(r"^###+ (.+)$", python_api.page(), re.MULTILINE)


def section(name: str) -> str:
    (found,) = re.findall(
        rf"^(###+) {re.escape(name)}\n(.*?)(?=^##|\Z)", python_api.page(), re.MULTILINE | re.DOTALL
    )
    return str(found[1])


@pytest.mark.parametrize("module", [iu_pipelines, emit, testing], ids=lambda module: module.__name__)
def test_every_name_that_a_module_exports_has_a_section(module: object) -> None:
    assert {*module.__all__} <= {*headings()}  # type: ignore[attr-defined]


def test_every_name_on_the_page_can_be_imported_from_where_it_is_said_to_be() -> None:
    found = [(part, place, name) for part in PARTS for place, name in names(part)]
    assert len(found) > 40
    for part, place, name in found:
        owner = place if (place, name) in part.of_modules else part.module
        assert hasattr(importlib.import_module(owner), name), (owner, name)


def test_no_name_has_two_sections_so_that_links_are_unique() -> None:
    assert len(headings()) == len({*headings()})


def test_a_function_has_its_signature_its_text_and_its_exceptions() -> None:
    found = section("emit")
    for parameter in inspect.signature(emit.emit).parameters.values():
        assert f"    {parameter.name}: {parameter.annotation}" in found
    assert "Emit one event in the transaction of `connection`, and return its id, a UUIDv7." in found
    assert "| [`UnknownEventType`](errors.md#iu101) | the type is not registered, or is disabled. |" in found
    assert "```python\nasync emit_async(" in section("emit_async")


def test_each_link_to_an_error_is_to_its_section() -> None:
    links = {*re.findall(r"\(errors\.md#([\w-]+)\)", python_api.page())}
    assert {"iu101", "usageerror"} <= links
    page = (python_api.PROJECT / "docs/reference/errors.md").read_text(encoding="utf-8")
    assert links <= {heading.lower() for heading in re.findall(r"^### (\w+)$", page, re.MULTILINE)}


def test_parameters_that_a_caller_must_not_give_are_left_out() -> None:
    assert "_misplaced" in inspect.signature(iu_pipelines.event_job).parameters
    assert "event_job(\n    *,\n    target: str = '',\n" in section("event_job")


@pytest.mark.parametrize("kind", [Message, Answer, emit.NewEvent], ids=lambda kind: kind.__name__)
def test_a_dataclass_has_a_row_for_each_field(kind: type) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section(kind.__name__), re.MULTILINE)
    assert rows == list(kind.__dataclass_fields__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [TargetKind, Place], ids=lambda kind: kind.__name__)
def test_a_class_to_derive_from_says_which_methods_a_subclass_must_define(kind: type) -> None:
    listed = [name for name in headings() if name.startswith(f"{kind.__name__}.")]
    abstract = [name.partition(".")[2] for name in listed if "Abstract: a subclass must" in section(name)]
    assert sorted(abstract) == sorted(kind.__abstractmethods__)  # type: ignore[attr-defined]
    assert len(listed) > len(abstract)


def test_the_name_of_a_type_of_the_module_is_replaced_by_the_type() -> None:
    assert "`Literal['run_failed', 'check_failed'," in section("Notice")


def test_a_session_of_python_is_code() -> None:
    assert '```pycon\n>>> subject("public.orders", 17)\n' in section("subject")


def test_members_that_are_not_public_are_left_out() -> None:
    assert hasattr(iu_pipelines.Event, "of")
    assert "Event.of" not in headings()
    assert "Mount.key" in headings()
    assert "Mount.open" not in headings()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a module whose names are the only ones that the page has."""
    monkeypatch.setattr(python_api, "PROJECT", tmp_path)
    monkeypatch.setattr(python_api, "PARTS", (Part("shop"),))
    python_api.module.cache_clear()
    yield tmp_path / "shop.py"
    python_api.module.cache_clear()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def sell(): ...", "shop.sell"),
        ("PRICE = 3", "shop.PRICE"),
        ("class Order:\n    total: int\n", "shop.Order"),
        ('class Order:\n    """An order."""\n    total: int\n', "shop.Order.total"),
        ('class Order:\n    """An order."""\n    def pay(self): ...\n', "shop.Order.pay"),
    ],
)
def test_a_public_name_without_a_docstring_is_refused(shop: Path, text: str, name: str) -> None:
    shop.write_text(f'"""The shop."""\n{text}\n', encoding="utf-8")
    with pytest.raises(IncompletePageError, match=f"^{re.escape(name)} is public and has no docstring$"):
        python_api.page.__wrapped__()


def test_a_private_name_needs_no_docstring(shop: Path) -> None:
    text = 'import json\ndef _sell(): ...\nclass _Order: ...\nPRICE: int = 3\n"""In cents."""\n'
    shop.write_text(f'"""The shop."""\n{text}', encoding="utf-8")
    page = python_api.page.__wrapped__()
    assert "### PRICE\n\n```python\nPRICE = 3\n```\n\nIn cents.\n" in page
    assert not {"_sell", "_Order", "json"} & {*re.findall(r"\w+", page)}


def test_a_section_that_the_page_would_not_show_is_refused(shop: Path) -> None:
    text = 'def sell(price):\n    """Sell it.\n\n    Args:\n        price: In cents.\n    """\n'
    shop.write_text(f'"""The shop."""\n{text}', encoding="utf-8")
    with pytest.raises(IncompletePageError, match=r"shop\.sell has a section parameters"):
        python_api.page.__wrapped__()
