"""The Telegram simulator's flood control, its faults, and updates that are brought by webhook."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from telegram import Bot
from telegram.error import Conflict, NetworkError, RetryAfter

from tests.simulators.telegram import Faults, FloodLimits, Telegram
from tests.simulators.telegram.driving import ManualClock, bot_of, driven, refusal

# The library deprecates the type of `retry_after`, and says so even where it raises the error itself.
pytestmark = pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")


async def wait_after(call: Awaitable[object]) -> int:
    """The seconds that a refused call is told to wait."""
    with pytest.raises(RetryAfter) as caught:
        await call
    wait = caught.value.retry_after
    assert isinstance(wait, int)
    return wait


async def test_a_private_chat_takes_a_burst_and_then_a_message_a_second() -> None:
    clock = ManualClock()
    async with driven(clock=clock) as (tg, bot):
        ana = tg.person("Ana")
        await ana.start()
        for n in range(5):
            await bot.send_message(ana.id, f"{n}")
        assert await wait_after(bot.send_message(ana.id, "6")) == 3
        assert await wait_after(bot.send_message(ana.id, "6")) == 4
        clock.advance(3.9)
        assert await wait_after(bot.edit_message_text("x", ana.id, ana.chat.answers[0].id)) == 2
        clock.advance(2)
        for n in range(5):
            await bot.send_message(ana.id, f"{n}")
        assert tg.refused == {"sendMessage": 2, "editMessageText": 1}
        assert tg.errors == []
        assert len(ana.texts) == 10


async def test_who_hammers_waits_longer_but_not_for_ever() -> None:
    clock = ManualClock()
    async with driven(clock=clock, flood=FloodLimits(longest_wait=10)) as (tg, bot):
        ana = tg.person("Ana")
        await ana.start()
        for _ in range(5):
            await bot.send_message(ana.id, "x")
        waits = [await wait_after(bot.send_message(ana.id, "x")) for _ in range(12)]
        assert waits == [3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10, 10]
        clock.advance(10)
        await bot.send_message(ana.id, "x")


async def test_drafts_and_edits_count_as_messages_do() -> None:
    async with driven(clock=ManualClock()) as (tg, bot):
        ana = tg.person("Ana")
        await ana.start()
        sent = await bot.send_message(ana.id, "x")
        for n in (1, 2):
            await bot.send_message_draft(ana.id, 1, f"{n}")
            await bot.edit_message_text(f"{n}", ana.id, sent.message_id)
        assert await wait_after(bot.send_message_draft(ana.id, 1, "3"))
        assert tg.refused == {"sendMessageDraft": 1}
        assert len(ana.chat.drafts) == 2


async def test_an_edit_that_changes_nothing_counts_and_a_bad_one_does_not() -> None:
    async with driven(clock=ManualClock()) as (tg, bot):
        ana = tg.person("Ana")
        await ana.start()
        sent = await bot.send_message(ana.id, "x")
        for _ in range(4):
            assert "not modified" in await refusal(tg, bot.edit_message_text("x", ana.id, sent.message_id))
            assert "empty" in await refusal(tg, bot.send_message(ana.id, " "))
        assert await wait_after(bot.edit_message_text("x", ana.id, sent.message_id))


async def test_a_group_takes_twenty_in_a_minute() -> None:
    clock = ManualClock()
    async with driven(clock=clock) as (tg, bot):
        room = await tg.group("Friends", tg.person("Ana"))
        for n in range(20):
            await bot.send_message(room.id, f"{n}")
            clock.advance(1)
        assert await wait_after(bot.send_message(room.id, "more")) == 40
        clock.advance(40)
        await bot.send_message(room.id, "more")


async def test_all_chats_together_take_thirty_a_second() -> None:
    clock = ManualClock()
    async with driven(clock=clock) as (tg, bot):
        people = [tg.person(f"P{n}") for n in range(31)]
        for person in people:
            await person.start()
        for person in people[:30]:
            await bot.send_message(person.id, "x")
        assert await wait_after(bot.send_message(people[30].id, "x")) == 1
        clock.advance(1)
        await bot.send_message(people[30].id, "x")


async def test_flood_control_can_be_off() -> None:
    async with driven(flood=FloodLimits(on=False)) as (tg, bot):
        ana = tg.person("Ana")
        await ana.start()
        for n in range(40):
            await bot.send_message(ana.id, f"{n}")
        assert tg.refused == {}


async def test_drafts_go_after_half_a_minute_and_queries_grow_old() -> None:
    clock = ManualClock()
    async with driven(clock=clock) as (tg, bot):
        ana = tg.person("Ana")
        await ana.start()
        await bot.send_message_draft(ana.id, 1, "x")
        clock.advance(29)
        assert ana.draft is not None
        clock.advance(1)
        assert ana.draft is None
        keyboard = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
        await bot.send_message(ana.id, "x", reply_markup=keyboard)
        press = await ana.press(ana.chat.answers[-1], "a")
        query = await ana.inline("q")
        clock.advance(16)
        for call in (bot.answer_callback_query(press.id), bot.answer_inline_query(query.id, [])):
            assert "too old" in await refusal(tg, call)
        assert (press.answer, query.answer) == (None, None)


async def test_faults_come_by_the_seed_in_their_shares() -> None:
    faults = Faults(bad_gateway=0.2, dropped=0.1, cut_off=0.1, slow=0.1, slow_seconds=0.001, seed=5)
    seen = []
    for _ in range(2):
        async with driven(faults=faults, flood=FloodLimits(on=False)) as (tg, bot):
            ana = tg.person("Ana")
            await ana.start()
            answered = 0
            for n in range(200):
                try:
                    await bot.send_message(ana.id, f"{n}")
                    answered += 1
                except NetworkError:
                    pass
            codes = [c.code for c in tg.log if c.method == "sendMessage"]
            seen.append((codes, ana.texts))
            assert 20 <= codes.count(502) <= 60
            assert 20 <= codes.count(0) <= 60
            assert answered < len(ana.texts) < answered + codes.count(0)
            assert tg.errors == []
    assert seen[0] == seen[1]


async def test_confirmed_updates_come_again_once() -> None:
    async with driven(faults=Faults(repeated=1.0)) as (tg, bot):
        ana = tg.person("Ana")
        await ana.say("one")
        first = (await bot.get_updates())[0]
        await ana.say("two")
        again = await bot.get_updates(offset=first.update_id + 1)
        assert [u.message.text for u in again if u.message] == ["one", "two"]
        assert [u.update_id for u in again] == [first.update_id, first.update_id + 1]
        assert len(await bot.get_updates(offset=first.update_id + 1)) == 1


class Hook:
    """A bot's own web server: refuses the first `refusals` updates, then takes what comes."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.taken: list[tuple[str, str]] = []
        self.secrets: list[str | None] = []
        self.url = ""

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Hook]:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        update = await request.json()
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=500)
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        self.taken.append((update["message"]["from"]["first_name"], update["message"]["text"]))
        return web.Response()


