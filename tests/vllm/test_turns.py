"""Whole turns on a real vLLM and a real database: what people see when the server, or the bot, goes
down in the middle of an answer."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from bot.ports import Model
from tests.chaos.worker import Death, Life, main
from tests.simulators.platform import Platform, Shown
from tests.vllm.asking import QUESTION, eventually
from tests.vllm.chats import Chats
from tests.vllm.servers import START_SECONDS, Server

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("makes"), pytest.mark.timeout(900)]

PACE = 0.005
"""Seconds of a token while something is about to end: an answer that fills the window takes 10 s."""

forkserver = multiprocessing.get_context("forkserver")


async def kill(server: Server) -> None:
    server.kill()


async def terminate(server: Server) -> None:
    """Returns when it has gone, which it does when nobody reads its streams any more."""
    server.terminate()

    async def ended() -> bool:
        return server.ended

    await eventually(ended, 60.0)


@pytest.mark.parametrize("end", [kill, terminate])
async def test_a_turn_cut_by_the_servers_end_completes_its_own_message(
    model: Model, vllm: Server, tmp_path: Path, end: Callable[[Server], Awaitable[None]]
) -> None:
    """The model never ends by itself: both answers are whole where they fill its window."""
    chats = Chats(model, tmp_path, patience=START_SECONDS, stall=5)
    async with chats.running():
        await chats.ask("uninterrupted")
        await chats.until("uninterrupted", lambda out: out.final)
        try:
            with vllm.paced(PACE):
                await chats.ask("cut")
                await chats.until("cut", lambda out: len(out.plain.split()) >= 40)
                await end(vllm)
            (begun,) = chats.shown("cut")
        finally:
            await vllm.start()
        await chats.until("cut", lambda out: out.final)
    assert end is terminate or not begun.final  # asked to end, a server may finish what it has begun
    (uninterrupted,), (cut,) = chats.shown("uninterrupted"), chats.shown("cut")
    assert len(cut.plain.split()) > 1000
    assert cut.plain == uninterrupted.plain


async def test_a_turn_cut_by_the_bots_end_completes_its_own_messages(vllm: Server, tmp_path: Path) -> None:
    """Words are drawn by chance here: a text that stays was gone on from, not said anew."""
    async with Platform(keyed=True, limit=200) as platform:
        life = Life(
            platform.url, f"{vllm.url}/v1", str(tmp_path), f"sqlite:///{tmp_path}/bot.db", True, Death()
        )
        with vllm.paced(PACE):
            bot = start(life)
            question = await platform.say("chat", QUESTION)

            async def half_said() -> bool:
                return len(texts(platform.answer_to(question))) >= 15

            await eventually(half_said, 240.0)
            bot.kill()
            await asyncio.to_thread(bot.join)
        before = texts(platform.answer_to(question))
        assert not any(m.final for m in platform.answer_to(question))
        bot = start(life)
        await asyncio.wait_for(platform.until_final(question), 240)
        bot.terminate()
        await asyncio.to_thread(bot.join, 30)
        after = texts(platform.answer_to(question))
    # What was shown last may not have been stored yet: those messages are written over.
    stored = len(before) // 3
    assert list(after.items())[:stored] == list(before.items())[:stored]
    assert list(after)[: len(before)] == list(before)
    assert sum(len(text.split()) for text in after.values()) > 1000


def start(life: Life) -> BaseProcess:
    process = forkserver.Process(target=main, args=(life,), daemon=True)
    process.start()
    return process


def texts(messages: list[Shown]) -> dict[str, str]:
    """What is shown, by the messages' ids."""
    return {m.id: m.text for m in messages}
