"""On Discord a very long answer is a beginning to read and a file with all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.discord_service import calm, service
from tests.simulators.discord import Message, Permission
from tests.simulators.openai import Server

LONG = "\n\n".join(f"Item {n}: {'word ' * 30}" for n in range(200))


def enclosed(message: Message) -> list[tuple[str, str]]:
    return [(a.filename, a.data.decode()) for a in message.body.attachments]


@pytest.mark.parametrize("may", [True, False])
async def test_a_very_long_answer_is_a_beginning_and_a_file(tmp_path: Path, may: bool) -> None:
    async with calm() as dc, Server(window=100_000).lifespan() as model:
        ana = dc.person("Ana")
        room = await dc.guild("Friends", ana)
        if not may:
            await room.permit_bot(room.general, deny=Permission.ATTACH_FILES)
        model.behaviour.text = LONG
        async with service(dc, tmp_path, model_url=model.url, plugins_disabled=("qa",)):
            await ana.ask("Everything, please.", channel=room.general)
            await dc.until(lambda: any(m.buttons and len(m.buttons) > 1 for m in room.general.answers), 60)
            if may:
                await dc.until(lambda: enclosed(room.general.answers[-1]), 20)
                *parts, file = room.general.answers
                assert len(parts) == 4
                assert file.content == "The whole answer is in this file."
                assert enclosed(file) == [("answer.md", LONG.strip())]
            else:
                await dc.until(lambda: "Item 199" in room.general.answers[-1].content, 60)
                whole = "\n".join(room.general.texts)
                assert all(f"Item {n}:" in whole for n in range(200))
        assert dc.errors == []


async def test_an_answer_that_a_stop_cut_off_ends_in_one_file(tmp_path: Path) -> None:
    options: dict[str, Any] = {"plugins_disabled": ("qa",), "stop_grace": 0.2}
    async with calm() as dc, Server(window=100_000).lifespan() as model:
        ana = dc.person("Ana")
        await dc.guild("Friends", ana)
        model.behaviour.text = LONG
        model.behaviour.interval = 0.001
        async with service(dc, tmp_path, model_url=model.url, **options):
            await ana.say("Everything, please.")
            await dc.until(lambda: ana.channel.answers, 30)
        assert not enclosed(ana.channel.answers[-1])
        model.behaviour.interval = 0.0
        async with service(dc, tmp_path, model_url=model.url, **options):
            await dc.until(lambda: enclosed(ana.channel.answers[-1]), 30)
            shown = ana.channel.answers
            assert [bool(enclosed(m)) for m in shown] == [False] * 4 + [True]
        assert dc.errors == []
