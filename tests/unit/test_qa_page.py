"""The documents' page of the console: lists, learns, removes; whatever is brought is safe to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import FieldsRefused
from bot.plugins.desk import Configured, PluginDesk, open_desk
from bot.plugins.pages import Component, Done, Form, Link, Notice, PageRequest, Table, Upload
from bot.plugins.qa.ingest import MAX_BYTES
from bot.plugins.qa.page import _EN, _ZH, ROWS
from bot.types import ConsoleRole
from tests.fakes import FakeClock, FakeKeyValue
from tests.fakes_control import a_sealer
from tests.fakes_search import FakeSearch

T = TypeVar("T")
DOCUMENT = b"# Lighthouse\n\nThe keeper lights it at dusk.\n"


async def stage() -> tuple[PluginDesk, FakeSearch]:
    """A desk with the built-in plugin, through the same door as anyone's."""
    search = FakeSearch()
    configured = Configured({"qa": {"collections": ["documents", "faq"]}})
    desk = await open_desk(
        configured,
        search=search,
        store=FakeKeyValue(),
        sealer=a_sealer(),
        clock=FakeClock(),
        seconds=10,
        entries=None,
    )
    return desk, search


async def show(desk: PluginDesk, **request: object) -> Sequence[Component]:
    return await desk.render("qa", "documents", PageRequest("en", **request))  # type: ignore[arg-type]


async def learn(desk: PluginDesk, name: str, content: bytes, collection: str = "documents") -> Done:
    posted = {"file": Upload.of(name, content), "collection": collection}
    return await desk.act("qa", "documents", "learn", PageRequest("en"), posted)


def of(kind: type[T], shown: Sequence[Component]) -> list[T]:
    return [component for component in shown if isinstance(component, kind)]


async def test_a_brought_document_is_listed_found_and_removed() -> None:
    desk, search = await stage()
    [(plugin, page)] = desk.pages()
    assert (plugin, page.path, page.role) == ("qa", "documents", ConsoleRole.AUTHOR)
    done = await learn(desk, "light.md", DOCUMENT)
    assert done.notice == Notice("console/light.md: 1 passages are found from now on.", "good")
    [passage] = await search.search("keeper dusk", collections=["documents"])
    assert passage.text
    [table] = of(Table, await show(desk))
    [row] = table.rows
    assert row.cells == ("console/light.md", "Lighthouse", "1")
    [button] = row.buttons
    again = await learn(desk, "light.md", DOCUMENT)
    assert again.notice is not None
    assert "known already" in again.notice.text
    for tone in ("good", "warning"):
        done = await desk.act("qa", "documents", button.action, PageRequest("en"), button.values)
        assert done.notice is not None
        assert done.notice.tone == tone
    [table] = of(Table, await show(desk))
    assert (table.rows, table.empty) == ((), "There is no document here yet.")


async def test_the_collections_are_linked_and_the_handbook_is_not_changed_here() -> None:
    desk, search = await stage()
    await search.restrict("faq", ["role:7"])
    shown = await show(desk, query={"collection": "faq"})
    assert [link.text for link in of(Link, shown)] == ["documents", "handbook"]
    assert "role:7" in repr(shown)
    [form] = of(Form, shown)
    assert form.values == {"collection": "faq"}
    assert of(Form, await show(desk, query={"collection": "handbook"})) == []
    with pytest.raises(FieldsRefused, match="is none of documents, faq"):
        await learn(desk, "a.md", DOCUMENT, "handbook")


async def test_a_long_list_has_pages() -> None:
    desk, search = await stage()
    for n in range(ROWS + 1):
        await search.put("documents", f"d{n:03}", [], title="T", digest="d")
    [table] = of(Table, await show(desk))
    assert (len(table.rows), table.next) == (ROWS, f"d{ROWS - 1:03}")
    [rest] = of(Table, await show(desk, after=table.next))
    assert (len(rest.rows), rest.next) == (1, "")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.exe", b"MZ", "cannot be read; supported are text files"),
        ("a.md", b"\xff\xfe", "is no UTF-8 text"),
        ("a.txt", b"a\0b", "is a binary file"),
        ("a.txt", b"a" * (MAX_BYTES + 1), "at most 10,000,000 bytes"),
        ("", DOCUMENT, "a file is needed"),
    ],
)
async def test_hostile_files_are_refused_with_a_reason(name: str, content: bytes, why: str) -> None:
    desk, search = await stage()
    with pytest.raises(FieldsRefused) as refused:
        await learn(desk, name, content)
    assert list(refused.value.fields) == ["file"]
    assert why in refused.value.fields["file"]
    assert await search.sources("documents") == []


@given(st.text(max_size=40))
async def test_a_name_is_a_name_and_no_path(name: str) -> None:
    desk, search = await stage()
    await learn(desk, f"../../{name}a.md", DOCUMENT)
    [source] = await search.sources("documents")
    folder, _, file = source.name.partition("/")
    assert folder == "console"
    assert "/" not in file
    assert file.isprintable() or not name.isprintable()


def test_both_languages_have_the_same_words() -> None:
    assert _EN.keys() == _ZH.keys()
