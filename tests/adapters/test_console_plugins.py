"""Plugins in the console: enabled, disabled, set; their pages, whatever they bring and however they fail."""

from __future__ import annotations

import asyncio
import re
from io import BytesIO

import httpx
import pytest
from starlette.datastructures import FormData, UploadFile

from adapters.web.console.access import CSRF_HEADER
from adapters.web.console.forms import overtaken
from adapters.web.console.forms import read as posted
from adapters.web.guard import MULTIPART, PLUGIN_UPLOAD
from bot.errors import FieldsRefused
from bot.plugins.desk import PAGE_TIMEOUT, Configured
from bot.plugins.forms import read
from bot.types import ConsoleRole, FieldKind, FormField
from tests.adapters.console_core import Browser, shown, site
from tests.adapters.console_plugins import HOSTILE, running
from tests.fakes import FakeClock, settle
from tests.fakes_search import FakeSearch

SHOP = "/console/plugins/shop"
GOODS = f"{SHOP}/goods"
SETTINGS = {"greeting": "hello", "size": "3", "share": "0.5", "colour": "red", "words": "", "key": ""}


async def upload(browser: Browser, path: str, file: str, content: bytes, **fields: str) -> httpx.Response:
    data = {"csrf": browser.csrf, **fields}
    return await browser.client.post(path, data=data, files={"file": (file, content)})


async def test_settings_are_a_form_of_the_schema_and_hold_at_once() -> None:
    async with running() as desk, site(plugins=desk) as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        page = shown(await operator.get(SHOP))
        for part in (
            "What it says first.",
            'type="number"',
            'role="switch"',
            "<option",
            "Too much for a form",
        ):
            assert part in page
        saved = await operator.post(f"{SHOP}/settings", **{**SETTINGS, "greeting": "hey", "loud": "on"})
        assert saved.headers["location"] == f"{SHOP}?done=plugin.settings"
        brought = desk.host.find("shop")
        assert brought is not None
        settings = brought.guarded.plugin.settings
        assert (settings.greeting, settings.loud) == ("hey", True)  # type: ignore[attr-defined]
        assert "Go back to the file" in shown(await operator.get(SHOP))
        await operator.post(f"{SHOP}/reset")
        assert 'value="hello"' in (await operator.get(SHOP)).text
        actions = [action for _, action, _ in await place.audited()]
    assert actions[:2] == ["plugin.reset", "plugin.settings"]


async def test_a_secret_is_never_shown_stays_is_replaced_and_cleared() -> None:
    configured = Configured({"shop": {"key": "s3cret-of-the-file"}})
    async with running(configured=configured) as desk, site(plugins=desk) as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        said = []

        async def save(**fields: str) -> str:
            await operator.post(f"{SHOP}/settings", **{**SETTINGS, **fields})
            said.append((await operator.get(SHOP)).text)
            brought = desk.host.find("shop")
            assert brought is not None
            return str(brought.guarded.plugin.settings.key.get_secret_value())  # type: ignore[attr-defined]

        assert await save() == "s3cret-of-the-file"
        assert await save(key="s3cret-of-mine") == "s3cret-of-mine"
        refused = await operator.post(f"{SHOP}/settings", **{**SETTINGS, "size": "99", "key": "s3cret-x"})
        said.append(refused.text)
        assert await save() == "s3cret-of-mine"
        assert await save(**{"clear.key": "on"}) == ""
        entries = await place.deps.audit.listing(limit=50)
    assert not [page for page in said if "s3cret" in page]
    assert "s3cret" not in repr(entries)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("size", "99", "At most 9."),
        ("size", "x", "This is no whole number."),
        ("share", "1", "Less than 1."),
        ("greeting", "x" * 21, "At most 20."),
        ("colour", "green", "Choose one of these: red, blue."),
        ("words", "a\nb\nc\nd", "At most 3."),
        ("other", "x", "There is no such field."),
        ("table", "{}", "This cannot be changed here."),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_kept(
    field: str, text: str, said: str
) -> None:
    async with running() as desk, site(plugins=desk) as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        response = await operator.post(f"{SHOP}/settings", **{**SETTINGS, field: text})
        assert response.status_code == 422
        assert said in shown(response)
        assert desk.form("shop")[0].origin == "default"


