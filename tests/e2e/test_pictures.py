"""Pictures from each platform, seen by a model that can, and not by one that cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.locale import Catalogue
from tests.adapters.web_core import ask, browser_like, text_of
from tests.e2e import discord_service, telegram_service
from tests.e2e.running import service
from tests.pictures import ORIENTATION, picture, with_marks
from tests.simulators.openai import Behaviour, Server
from tests.simulators.openai_pictures import pictures_of

RED, BLUE = picture("red"), picture("blue", (1600, 800), "JPEG")
LOOK = Behaviour(look=True)
UNSEEN = Catalogue.load().say("en", "turn.unseen")


def seeing(most: int = 10) -> Server:
    """A model that says of all pictures in its prompt how large they are, and of which colour."""
    return Server(LOOK, pictures=most, window=32_000)


def options(model: Server) -> dict[str, Any]:
    return {"model_url": model.url, "plugins_disabled": ("qa",)}


async def _bring(client: httpx.AsyncClient, name: str, content: bytes) -> dict[str, Any]:
    brought = await client.post("/api/v1/files", files={"file": (name, content)})
    assert brought.status_code == 200, brought.text
    told: dict[str, Any] = brought.json()
    return told


async def test_the_page_shows_pictures_to_the_model_also_later_and_after_a_restart(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with seeing().lifespan() as model:
        settings = {"model_url": model.url, "plugins_disabled": "qa"}
        async with service(home, **settings) as running, browser_like(running.url) as client:
            red, blue = [await _bring(client, f"{n}.bin", c) for n, c in (("r", RED), ("b", BLUE))]
            assert red["seen"]
            told = await ask(client, "What are these?", attachments=[red["id"], blue["id"]])
            where = told[0][1]["conversation"]
            assert text_of(told) == "64x48 red; 1024x512 blue"
            told = await ask(client, "And at the left?", conversation=where)
            assert text_of(told) == "64x48 red; 1024x512 blue"
            cookies = client.cookies
        async with service(home, **settings) as running, browser_like(running.url) as client:
            client.cookies = cookies
            told = await ask(client, "And now?", conversation=where)
            assert text_of(told) == "64x48 red; 1024x512 blue"
    first, *others = [chat.body["messages"] for chat in model.chats]
    assert all(messages[: len(first)] == first for messages in others)


async def test_a_blind_model_answers_in_words_and_the_page_is_told(tmp_path: Path) -> None:
    async with Server(LOOK).lifespan() as model:
        settings = {"model_url": model.url, "plugins_disabled": "qa"}
        async with service(tmp_path / "home", **settings) as running, browser_like(running.url) as client:
            red = await _bring(client, "r.png", RED)
            assert red["seen"]  # not known yet
            told = await ask(client, "What is this?", attachments=[red["id"]])
            assert text_of(told) == f"I see nothing.\n\n{UNSEEN}"
            assert not (await _bring(client, "b.jpg", BLUE))["seen"]
            told = await ask(client, "And this?", conversation=told[0][1]["conversation"])
            assert text_of(told) == "I see nothing."
            await running.logged("takes no pictures")
    assert [isinstance(c.body["messages"][1]["content"], list) for c in model.chats] == [True, False, False]


async def test_without_a_model_no_picture_is_seen(tmp_path: Path) -> None:
    async with service(tmp_path / "home") as running, browser_like(running.url) as client:
        assert not (await _bring(client, "r.png", RED))["seen"]


async def test_photos_albums_and_files_from_telegram_are_seen(tmp_path: Path) -> None:
    async with telegram_service.calm() as tg, seeing().lifespan() as model:
        ann = tg.person("Ann")
        async with telegram_service.service(tg, tmp_path, **options(model)):
            shown = await telegram_service.answer(tg, await ann.send_photo(RED, "What is this?"))
            assert shown.text == "64x48 red"
            shown = await telegram_service.answer(tg, await ann.say("And at its left?"))
            assert shown.text == "64x48 red"
            sent = await ann.send_document("b.jpg", BLUE, "And this?", mime="image/jpeg")
            shown = await telegram_service.answer(tg, sent)
            assert shown.text == "64x48 red; 1024x512 blue"
            first, *_ = await ann.send_album([RED, BLUE], "Compare.")
            shown = await telegram_service.answer(tg, first)
            assert shown.text == "64x48 red; 1024x512 blue; 64x48 red; 1024x512 blue"
        async with telegram_service.service(tg, tmp_path, **options(model)):
            shown = await telegram_service.answer(tg, await ann.say("Still there?"))
            assert shown.text.startswith("64x48 red; 1024x512 blue")
        assert tg.errors == []


async def test_a_sticker_and_a_video_stay_words(tmp_path: Path) -> None:
    async with telegram_service.calm() as tg, seeing().lifespan() as model:
        ann = tg.person("Ann")
        async with telegram_service.service(tg, tmp_path, **options(model)):
            for question in (await ann.send_sticker("🎈"), await ann.send_video(caption="Watch this")):
                assert (await telegram_service.answer(tg, question)).text == "I see nothing."
        assert tg.errors == []


@pytest.mark.parametrize("most", [10, 0])
async def test_attachments_from_discord_are_seen_where_the_model_can(tmp_path: Path, most: int) -> None:
    async with discord_service.calm() as dc, seeing(most).lifespan() as model:
        ana = dc.person("Ana")
        await dc.guild("Friends", ana)
        async with discord_service.service(dc, tmp_path, **options(model)):
            question = await ana.say("What is this?", files={"r.png": RED, "notes.txt": b"a note"})
            shown = await discord_service.answer(dc, question)
            assert shown.content == ("64x48 red" if most else f"I see nothing.\n\n{UNSEEN}")
            shown = await discord_service.answer(dc, await ana.say("And at its left?"))
            assert shown.content == ("64x48 red" if most else "I see nothing.")
        assert dc.errors == []


async def test_where_a_photo_was_taken_does_not_leave(tmp_path: Path) -> None:
    async with telegram_service.calm() as tg, seeing().lifespan() as model:
        ann = tg.person("Ann")
        async with telegram_service.service(tg, tmp_path, **options(model)):
            question = await ann.send_document("p.jpg", with_marks(6), "Where?", mime="image/jpeg")
            assert (await telegram_service.answer(tg, question)).text.startswith("40x80")
        (image,) = pictures_of(model.chats[-1].body)
        assert ORIENTATION not in image.getexif()
        assert "comment" not in image.info
        assert tg.errors == []
