"""What makes people leave other bots on Discord, each in front of the whole service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adapters.discord.deps import Limits
from tests.e2e.discord_service import answer, calm, service
from tests.simulators.discord import Discord, Faults, GatewayRules, Message
from tests.simulators.openai import Server

WORDS = " ".join(f"word{n}" for n in range(400))


def talking(model: Server) -> dict[str, Any]:
    """With a model that says the question back, and no documents."""
    return {"model_url": model.url, "plugins_disabled": ("qa",), "rate_limit": 0}


def strict() -> Discord:
    """With Discord's own rate limits."""
    spared = Faults().spared | {"GET /applications/@me"}
    return Discord(
        gateway=GatewayRules(identify_seconds=0), faults=Faults(spared=spared), privileged={"content"}
    )


async def said(dc: Discord, question: Message) -> str:
    """What the bot says to it, once it is not a mark any more."""

    def text() -> str | None:
        return next((a.content for a in question.channel.answers_to(question) if len(a.content) > 1), None)

    return await dc.until(text, 20)


async def test_nobody_is_served_before_the_owner_lets_them_in(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana, ben = dc.person("Ana"), dc.person("Ben")
        room = await dc.guild("Friends", ana, ben)
        async with service(dc, tmp_path, access="invite", **talking(model)) as app:
            assert "private" in await said(dc, await ben.say("Hello?"))
            code = await app.stores.people.owner_code()
            assert "owner" in await said(dc, await ana.say(f"/start {code}"))
            assert (await answer(dc, await ana.say("Good morning"))).content == "Good morning"
            await dc.until(ana.commands)
            invited = await ana.slash("invite", channel=ana.channel)
            told = (await dc.until(lambda: [t for t in invited.texts if "`" in t]))[-1]
            invitation = next(word for word in told.split("`")[1::2] if " " not in word and len(word) > 5)
            asked = await ben.slash("start", channel=ben.channel, text=invitation)
            await dc.until(lambda: any("/help" in text for text in asked.texts))
            assert (await answer(dc, await ben.say("Thank you"))).content == "Thank you"
            carl = dc.person("Carl")
            await room.join(carl)
            await carl.ask("And me?", channel=room.general)
            last = await answer(dc, await ben.ask("Where is Carl?", channel=room.general))
            assert last.content.endswith("Where is Carl?")
        assert all("And me?" not in text for text in room.general.texts)
        assert len(model.chats) == 3
        assert dc.errors == []


async def test_flood_limits_eat_no_text_and_are_not_run_into(tmp_path: Path) -> None:
    async with strict() as dc, Server().lifespan() as model:
        people = [dc.person(f"P{n}") for n in range(3)]
        room = await dc.guild("Friends", *people)
        model.behaviour.text = WORDS
        model.behaviour.interval = 0.01
        async with service(dc, tmp_path, limits=Limits(), **talking(model)):
            asked = [await person.ask("Go on.", channel=room.general) for person in people]
            asked += [await person.say("Go on.") for person in people]
            for question in asked:
                first = await answer_whole(dc, question)
                assert " ".join(first.split()) == WORDS
        assert sum(call.status == 429 for call in dc.log) == 0
        assert dc.errors == []


async def answer_whole(dc: Discord, question: Message) -> str:
    """All messages of the answer, joined: the first one replies to the question, the others follow."""

    def texts() -> str | None:
        here = question.channel.answers
        first = next((n for n, a in enumerate(here) if a.reply_to is question), None)
        if first is None:
            return None
        parts = [here[first]]
        for message in here[first + 1 :]:
            if message.reply_to is not None:
                break
            parts.append(message)
        whole = any(b["custom_id"] == "retry" for b in parts[-1].buttons)
        return "\n".join(p.content for p in parts) if whole else None

    return await dc.until(texts, 90)


async def test_what_is_asked_meanwhile_waits_its_turn_and_each_place_has_its_own(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana, ben = dc.person("Ana"), dc.person("Ben")
        room = await dc.guild("Friends", ana, ben)
        thread = await ana.thread("Plans", channel=room.general)
        async with service(dc, tmp_path, **talking(model)):
            asked = []
            for n in range(5):
                for person, place in ((ana, room.general), (ben, room.general), (ana, thread)):
                    text = f"{person.user.name} {place.name} {n}"
                    asked.append((text, await person.ask(text, channel=place)))
            for text, question in asked:
                shown = await answer(dc, question, 60)
                assert shown.content.endswith(text)
                assert len(question.channel.answers_to(question)) == 1
        own = [q for t, q in asked if q.channel is thread]
        assert [m.reply_to for m in thread.answers] == own
        for number, chat in enumerate(c for c in model.chats if "Plans" in str(c.body["messages"][-1])):
            assert str(chat.body["messages"]).count("Plans") == 2 * number + 1, "what is said here, only"
        assert dc.errors == []


async def test_a_message_that_is_told_twice_is_answered_once(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana = dc.person("Ana")
        async with service(dc, tmp_path, **talking(model)):
            question = await ana.say("Once?")
            await answer(dc, question)
            for _ in range(3):
                dc.world.tell_message("MESSAGE_CREATE", question)
            await answer(dc, await ana.say("And now?"))
        assert ana.texts == ["Once?", "And now?"]
        assert len(model.chats) == 2


async def test_buttons_under_answers_from_before_a_restart_work(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana = dc.person("Ana")
        await dc.guild("Friends", ana)
        async with service(dc, tmp_path, **talking(model)):
            shown = await answer(dc, question := await ana.say("Again, please"))
        async with service(dc, tmp_path, **talking(model)):
            pressed = await ana.press(shown, "up")
            await dc.until(lambda: pressed.texts or pressed.acknowledged)
            await ana.press(shown, "retry")
            await dc.until(lambda: len(model.chats) == 2 and len(shown.texts) > 2)
        assert question.channel.answers_to(question) == [shown]
        assert dc.errors == []


async def test_what_one_person_says_in_private_reaches_no_other(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana, ben = dc.person("Ana"), dc.person("Ben")
        room = await dc.guild("Friends", ana, ben)
        async with service(dc, tmp_path, **talking(model)):
            await answer(dc, await ana.say("My secret is CANARY."))
            await answer(dc, await ben.say("What is Ana's secret?"))
            await answer(dc, await ben.ask("What is Ana's secret?", channel=room.general))
            await answer(dc, await ana.ask("What is my secret?", channel=room.general))
        assert ["CANARY" in str(chat.body) for chat in model.chats] == [True, False, False, False]
        assert all("CANARY" not in text for text in (*ben.texts, *room.general.texts))
