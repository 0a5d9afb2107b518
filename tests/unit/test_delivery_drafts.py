"""Drafts, openings, buttons of previews, and attachments."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.delivery import OPENING, PLACEHOLDER
from bot.errors import ChannelUnavailable, ChatGone, DraftsRefused, RetryAfter
from bot.settings import AmbiguousSend
from bot.types import Button, Capabilities, DeliveryState, Outgoing, Part, PartKind, Reply
from tests.scripted import CAPS
from tests.unit.test_delivery import ADDRESS, KEYLESS, Desk, row

DRAFTS = replace(KEYLESS, drafts=True, min_edit_interval=1.0)
LONG = "The answer to your question begins with a few words and then goes on for quite a while, to its end."


def calls(desk: Desk, name: str) -> list[str]:
    return [text for call, text in desk.channel.calls if call == name]


async def test_a_growing_text_is_a_draft_and_becomes_one_message() -> None:
    desk = Desk(DRAFTS)
    async with desk.begin() as shown:
        for n in range(1, 30):
            shown.show("word " * n)
            await desk.clock.advance(0.2)
        assert 4 <= len(calls(desk, "draft")) <= 7
        assert desk.channel.messages == {}
        assert desk.rows() == []
        finishing = asyncio.create_task(shown.finish(Reply(LONG)))
        await desk.clock.advance(5)
        await finishing
    assert desk.channel.texts() == [LONG]
    assert len(calls(desk, "send")) == len(calls(desk, "edit")) == 1


async def test_parts_that_are_whole_are_messages_while_the_last_one_is_a_draft() -> None:
    desk = Desk(DRAFTS)
    async with desk.begin() as shown:
        shown.show("word " * 150)
        await desk.clock.advance(10)
        assert len(desk.channel.messages) == 1
        assert len(desk.channel.texts()[0]) > 400
        assert calls(desk, "draft")[-1].startswith("word")


@pytest.mark.parametrize("caps", [DRAFTS, KEYLESS], ids=["drafts", "edits"])
async def test_a_text_of_which_nothing_is_to_be_seen_yet_is_not_shown(caps: Capabilities) -> None:
    desk = Desk(replace(caps, typing=True))
    async with desk.begin() as shown:
        for text in ("\n\n", "\n\n```", "\n\n```\n\u200b"):
            shown.show(text)
            await desk.clock.advance(5)
        assert desk.channel.calls == []
        assert desk.channel.typings > 0
        shown.show("\n\n```\n\u200bx = 1")
        await desk.clock.advance(5)
        assert "x = 1" in desk.channel.calls[-1][1]


async def test_a_draft_is_shown_again_before_it_vanishes() -> None:
    desk = Desk(DRAFTS)
    async with desk.begin() as shown:
        shown.show("Let me think.")
        await desk.clock.advance(65)
        assert calls(desk, "draft") == ["Let me think."] * 4


async def test_after_a_crash_a_message_that_was_begun_is_edited_not_drafted() -> None:
    desk = Desk(DRAFTS)
    known = await desk.channel.send(ADDRESS, Outgoing("The …", "The …"), key="t1:0")
    async with desk.begin(row(state=DeliveryState.SENT, message_id=known)) as shown:
        shown.show("The answer.")
        await desk.clock.advance(2)
        assert calls(desk, "edit") == ["The answer."]
        assert calls(desk, "draft") == []


async def test_refused_drafts_cost_nothing_but_the_preview() -> None:
    desk = Desk(DRAFTS)
    desk.channel.fail = lambda call, out: ChannelUnavailable("502") if call == "draft" else None
    async with desk.begin() as shown:
        shown.show("Hel")
        await desk.clock.advance(5)
        finishing = asyncio.create_task(shown.finish(Reply("Hello.")))
        await desk.clock.advance(5)
        await finishing
    assert desk.channel.texts() == ["Hello."]


@pytest.mark.parametrize("edits", [True, False])
async def test_where_drafts_are_refused_the_text_grows_in_a_message(edits: bool) -> None:
    desk = Desk(replace(DRAFTS, edits=edits, preview_buttons=True))
    asked: list[str] = []

    def fail(call: str, out: object) -> DraftsRefused | None:
        asked.append(call)
        return DraftsRefused("not in this chat") if call == "draft" else None

    desk.channel.fail = fail
    stop = Button("stop", "stop")
    async with desk.courier.begin(desk.channel, ADDRESS, "t1", "q1", preview_buttons=(stop,)) as shown:
        for n in range(1, 30):
            shown.show("word " * n)
            await desk.clock.advance(0.2)
        await desk.clock.advance(2)
        assert asked.count("draft") == 1
        assert calls(desk, "edit")[-1:] == ([("word " * 29).strip()] if edits else [])
        assert [m.last.buttons for m in desk.channel.messages.values()] == ([(stop,)] if edits else [])
        finishing = asyncio.create_task(shown.finish(Reply(LONG)))
        await desk.clock.advance(5)
        await finishing
    assert desk.channel.texts() == [LONG]
    assert asked.count("draft") == 1


async def test_flood_control_of_a_draft_holds_up_the_final_text_no_longer_than_it_must() -> None:
    desk = Desk(DRAFTS)
    failed: list[str] = []

    def fail(call: str, out: object) -> RetryAfter | None:
        if call == "draft" and not failed:
            failed.append(call)
            return RetryAfter(7)
        return None

    desk.channel.fail = fail
    async with desk.begin() as shown:
        shown.show("Hel")
        await desk.clock.advance(1)
        finishing = asyncio.create_task(shown.finish(Reply("Hello.")))
        await desk.clock.advance(5)
        assert not finishing.done()
        await desk.clock.advance(3)
        await finishing
    assert desk.channel.texts() == ["Hello."]


async def test_the_first_send_is_fit_for_a_notification_and_never_the_whole() -> None:
    desk = Desk(KEYLESS)
    await desk.deliver(LONG)
    first, then = desk.channel.calls
    assert first[1].endswith(PLACEHOLDER)
    assert LONG.startswith(first[1].removesuffix(PLACEHOLDER).rstrip())
    assert 10 < len(first[1]) <= OPENING + 2
    assert then == ("edit", LONG)


async def test_an_opening_is_plain_text() -> None:
    desk = Desk(KEYLESS)
    await desk.deliver(f"**{LONG}**")
    assert "*" not in desk.channel.calls[0][1]


async def test_previews_have_the_button_that_stops_and_the_end_has_its_own() -> None:
    desk = Desk(replace(CAPS, buttons=True, preview_buttons=True))
    stop, retry = Button("stop", "stop"), Button("retry", "retry")
    shown = desk.courier.begin(desk.channel, ADDRESS, "t1", "q1", preview_buttons=(stop,))
    async with shown:
        shown.show("Hel")
        await desk.clock.advance(1)
        (message,) = desk.channel.messages.values()
        assert message.last.buttons == (stop,)
        await shown.finish(Reply("Hello.", (retry,)))
    assert message.last.buttons == (retry,)


async def test_attachments_follow_the_text_each_sent_once() -> None:
    desk = Desk(replace(KEYLESS, attachments=True))
    photo = Part(PartKind.IMAGE, ref="https://example.org/a.png")
    async with desk.begin() as shown:
        await shown.finish(Reply(LONG, attachments=(photo, photo)))
        await shown.finish(Reply(LONG, attachments=(photo, photo)))
    text, *files = desk.channel.messages.values()
    assert text.last.final
    assert text.last.attachment is None
    assert [m.last.attachment for m in files] == [photo, photo]
    assert [len(m.outs) for m in files] == [1, 1]


async def test_a_file_alone_needs_no_text() -> None:
    desk = Desk(replace(KEYLESS, attachments=True))
    async with desk.begin() as shown:
        await shown.finish(Reply("", attachments=(Part(PartKind.FILE, ref="f1", name="a.txt"),)))
    (message,) = desk.channel.messages.values()
    assert message.last.attachment is not None


async def test_where_files_cannot_be_shown_their_links_are() -> None:
    desk = Desk()
    async with desk.begin() as shown:
        parts = (Part(PartKind.FILE, ref="https://example.org/a", name="a"), Part(PartKind.IMAGE, ref="x"))
        await shown.finish(Reply("Here:", attachments=parts))
    assert desk.channel.texts()[0].startswith("Here:")
    assert "a" in desk.channel.texts()[0]
    assert "image" in desk.channel.texts()[0]


async def test_a_send_of_a_file_that_a_crash_hid_is_not_repeated_at_most_once() -> None:
    desk = Desk(replace(KEYLESS, attachments=True), AmbiguousSend.AT_MOST_ONCE)
    async with desk.begin(row(state=DeliveryState.SENDING)) as shown:
        await shown.finish(Reply("", attachments=(Part(PartKind.FILE, ref="f1"),)))
    assert desk.channel.calls == []


async def test_a_chat_that_is_gone_ends_the_previews_quietly() -> None:
    desk = Desk(DRAFTS)
    desk.channel.fail = lambda call, out: ChatGone("blocked")
    async with desk.begin() as shown:
        shown.show("Hel")
        await desk.clock.advance(3)
    assert desk.channel.calls == []
