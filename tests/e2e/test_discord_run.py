"""`tertulia run` with nothing set but Discord's token, as somebody does who follows the README."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.e2e.discord_service import answer, calm
from tests.e2e.discord_service import service as in_process
from tests.e2e.running import Service, service, tertulia
from tests.simulators.discord import Discord, Permission
from tests.simulators.openai import Server
from tests.vllm.asking import eventually

INVALID = (401, 403, 429)


@asynccontextmanager
async def running(dc: Discord, home: Path) -> AsyncIterator[Service]:
    given = {"access": "open", "discord_token": dc.token, "discord_api_url": dc.url}
    async with service(home, **given) as running:
        await dc.until(lambda: dc.connected, 60)
        yield running


async def test_the_token_alone_serves_private_chats_servers_replies_and_commands(tmp_path: Path) -> None:
    async with calm(privileged=()) as dc, running(dc, tmp_path / "home") as started:
        await started.logged(f"https://discord.com/oauth2/authorize?client_id={dc.bot.id}")
        await started.logged("Message Content Intent")
        ana, ben = dc.person("Ana"), dc.person("Ben")
        shown = await answer(dc, await ana.say("How do I connect Discord?"))
        assert "discord.com/developers" in shown.content
        room = await dc.guild("Friends", ana, ben)
        shown = await answer(dc, await ana.ask("How do I connect Telegram?", channel=room.general))
        assert "@BotFather" in shown.content
        reply = await ben.say("How do I connect a language model?", channel=room.general, reply_to=shown)
        assert "TERTULIA_MODEL_URL" in (await answer(dc, reply)).content
        await dc.until(ana.commands)
        asked = await ana.slash("ask", channel=room.general, text="What can you do?")
        await dc.until(lambda: any("Answer questions from documents" in text for text in asked.texts))
        # the intent that is switched off is found out by asking for it
        assert [e for e in dc.errors if "4014" not in e] == []
        started.signal(signal.SIGTERM)
        assert await started.gone() == 0


async def test_a_token_that_is_refused_ends_the_start_with_what_to_do(tmp_path: Path) -> None:
    async with calm() as dc:
        dc.world.bot.token = "another"
        given = {"discord_token": dc.token, "discord_api_url": dc.url}
        ended = await tertulia(tmp_path / "home", "run", "--port", "0", **given)
        assert ended.code == 1
        assert "TERTULIA_DISCORD_TOKEN" in ended.err
        assert dc.token not in ended.out + ended.err
        assert len(dc.log) == 1


async def test_a_channel_that_is_forbidden_is_hardly_called_and_served_again_when_it_is_allowed(
    tmp_path: Path,
) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana = dc.person("Ana")
        room = await dc.guild("Friends", ana)
        settings: dict[str, Any] = {"model_url": model.url, "plugins_disabled": ("qa",), "rate_limit": 0}
        async with in_process(dc, tmp_path, **settings) as app:
            await room.permit_bot(room.general, deny=Permission.SEND_MESSAGES)
            questions = [await ana.ask(f"Question {n}?", channel=room.general) for n in range(8)]
            keys = [f"discord/{dc.bot.id}/m%3A{question.id}" for question in questions]

            async def done() -> bool:
                return len(model.chats) == 8 and not any(
                    [await app.stores.inbox.pending(key) for key in keys]
                )

            await eventually(done, 60)
            there = await answer(dc, await ana.say("And here?"))
            assert there.content == "And here?"
            await room.permit_bot(room.general)
            shown = await answer(dc, await ana.ask("And now?", channel=room.general), 60)
            assert shown.content.endswith("And now?")
        assert sum(call.status in INVALID for call in dc.log) <= 3
