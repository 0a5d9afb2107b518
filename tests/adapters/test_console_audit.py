"""The audit log as a page and as a file: in words, by name, and narrowed down."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.web.console import actions
from adapters.web.console.render import words
from bot.types import ConsoleRole
from tests.adapters.console_core import Browser, Site, shown, site, table
from tests.adapters.test_console_names import visitors

HERE = "/console/audit"
CONSOLE = Path(actions.__file__).parent


def noted() -> Iterator[str]:
    """Each action that the console's code writes down, as a pattern. Where it is handed on, all words of
    the module that can be one stand for it."""
    for path in sorted(set(CONSOLE.glob("*.py")) - {CONSOLE / "site.py"}):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(("onsole.note", "audit.put")):
                place = 1 if ast.unparse(call.func).endswith("note") else 2
                starred = any(isinstance(one, ast.Starred) for one in call.args[:place])
                yield from _patterns(call.args[place - 1 if starred else place], tree)


def _patterns(node: ast.expr, tree: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield re.escape(str(node.value))
    elif isinstance(node, ast.IfExp):
        yield from (*_patterns(node.body, tree), *_patterns(node.orelse, tree))
    elif isinstance(node, ast.JoinedStr):
        parts = [str(p.value) if isinstance(p, ast.Constant) else None for p in node.values]
        yield "".join(r"[a-z_]+" if part is None else re.escape(part) for part in parts)
    else:
        texts = {one.value for one in ast.walk(tree) if isinstance(one, ast.Constant)}
        known = {text for text in texts if isinstance(text, str) and text in actions.ACTIONS}
        assert known, ast.unparse(node)
        yield from map(re.escape, known)


def test_every_action_that_is_written_down_has_a_sentence_in_every_language() -> None:
    patterns = set(noted())
    assert len(patterns) > 30
    lost = [p for p in patterns if not any(re.fullmatch(p, action) for action in actions.ACTIONS)]
    assert lost == [], "an action that is in no group"
    never = [a for a in actions.ACTIONS if not any(re.fullmatch(p, a) for p in patterns)]
    assert never == [], "an action that nothing writes down"
    for language in ("en", "zh"):
        said = [words(language)[f"audit.do.{action}"] for action in sorted(actions.ACTIONS)]
        assert len(set(said)) == len(said)
        assert all(words(language)[f"audit.group.{group}"] for group in actions.GROUPS)
    assert len(actions.ACTIONS) == sum(map(len, actions.GROUPS.values()))


async def a_log(place: Site) -> tuple[Browser, str, str]:
    """A log of a reader's doings with a town; the owner's browser, a conversation's and a person's id."""
    (person,) = await visitors(place, "visitor-one")
    operator = await place.as_role(ConsoleRole.OPERATOR)
    link = re.search(r"/console/conversations/(\d+)", (await operator.get("/console/conversations")).text)
    assert link
    await operator.get(link[0])
    await operator.get(f"/console/people/{person}")
    return await place.owner(), link[1], person


async def test_entries_say_what_was_done_about_whom_with_links() -> None:
    async with site() as place:
        owner, conversation, person = await a_log(place)
        assert f">Conversation {conversation}</a>" in table(await owner.get(HERE))
        assert place.deps.conversations
        await place.deps.conversations.update(int(conversation), title="Tea & <i>cake</i>")
        page = await owner.get(HERE)
        rows = table(page)
        assert "Read a conversation" in rows
        assert f'href="/console/conversations/{conversation}"' in rows
        assert "&lt;i&gt;cake" in page.text
        assert f'href="/console/people/{person}"' in rows
        assert "conversation.read" not in re.sub(r'"[^"]*"', "", rows)
        chinese = table(await owner.get(HERE, **{"Accept-Language": "zh"}))
        assert "查看了对话" in chinese
        assert not re.search(r"<code>|Read a|Looked", chinese)


async def test_what_is_gone_is_named_and_leads_nowhere() -> None:
    async with site() as place:
        owner, put = await place.owner(), place.deps.audit.put
        odd = ("999999", "9" * 40, "x", "", "<script>alert(1)</script>", "\u0663")
        for target in odd:
            for action in ("conversation.read", "person.read", "feedback.handled", "plugin.settings"):
                await put("", "Olga", action, target)
        await put("", "Olga", "no.such", "x", "<b>")
        await put("", "Olga", "conversations.list", detail="nobody")
        await put("", "Olga", "conversations.list", detail="telegram")
        page = await owner.get(HERE)
        rows = table(page)
    assert page.status_code == 200
    assert "Conversation 999999 (deleted)" in rows
    assert "Somebody who was deleted" in rows
    assert "Telegram" in rows
    assert "<script>alert" not in page.text
    assert "<code>no.such</code>" in rows
    assert 'href="/console/conversations/' not in rows


async def test_who_read_a_conversation_is_found_at_once() -> None:
    async with site() as place:
        owner, conversation, person = await a_log(place)
        for number in range(120):
            await place.deps.audit.put("x", "Xenia", "conversation.read", str(10_000 + number))
        for about in (conversation, f"/console/conversations/{conversation}?before=3"):
            page = await owner.client.get(HERE, params={"do": "conversation", "about": about})
            assert re.findall(r"A operator", table(page)) == ["A operator"]
            assert table(page).count("<tr>") == 1
        narrow = re.search(rf'href="({HERE}\?[^"]*about={conversation})"', shown(await owner.get(
            f"{HERE}?do=conversation.read&who=A+operator"
        )))  # fmt: skip
        assert narrow
        assert table(await owner.get(narrow[1])).count("<tr>") == 1
        of_person = await owner.get(f"{HERE}?about={person}")
        assert "Looked at a person" in table(of_person)


async def test_days_are_whole_and_stay_on_the_next_page() -> None:
    async with site() as place:
        await place.clock.advance(1_800_000_000 - place.clock.time())  # 2027-01-15 08:00 UTC
        for number in range(60):
            await place.deps.audit.put("x", "Xenia", "persona.write", f"Number {number:03}")
            await place.clock.advance(960)
        owner = await place.owner()
        day = await owner.get(f"{HERE}?since=2027-01-15&until=2027-01-15")
        assert len(re.findall(r">Number \d+<", table(day))) == 50
        older = re.search(r'href="([^"]+before=[^"]+)"', shown(day))
        assert older
        assert re.findall(r">Number (\d+)<", table(await owner.get(older[1]))) == [
            f"{n:03}" for n in reversed(range(10))
        ]
        after = await owner.get(f"{HERE}?since=2027-01-16")
        assert "Number" not in table(after)


@pytest.mark.parametrize(
    "query",
    [
        "since=x&until=2026-13-40&do=none&about=%00&before=%ff",
        "until=9999-12-31",
        "since=9999-12-31&until=9999-12-31",
        "since=0001-01-01&until=0001-01-01",
        "about=" + "x" * 3000,
        "about=https://evil.example/",
        "before=WzEuNSwyXQ&account=%00",
    ],
    ids=["no days", "last day", "days", "first day", "long", "address", "key"],
)
async def test_rubbish_in_an_address_finds_nothing_or_everything_and_never_fails(query: str) -> None:
    async with site() as place:
        owner = await place.owner()
        for path in (HERE, f"{HERE}/export"):
            assert (await owner.get(f"{path}?{query}")).status_code == 200


async def test_the_log_is_downloaded_whole_or_narrowed_as_csv_and_as_json_lines() -> None:
    async with site() as place:
        owner = await place.owner()
        for number in range(1100):
            await place.deps.audit.put("x", "=cmd|' /C calc'!A0", "persona.write", f"n{number}", 'a "b",\n🎉')
        file = await owner.get(f"{HERE}/export?do=persona&format=csv")
        rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"), newline="")))
        lines = (await owner.get(f"{HERE}/export?format=json")).text.splitlines()
        none = await owner.get(f"{HERE}/export?who=nobody")
        noted = (await place.audited())[0]
    assert [row["target"] for row in rows] == [f"n{number}" for number in reversed(range(1100))]
    assert rows[0]["account"].startswith("'=cmd")
    assert rows[0]["detail"] == 'a "b",\n🎉'
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", rows[0]["at"])
    assert file.headers["content-disposition"].startswith('attachment; filename="audit-log.csv"')
    assert len(lines) > 1100
    assert json.loads(lines[-1])["action"] == "login.link"
    assert none.text.count("\n") == 1
    assert noted[1] == "audit.export"
