"""Deny by default: strangers, codes, roles, too fast, too long, nothing at all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from bot import access
from bot.access import Gate, Refusal
from bot.settings import Access
from bot.types import Event, EventKind, Part, PartKind, Person, PersonRole, Sender
from tests.fakes import FakeClock, FakePeople
from tests.fakes_core import CATALOGUE, make_event

WRONG = "A" * 22


@dataclass
class Door:
    """A gate with its people."""

    access: Access = Access.INVITE
    rate_limit: int = 0
    max_input: int = 1000
    remembered: int = 100
    clock: FakeClock = field(default_factory=FakeClock)
    people: FakePeople = field(init=False)
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.people = FakePeople(clock=self.clock)
        self.gate = Gate(
            self.people,
            self.clock,
            CATALOGUE,
            access=self.access,
            rate_limit=self.rate_limit,
            max_input=self.max_input,
            remembered=self.remembered,
        )

    async def person(self, user: str = "u1", role: PersonRole = PersonRole.MEMBER) -> Person:
        return await self.people.admit("test", Sender(user), role)

    async def refusal(self, event: Event) -> Refusal:
        result = await self.gate.admit(event)
        assert isinstance(result, Refusal)
        return result

    async def admitted(self, event: Event) -> Person:
        result = await self.gate.admit(event)
        assert isinstance(result, Person), result
        return result

    async def text(self, event: Event) -> str:
        reply = (await self.refusal(event)).reply
        return reply.text if reply else ""


async def test_a_stranger_is_told_once_an_hour() -> None:
    door = Door()
    assert "private" in await door.text(make_event("hi"))
    assert await door.text(make_event("hi?")) == ""
    await door.clock.advance(3599)
    assert await door.text(make_event("hi?")) == ""
    await door.clock.advance(1)
    assert "private" in await door.text(make_event("hi!"))
    assert await door.people.find("test", "u1") is None


async def test_who_waits_for_an_answer_is_told_each_time() -> None:
    """On a page silence would be an answer that never comes."""
    door = Door(rate_limit=1)
    told = [await door.gate.admit(make_event(text), waits=True) for text in ("hi", "hi?", "how?")]
    assert all(isinstance(one, Refusal) and one.reply and "private" in one.reply.text for one in told)
    wrong = [await door.gate.admit(make_event(WRONG), waits=True) for _ in range(access.FAILED_CODES + 2)]
    texts = [one.reply.text for one in wrong if isinstance(one, Refusal) and one.reply]
    assert [text.startswith("Too many codes") for text in texts] == [False] * access.FAILED_CODES + [True] * 2
    await door.person()
    await door.admitted(make_event("one"))
    for text in ("two", "three"):
        fast = await door.gate.admit(make_event(text), waits=True)
        assert isinstance(fast, Refusal)
        assert fast.reply is not None


def from_guest(text: str = "Open today?", *, host: str = "u9", guest: str = "u1") -> Event:
    return replace(make_event(text, sender=Sender(guest, "Ann")), host=host)


@pytest.mark.parametrize("text", ["hi", "/start", "x" * 2000, "\u200b"])
async def test_in_the_chat_of_a_host_whom_nobody_knows_there_is_silence(text: str) -> None:
    door = Door()
    assert (await door.refusal(from_guest(text))).reply is None
    assert await door.people.find("test", "u9") is None


@pytest.mark.parametrize("blocked", ["u9", "u1", "guest:u9:u1"])
async def test_who_is_blocked_is_neither_host_nor_guest(blocked: str) -> None:
    door = Door(Access.OPEN)
    await door.person("u9")
    await door.people.update((await door.person(blocked)).id, role=PersonRole.BLOCKED)
    assert await door.refusal(from_guest()) == Refusal(None, "blocked")


async def test_guests_of_somebody_known_may_ask_there_and_nowhere_else() -> None:
    door = Door(rate_limit=1)
    await door.person("u9")
    guest = await door.admitted(from_guest())
    assert guest.role is PersonRole.MEMBER
    assert await door.people.find("test", "u1") is None
    assert "private" in await door.text(make_event("and here?"))
    assert (await door.refusal(from_guest("too soon"))).reply is None
    await door.person("u8")
    await door.clock.advance(60)
    assert (await door.admitted(from_guest(host="u8"))).id != guest.id


async def test_a_member_is_a_guest_like_others_in_a_hosts_chat() -> None:
    door = Door()
    member, host = await door.person("u1"), await door.person("u9")
    assert (await door.admitted(from_guest())).id != member.id
    assert await door.admitted(from_guest(guest="u9")) == host


async def test_everybody_may_be_a_host_where_everybody_may_ask() -> None:
    assert isinstance(await Door(Access.OPEN).gate.admit(from_guest()), Person)


@pytest.mark.parametrize("known", [True, False])
async def test_codes_are_not_taken_in_a_hosts_chat(known: bool) -> None:
    door = Door()
    owner = await door.person("owner", PersonRole.OWNER)
    if known:
        await door.person("u9")
    code = await door.people.invite(owner.id)
    for text in (code, f"/start {code}", f"https://t.me/bot?start={code}"):
        assert (await door.refusal(from_guest(text))).reply is None
    assert await door.people.find("test", "u1") is None
    assert isinstance(await door.gate.admit(make_event(f"/start {code}")), Person)


async def test_a_repeated_event_is_told_again_what_it_was_told() -> None:
    door, event = Door(), make_event("hi")
    assert await door.text(event) == await door.text(event) != ""


async def test_a_stranger_is_told_in_their_language() -> None:
    text = await Door().text(make_event("你好", sender=Sender("u1", language="zh-CN")))
    assert text == CATALOGUE.say("zh", "access.stranger")


@pytest.mark.parametrize("kind", [EventKind.REACTION, EventKind.EDIT])
async def test_a_strangers_reactions_and_edits_are_met_with_silence(kind: EventKind) -> None:
    for access_mode in Access:
        assert await Door(access_mode).text(make_event("hi", kind=kind)) == ""


async def test_a_stranger_in_a_group_is_met_with_silence() -> None:
    assert await Door().text(make_event("hi", private=False)) == ""


async def test_a_code_is_not_taken_in_a_group() -> None:
    door = Door()
    code = await door.people.owner_code()
    assert await door.text(make_event(f"/start {code}", private=False)) == ""
    assert (await door.admitted(make_event(f"/start {code}"))).role is PersonRole.OWNER


@pytest.mark.parametrize("template", ["/start {}", "/start@my_bot {}", "/START {} "])
async def test_start_with_a_code_lets_in(template: str) -> None:
    door = Door()
    owner = await door.person("boss", PersonRole.OWNER)
    code = await door.people.invite(owner.id, role=PersonRole.OPERATOR)
    person = await door.admitted(make_event(template.format(code)))
    assert person.role is PersonRole.OPERATOR
    assert await door.admitted(make_event("a question")) == person


@pytest.mark.parametrize(
    "template", ["{}", " {}\n", "https://t.me/bot?start={}", "http://127.0.0.1:8080/?invite={}"]
)
async def test_a_bare_code_or_link_lets_in_and_goes_no_further(template: str) -> None:
    door = Door()
    owner = await door.person("boss", PersonRole.OWNER)
    code = await door.people.invite(owner.id)
    assert (await door.refusal(make_event(template.format(code)))).reason == "welcome"
    assert (await door.admitted(make_event("a question"))).role is PersonRole.MEMBER


async def test_a_known_person_rises_by_a_code() -> None:
    door = Door()
    await door.person()
    code = await door.people.owner_code()
    assert (await door.admitted(make_event(f"/start {code}"))).role is PersonRole.OWNER


async def test_a_wrong_code_is_told() -> None:
    door = Door()
    assert await door.text(make_event(f"/start {WRONG}")) == CATALOGUE.say("en", "access.code")
    await door.person()
    assert "already in" in await door.text(make_event(f"/start {WRONG}"))


async def test_a_known_persons_message_that_looks_like_a_code_is_a_question() -> None:
    door = Door()
    await door.person()
    await door.admitted(make_event(WRONG))


@pytest.mark.parametrize("sender", [Sender("u1"), Sender("u1", trusted=True)])
async def test_in_open_mode_or_on_the_own_page_a_first_message_may_look_like_a_code(sender: Sender) -> None:
    door = Door(Access.INVITE if sender.trusted else Access.OPEN)
    await door.admitted(make_event(WRONG, sender=sender))


async def test_guessing_codes_ends_in_silence_even_for_a_right_one() -> None:
    door = Door()
    for _ in range(access.FAILED_CODES):
        assert await door.text(make_event(f"/start {WRONG}"))
    code = await door.people.owner_code()
    assert await door.text(make_event(f"/start {code}")) == ""
    assert (await door.admitted(make_event(f"/start {code}", sender=Sender("u2")))).role is PersonRole.OWNER
    await door.clock.advance(3600)
    assert await door.text(make_event(f"/start {code}")) == CATALOGUE.say("en", "access.code")


async def test_the_blocked_are_met_with_silence_whatever_they_bring() -> None:
    for mode in Access:
        door = Door(mode)
        await door.person(role=PersonRole.BLOCKED)
        code = await door.people.owner_code()
        for event in (
            make_event("hi"),
            make_event(f"/start {code}"),
            make_event("hi", sender=Sender("u1", trusted=True)),
        ):
            assert (await door.refusal(event)).reply is None


async def test_open_mode_and_a_vouched_visitor_are_let_in_as_members() -> None:
    assert (await Door(Access.OPEN).admitted(make_event("hi"))).role is PersonRole.MEMBER
    visitor = make_event("hi", sender=Sender("u1", trusted=True))
    assert (await Door().admitted(visitor)).role is PersonRole.MEMBER


async def test_too_many_questions_in_a_minute_are_refused_once_with_the_seconds() -> None:
    door = Door(Access.OPEN, rate_limit=2)
    await door.admitted(make_event("1"))
    await door.clock.advance(10)
    await door.admitted(make_event("2"))
    assert "50 s" in await door.text(make_event("3"))
    assert await door.text(make_event("4")) == ""
    await door.admitted(make_event("4", sender=Sender("u2")))
    await door.clock.advance(50)
    await door.admitted(make_event("5"))
    assert "10 s" in await door.text(make_event("6"))


async def test_a_repeated_event_is_counted_once() -> None:
    door, event = Door(Access.OPEN, rate_limit=2), make_event("1")
    for _ in range(5):
        await door.admitted(event)
    await door.admitted(make_event("2"))


async def test_commands_do_not_count_but_retries_do() -> None:
    door = Door(Access.OPEN, rate_limit=1)
    for _ in range(5):
        await door.admitted(make_event("/stop"))
    await door.admitted(make_event("/retry"))
    assert (await door.refusal(make_event(kind=EventKind.BUTTON, data="retry"))).reason == "rate"


@pytest.mark.parametrize("role", [PersonRole.OWNER, PersonRole.OPERATOR])
async def test_who_runs_the_bot_asks_at_any_pace(role: PersonRole) -> None:
    door = Door(rate_limit=1)
    await door.person(role=role)
    for _ in range(5):
        await door.admitted(make_event("hi"))


async def test_too_long_a_question_is_refused_with_limit_and_length() -> None:
    door = Door(Access.OPEN, rate_limit=1, max_input=5)
    text = await door.text(make_event("123456"))
    assert "6" in text
    assert "5" in text
    await door.admitted(make_event("12345"))


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\u200b\u200d\ufeff", "\u202e", "\x00\x07", "\ud800", "\u3164\u2800"]
)
async def test_a_message_without_anything_to_read_gets_a_hint(text: str) -> None:
    assert await Door(Access.OPEN).text(make_event(text)) == CATALOGUE.say("en", "access.empty")


async def test_no_parts_are_empty_and_an_attachment_is_not() -> None:
    door = Door(Access.OPEN)
    assert (await door.refusal(make_event(parts=()))).reason == "empty"
    await door.admitted(make_event(parts=(Part(PartKind.IMAGE, ref="file:1"),)))


async def test_few_senders_are_remembered() -> None:
    door, first = Door(remembered=3), make_event("hi", sender=Sender("first"))
    assert await door.text(first)
    assert await door.text(replace(make_event("again"), sender=Sender("first"))) == ""
    for number in range(3):
        await door.text(make_event("hi", sender=Sender(str(number))))
    assert await door.text(replace(make_event("again"), sender=Sender("first")))