async def test_a_webhook_is_called_until_it_takes_the_update() -> None:
    async with Hook(refusals=3).up() as hook, driven(webhook_pause=0.001) as (tg, bot):
        poll = asyncio.create_task(bot.get_updates(timeout=20))
        await tg.until(lambda: tg.polled)
        await bot.set_webhook(hook.url, secret_token="a-secret", max_connections=3)
        assert "terminated by setWebhook" in await refusal(tg, poll, Conflict)
        assert "webhook is active" in await refusal(tg, bot.get_updates(), Conflict)
        people = [tg.person(name) for name in ("Ana", "Ben")]
        for n in range(4):
            for person in people:
                await person.say(f"{n}")
        await tg.until(lambda: len(hook.taken) == 8)
        for name in ("Ana", "Ben"):
            assert [text for who, text in hook.taken if who == name] == ["0", "1", "2", "3"]
        assert set(hook.secrets) == {"a-secret"}
        await tg.until(lambda: not tg.world.updates.pending)
        info = await bot.get_webhook_info()
        assert (info.url, info.pending_update_count, info.max_connections) == (hook.url, 0, 3)
        assert info.last_error_message == "Wrong response from the webhook: 500 Internal Server Error"


async def test_nothing_is_brought_in_an_outage() -> None:
    async with Hook().up() as hook, driven(webhook_pause=0.001) as (tg, bot):
        await bot.set_webhook(hook.url)
        tg.outage()
        ana = tg.person("Ana")
        await ana.say("hi")
        assert (await tell_nothing(bot), hook.taken) == (True, [])
        tg.recover()
        await tg.until(lambda: hook.taken == [("Ana", "hi")])


async def tell_nothing(bot: Bot) -> bool:
    with pytest.raises(NetworkError):
        await bot.get_webhook_info()
    return True


async def test_a_slow_answer_comes_after_the_effect() -> None:
    async with driven(faults=Faults(slow=1.0, slow_seconds=60.0)) as (tg, bot):
        ana = tg.person("Ana")
        await ana.start()
        call = asyncio.create_task(bot.send_message(ana.id, "x"))
        await tg.until(lambda: ana.texts == ["x"])
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


async def test_updates_wait_while_the_webhook_is_down_or_gone() -> None:
    async with driven(webhook_pause=0.001, clock=ManualClock()) as (tg, bot):
        async with Hook().up() as hook:
            await bot.set_webhook(hook.url)
        await tg.person("Ana").say("hi")
        await tg.until(lambda: tg.world.webhook.last_error)
        assert (await bot.get_webhook_info()).pending_update_count == 1
        await bot.delete_webhook()
        assert len(await bot.get_updates()) == 1
        await bot.delete_webhook(drop_pending_updates=True)
        assert await bot.get_updates() == ()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://example.com/hook", "HTTPS URL must be provided"),
        ("https://example.com:81/hook", "only on ports 80, 88, 443 or 8443"),
        ("https:///hook", "invalid webhook URL"),
    ],
)
async def test_webhooks_are_checked(url: str, complaint: str) -> None:
    async with driven() as (tg, bot):
        assert complaint in await refusal(tg, bot.set_webhook(url))


async def test_webhooks_are_not_set_twice_a_second() -> None:
    clock = ManualClock()
    async with Hook().up() as hook, driven(clock=clock) as (tg, bot):
        await bot.set_webhook(hook.url)
        assert await wait_after(bot.set_webhook(hook.url)) == 1
        clock.advance(1)
        await bot.set_webhook(hook.url)
        clock.advance(1)
        assert "unallowed characters" in await refusal(
            tg, bot.set_webhook(hook.url, secret_token="no spaces")
        )


async def test_a_bot_that_logged_out_is_not_known_any_more() -> None:
    async with Telegram() as tg:
        bot: Bot = bot_of(tg)
        async with bot:
            await bot.log_out()
            assert "Logged out" in await refusal(tg, bot.get_me())