async def test_a_plugin_is_disabled_and_enabled_and_the_environment_has_the_last_word() -> None:
    async with running(configured=Configured({}, fixed=("qa",))) as desk, site(plugins=desk) as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        await operator.post(f"{SHOP}/disable")
        assert "Disabled" in shown(await operator.get(SHOP))
        assert (await operator.get(GOODS)).status_code == 404
        await operator.post(f"{SHOP}/enable")
        assert (await operator.get(GOODS)).status_code == 200
        page = shown(await operator.get("/console/plugins/qa"))
        assert "TERTULIA_PLUGINS_DISABLED disables it." in page
        assert "/qa/enable" not in page
        refused = await operator.post("/console/plugins/qa/enable")
        assert refused.status_code == 422
        assert "Nothing was changed" in shown(refused)
        assert (await operator.post("/console/plugins/none/enable")).status_code == 404


async def test_a_role_sees_and_does_what_it_may() -> None:
    async with running() as desk, site(plugins=desk) as place:
        viewer, author = await place.as_role(ConsoleRole.VIEWER), await place.as_role(ConsoleRole.AUTHOR)
        assert "What it brings" in shown(await viewer.get(SHOP))
        assert 'name="greeting"' not in (await author.get(SHOP)).text
        assert (await viewer.get(GOODS)).status_code == 403
        assert "Shop" in shown(await author.get("/console/plugins"))
        assert f"{SHOP}/till" not in (await author.get("/console/plugins")).text
        refused = await author.get(f"{SHOP}/till")
        assert refused.status_code == 403
        assert "for the role Owner" in shown(refused)
        assert (await author.post(f"{SHOP}/till/sell", name="x")).status_code == 403
        assert (await author.post(f"{SHOP}/disable")).status_code == 403
        assert (await author.get("/console/plugins/shop/none")).status_code == 404
        assert (await author.post(f"{GOODS}/none")).status_code == 404


async def test_components_are_the_consoles_own_and_no_text_of_them_acts() -> None:
    async with running() as desk, site(plugins=desk) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        page = await author.get(f"{GOODS}?name=apple&x=%22%3E")
        assert page.status_code == 200
        assert "<script>window" not in page.text
        assert "<img" not in page.text
        assert not re.search(r'href="javascript:', page.text)
        assert "<strong>bold</strong>" in page.text
        assert 'href="https://example.org/?a=1&amp;b=2" rel="noopener noreferrer"' in page.text
        assert f'href="{SHOP}/till?x=1%262"' in page.text
        assert 'value="apple"' in page.text
        assert "<polyline" in page.text
        assert 'class="danger"' in page.text
        (onward,) = re.findall(r'href="([^"]*after=[^"]*)"', page.text)
        second = await author.get(onward.replace("&amp;", "&"))
        assert "Beginning" in second.text
        assert "Further" not in second.text


async def test_an_action_runs_says_what_it_did_once_and_is_written_down() -> None:
    async with running() as desk, site(plugins=desk) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        await author.get(GOODS)
        done = await upload(
            author, f"{GOODS}/sell?a=1", "x.txt", b"12345", name="pear", count="2", code="pin"
        )
        assert done.headers["location"] == f"{GOODS}?a=1"
        assert "A author sold pear 2 5" in shown(await author.get(f"{GOODS}?a=1"))
        assert "sold pear" not in shown(await author.get(GOODS))
        refused = await author.post(f"{GOODS}/sell", name="nothing", count="10")
        assert refused.status_code == 422
        assert "At most 9." in shown(refused)
        sold_out = shown(await author.post(f"{GOODS}/sell", name="nothing", count="1"))
        assert "is sold out" in sold_out
        assert "come back" in sold_out
        assert 'value="nothing"' in sold_out
        entries = await place.deps.audit.listing(limit=1)
    assert (entries[0].action, entries[0].target) == ("plugin.action", "shop/goods")
    assert "pear" in entries[0].detail
    assert "pin" not in entries[0].detail


async def test_a_secret_that_is_needed_and_set_need_not_be_entered_again() -> None:
    async with running() as desk, site(plugins=desk) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        page = await author.get(GOODS)
        (code,) = re.findall(r'<input[^>]* name="code"[^>]*>', page.text)
        assert "required" not in code
        done = await author.post(f"{GOODS}/sell", name="pear", count="2", code="")
        assert done.status_code == 303


async def test_a_file_that_an_action_gives_is_kept_and_never_opened_in_our_place() -> None:
    async with running() as desk, site(plugins=desk) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        await author.get(GOODS)
        file = await author.post(f"{GOODS}/bill")
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert "/" not in file.headers["content-disposition"]
    assert file.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["broken", "odd"])
async def test_a_plugin_that_fails_is_a_notice(path: str) -> None:
    async with running() as desk, site(plugins=desk) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        for _ in range(5):
            page = await author.get(f"{SHOP}/{path}")
            assert page.status_code == 200
            assert "The plugin cannot show this just now" in page.text
            assert "<script>window" not in page.text
        failed = await author.post(f"{GOODS}/break")
        assert failed.status_code == 502
        assert "The plugin cannot show this" in failed.text
        state = shown(await author.get(SHOP))
        if path == "broken":
            assert "Resting" in state


