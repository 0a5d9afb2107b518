"""What Telegram messages hold, as parts."""

from __future__ import annotations

from typing import Any

import pytest

from bot.types import Part, PartKind
from tests.adapters.telegram_json import (
    BEN,
    BOT,
    CHANNEL,
    FILE,
    GROUP,
    event,
    message,
)


def test_a_forward_says_who_wrote_it_first() -> None:
    for origin, name in (
        ({"type": "user", "date": 1, "sender_user": BEN}, "Ben"),
        ({"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}, "Somebody"),
        ({"type": "chat", "date": 1, "sender_chat": GROUP}, "Friends"),
        ({"type": "channel", "date": 1, "chat": CHANNEL, "message_id": 4}, "News"),
    ):
        assert event(message("Read this", forward_origin=origin)).parts == (
            Part(text="Read this", name=name),
        )


def test_a_quote_stands_before_the_question() -> None:
    earlier = message("The sky is green. Really.", GROUP, message_id=4, **{"from": BEN})
    found = event(message("True?", GROUP, reply_to_message=earlier))
    assert found.reply_to == "4"
    assert found.parts == (Part(PartKind.QUOTE, "The sky is green. Really.", name="Ben"), Part(text="True?"))
    quote = {"text": "green", "position": 11, "is_manual": True}
    chosen = event(message("True?", GROUP, reply_to_message=earlier, quote=quote))
    assert chosen.parts[0] == Part(PartKind.QUOTE, "green", name="Ben")


def test_of_the_bots_own_words_only_what_was_chosen_is_quoted() -> None:
    own = message("A long answer", **{"from": BOT})
    assert event(message("Why?", reply_to_message=own)).parts == (Part(text="Why?"),)
    chosen = {"text": "long", "position": 2, "is_manual": True}
    found = event(message("Why?", reply_to_message=own, quote=chosen))
    assert found.parts[0] == Part(PartKind.QUOTE, "long", name="Tertulia")
    automatic = event(message("Why?", reply_to_message=own, quote={"text": "long", "position": 2}))
    assert len(automatic.parts) == 1


def test_a_quote_from_another_chat_and_of_files() -> None:
    outside = {"origin": {"type": "channel", "date": 1, "chat": CHANNEL, "message_id": 4}}
    found = event(message("So?", external_reply=outside, quote={"text": "a claim", "position": 0}))
    assert found.parts[0] == Part(PartKind.QUOTE, "a claim", name="News")
    earlier = message(None, GROUP, photo=[{**FILE, "width": 9, "height": 9}], **{"from": BEN})
    looked = event(message("@tertulia_bot what is it?", GROUP, reply_to_message=earlier))
    assert [p.kind for p in looked.parts] == [PartKind.QUOTE, PartKind.IMAGE, PartKind.TEXT]
    assert looked.parts[0].text == "[photo]"


def test_a_long_quote_is_short() -> None:
    earlier = message("x" * 4000, GROUP, **{"from": BEN})
    assert len(event(message("?", GROUP, reply_to_message=earlier)).parts[0].text) == 2000


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        (
            {
                "photo": [
                    {**FILE, "width": 9, "height": 9},
                    {**FILE, "file_id": "big", "width": 99, "height": 99},
                ]
            },
            Part(PartKind.IMAGE, ref="big", media_type="image/jpeg", size=5000),
        ),
        (
            {"voice": {**FILE, "duration": 3, "mime_type": "audio/ogg"}},
            Part(PartKind.AUDIO, ref="file-1", media_type="audio/ogg", size=5000),
        ),
        (
            {"audio": {**FILE, "duration": 3, "mime_type": "audio/mpeg", "file_name": "a.mp3"}},
            Part(PartKind.AUDIO, ref="file-1", media_type="audio/mpeg", name="a.mp3", size=5000),
        ),
        (
            {"video_note": {**FILE, "duration": 3, "length": 100}},
            Part(PartKind.FILE, ref="file-1", media_type="video/mp4", size=5000),
        ),
        (
            {"video": {**FILE, "duration": 3, "width": 1, "height": 1, "mime_type": "video/mp4"}},
            Part(PartKind.FILE, ref="file-1", media_type="video/mp4", size=5000),
        ),
        (
            {
                "animation": {**FILE, "duration": 3, "width": 1, "height": 1, "mime_type": "video/mp4"},
                "document": {**FILE, "mime_type": "video/mp4"},
            },
            Part(PartKind.FILE, ref="file-1", media_type="video/mp4", size=5000),
        ),
        ({"location": {"latitude": 52.52, "longitude": 13.4}}, Part(text="[location 52.52, 13.4]")),
        (
            {"contact": {"first_name": "Cy", "last_name": "Roe", "phone_number": "+123"}},
            Part(text="[contact Cy Roe, +123]"),
        ),
        ({"dice": {"emoji": "🎲", "value": 4}}, Part(text="[dice 🎲 4]")),
        (
            {
                "sticker": {
                    **FILE,
                    "width": 1,
                    "height": 1,
                    "is_animated": False,
                    "is_video": False,
                    "type": "regular",
                    "emoji": "😀",
                }
            },
            Part(text="😀"),
        ),
    ],
)
def test_what_a_message_holds(fields: dict[str, Any], part: Part) -> None:
    assert event(message(None, **fields)).parts == (part,)


def test_a_venue_and_a_poll() -> None:
    place = {"latitude": 1.5, "longitude": 2.5}
    venue = {"location": place, "title": "Café", "address": "Street 1"}
    assert event(message(None, venue=venue, location=place)).text == "[venue Café, Street 1, 1.5, 2.5]"
    options = [{"text": t, "voter_count": 0, "persistent_id": t} for t in ("Tea", "Coffee")]
    poll = {
        "id": "1",
        "question": "Which?",
        "options": options,
        "total_voter_count": 0,
        "is_closed": False,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
        "allows_revoting": False,
        "members_only": False,
    }
    assert event(message(None, poll=poll)).text == "[poll Which? Tea | Coffee]"
