"""`kill -9` at every state of an operator's answer: each is said once, whole and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.chaos.lives import DoomedLives
from tests.chaos.takeover_worker import CHAT, LAST, main
from tests.chaos.worker import Death, Life
from tests.simulators.openai import Server
from tests.simulators.platform import Platform

KEYED: Mapping[str, tuple[int, ...]] = {
    "inbox.put": (1, 2),
    "turns.begin": (1, 2),
    "turns.finish": (1, 2, 3),
    "turns.put_delivery": (1,),
    "channel.send": (1,),
    "inbox.done": (1, 2),
}
"""Which call of each point a process dies at: the first of them are the question's, which is kept, the
others its answer's."""
UNKEYED = {**KEYED, "turns.put_delivery": (1, 2), "channel.edit": (1,)}
NOW = "Ann, a member of staff, answers here now. The assistant is silent until they hand back."
BACK = "The assistant answers here again."


def deaths(points: Mapping[str, tuple[int, ...]]) -> list[Death]:
    return [
        Death(point, after, count)
        for point, counts in points.items()
        for count in counts
        for after in (False, True)
    ]


@pytest.mark.parametrize(("keyed", "points"), [(True, KEYED), (False, UNKEYED)])
@pytest.mark.timeout(300)
async def test_what_an_operator_says_survives_kills_at_every_state(
    tmp_path: Path, keyed: bool, points: Mapping[str, tuple[int, ...]]
) -> None:
    async with Platform(keyed=keyed, limit=200) as platform, Server().lifespan() as model:
        database = f"sqlite:///{tmp_path}/chaos.db"
        lives = DoomedLives(
            main, Life(platform.url, model.url, str(tmp_path), database, keyed=keyed, death=Death())
        )
        plan = deaths(points)
        for number, death in enumerate(plan):
            process = lives.begin(death)
            await platform.say(CHAT, f"question {number}")
            await lives.die(process, death, 8.0)
        assert lives.fired.total() == len(plan)
        process = lives.begin(Death())
        await platform.say(CHAT, LAST)
        async with platform.answered:
            ended = platform.answered.wait_for(lambda: any(m.text == BACK for m in platform.answers(CHAT)))
            await asyncio.wait_for(ended, 60)
        await lives.end(process)
        assert model.chats == []
    shown = [m for m in platform.answers(CHAT) if not m.text.endswith("…")]
    asked = [*(f"question {n}" for n in range(len(plan))), LAST]
    assert [m.text for m in shown] == [NOW, *(f"Ann (staff): to {text}" for text in asked), BACK]
    orphans = len(platform.answers(CHAT)) - len(shown)
    assert orphans == 0 if keyed else orphans <= len(plan)