async def test_a_plugin_that_is_slow_is_a_notice() -> None:
    clock = FakeClock()
    async with running(clock) as desk, site(plugins=desk) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        asking = asyncio.create_task(author.get(f"{SHOP}/slow"))
        await settle()
        await clock.advance(PAGE_TIMEOUT + 1)
        page = await asking
    assert page.status_code == 200
    assert "not done within 10 s" in page.text


async def test_a_file_comes_from_our_own_page_with_the_token_and_within_the_limit_only() -> None:
    async with running() as desk, site(plugins=desk) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        await author.get(GOODS)
        sell, files = f"{GOODS}/sell", {"file": ("x.txt", b"x")}
        bare = await author.client.post(sell, data={"name": "x"}, files=files)
        cross = await author.client.post(
            sell, files=files, headers={"Sec-Fetch-Site": "cross-site", CSRF_HEADER: author.csrf}
        )
        as_file = await author.client.post(sell, files={"csrf": ("c", author.csrf.encode()), **files})
        large = await upload(author, sell, "x.txt", b"x" * (PLUGIN_UPLOAD + MULTIPART), name="x")
        own = await upload(author, sell, "x.txt", b"x" * 1_001, name="x", count="1")
        elsewhere = await upload(author, "/console/personas/one", "x.txt", b"x")
        broken = await author.client.post(
            sell, content=b"--x\r\nno", headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        stranger = await place.browser()
        outside = await upload(stranger, sell, "x.txt", b"x")
    assert (bare.status_code, cross.status_code, as_file.status_code) == (403, 403, 403)
    assert large.status_code == 413
    assert "at most 16 MB" in large.text
    assert own.status_code == 422
    assert "At most 1,000." in shown(own)
    assert elsewhere.status_code == 415
    assert broken.status_code in (400, 403)
    assert outside.status_code == 303


async def test_a_document_is_learnt_found_and_removed_on_the_built_in_plugins_page() -> None:
    search = FakeSearch()
    async with running(search=search) as desk, site(plugins=desk) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        documents = "/console/plugins/qa/documents"
        await author.get(f"{documents}?collection=documents")
        text = f"# Lighthouse {HOSTILE}\n\nThe keeper lights it at dusk.\n".encode()
        learn = f"{documents}/learn?collection=documents"
        done = await upload(author, learn, "light.md", text, collection="documents")
        page = await author.get(done.headers["location"])
        assert "passages are found from now on" in shown(page)
        assert "<script>window" not in page.text
        assert await search.search("keeper dusk", collections=["documents"])
        refused = await upload(author, learn, "light.exe", b"MZ\x00", collection="documents")
        assert refused.status_code == 422
        fields = {"collection": "documents", "source": "console/light.md"}
        gone = await author.post(f"{documents}/remove?collection=documents", **fields)
        assert "was removed" in shown(await author.get(gone.headers["location"]))
        assert not await search.search("keeper dusk", collections=["documents"])
        details = [entry.detail for entry in await place.deps.audit.listing(limit=2)]
    assert details == ["remove console/light.md documents", "learn light.md documents"]


async def test_a_file_is_read_by_nobody_but_the_plugin() -> None:
    class Unread(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise AssertionError("it was read")

    file = UploadFile(Unread(b"12345"), size=5, filename="a.txt")
    found = await posted(FormData([("file", file), ("csrf", "x"), ("name", "a")]))
    assert set(found) == {"file", "name"}
    field = FormField("file", FieldKind.FILE, maximum=4)
    with pytest.raises(FieldsRefused, match="at most 4 bytes"):
        read([field], {"file": found["file"]})
    await file.close()


def test_of_two_who_change_a_form_at_once_each_field_is_theirs_who_changed_it() -> None:
    now = {"theirs": "new", "mine": "two\nlines", "both": "new", "switch": "on", "alike": "same"}
    given = {"theirs": "old", "mine": "x", "both": "y", "alike": "same", "alone": "z"}
    was = {
        "was.theirs": "old",
        "was.mine": "two\r\nlines",
        "was.both": "old",
        "was.switch": "",
        "was.alike": "old",
    }
    form = {**given, **was}
    assert overtaken(form, now) == {"both": "new"}
    assert form == {**given, "theirs": "new", "switch": "on"}
    assert overtaken(dict(given), now) == {}, "of who does not say what there was nothing is known"
