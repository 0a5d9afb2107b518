"""A link code at the gate: who becomes whom, what is refused and how it is told; one pace for a person."""

from __future__ import annotations

import pytest

from bot import access
from bot.settings import Access
from bot.types import Event, EventKind, Person, PersonRole, Sender
from tests.fakes_core import CATALOGUE, make_event
from tests.unit.test_access import Door

ANN, BOB = Sender("u1"), Sender("u2")


async def code_of(door: Door, person: Person) -> str:
    return await door.people.link(person.id, expires_at=door.clock.time() + 900)


def text(key: str, **values: object) -> str:
    return CATALOGUE.say("en", f"link.{key}", **values)


@pytest.mark.parametrize(
    "template", ["/start {}", "/link {}", "{}", " {}\n", "https://t.me/bot?start={}", "button"]
)
@pytest.mark.parametrize("known", [False, True])
async def test_a_link_code_makes_the_account_the_codes_person(template: str, known: bool) -> None:
    door = Door()
    ann = await door.person("u1")
    if known:
        await door.person("u2")
    code = await code_of(door, ann)
    event = make_event(template.format(code), sender=BOB)
    if template == "button":
        event = make_event(kind=EventKind.BUTTON, data=f"cmd:/link {code}", sender=BOB)
    for _ in range(2):
        refusal = await door.refusal(event)
        assert refusal.reason == "linked"
        assert refusal.reply is not None
        assert refusal.reply.text == text("linked", role="member")
    assert await door.admitted(make_event("a question", sender=BOB)) == ann
    assert set(door.people.memory.people) == {ann.id}


async def test_what_is_said_of_a_link_is_in_the_language_of_the_one_person() -> None:
    door = Door()
    ann = await door.people.update((await door.person("u1")).id, language="zh")
    told = await door.text(make_event(f"/start {await code_of(door, ann)}", sender=BOB))
    assert told == CATALOGUE.say("zh", "link.linked", role="成员")


async def test_a_link_is_not_taken_in_a_group() -> None:
    door = Door()
    code = await code_of(door, await door.person("u1"))
    assert await door.text(make_event(f"/start {code}", sender=BOB, private=False)) == ""
    assert await door.people.find("test", "u2") is None


async def test_what_is_wrong_with_a_link_is_told() -> None:
    door = Door()
    ann = await door.person("u1")
    code = await code_of(door, ann)
    assert await door.text(make_event(code, sender=ANN)) == text("same")
    await door.clock.advance(900)
    assert await door.text(make_event(code, sender=BOB)) == text("spent")
    assert await door.people.find("test", "u2") is None


async def test_nobody_gets_out_of_a_block_by_a_link() -> None:
    door = Door()
    ann, bob = await door.person("u1"), await door.person("u2", PersonRole.BLOCKED)
    into, out = await code_of(door, ann), await code_of(door, bob)
    assert await door.text(make_event(f"/start {into}", sender=BOB)) == "", "the blocked are met with silence"
    assert await door.text(make_event(f"/start {out}", sender=ANN)) == text("blocked")
    assert await door.text(make_event(f"/start {out}", sender=Sender("u3"))) == text("blocked")
    assert door.people.memory.people == {ann.id: ann, bob.id: bob}


async def test_spent_codes_count_as_guesses_and_other_refusals_do_not() -> None:
    door = Door()
    ann = await door.person("u1")
    code = await code_of(door, ann)
    for _ in range(access.FAILED_CODES + 1):
        assert await door.text(make_event(f"/start {code}", sender=ANN)) == text("same")
    await door.clock.advance(900)
    for _ in range(access.FAILED_CODES):
        assert await door.text(make_event(f"/start {code}", sender=BOB)) == text("spent")
    fresh = await code_of(door, ann)
    assert await door.text(make_event(f"/start {fresh}", sender=BOB)) == ""
    await door.clock.advance(800)
    assert await door.people.find("test", "u2") is None


@pytest.mark.parametrize("confirmed", ["button", "/link {}"])
async def test_a_higher_role_is_handed_over_only_when_confirmed(confirmed: str) -> None:
    door = Door()
    owner, bob = await door.person("u1", PersonRole.OWNER), await door.person("u2")
    code = await code_of(door, bob)
    assert await door.text(make_event(code)) == text("rises", role="owner", code=code)
    reply = (await door.refusal(make_event(f"/start {code}"))).reply
    assert reply is not None
    assert reply.text == text("rises", role="owner", code=code)
    assert await door.people.find("test", "u2") == bob
    assert [b.data for b in reply.buttons] == [f"cmd:/link {code}"]
    assert len(reply.buttons[0].data.encode()) <= 64
    sure = make_event(confirmed.format(code))
    if confirmed == "button":
        sure = make_event(kind=EventKind.BUTTON, data=reply.buttons[0].data)
    assert await door.text(sure) == text("linked", role="owner")
    one = await door.people.find("test", "u2")
    assert one == await door.people.find("test", "u1")
    assert one is not None
    assert one.role is PersonRole.OWNER
    assert await door.people.get(owner.id) is None


async def test_an_invite_works_by_link_too_and_a_wrong_code_is_told() -> None:
    door = Door()
    owner = await door.person("u1", PersonRole.OWNER)
    invite = await door.people.invite(owner.id)
    assert (await door.refusal(make_event(f"/link {invite}", sender=BOB))).reason == "welcome"
    assert "already in" in await door.text(make_event("/link nonsense", sender=BOB))
    assert await door.text(make_event("/link nonsense", sender=Sender("u3"))) == CATALOGUE.say(
        "en", "access.code"
    )


async def test_the_accounts_of_a_person_share_one_pace_which_does_not_begin_anew_when_taken_off() -> None:
    door = Door(Access.OPEN, rate_limit=2)
    ann = await door.person("u1")
    await door.people.redeem("test", BOB, await code_of(door, ann))
    await door.admitted(make_event("1", sender=ANN))
    await door.admitted(make_event("2", sender=BOB))
    for sender in (ANN, BOB):
        assert "60 s" in await door.text(make_event("3", sender=sender))
    assert await door.people.unlink("test", BOB)
    await door.admitted(make_event("4", sender=BOB))
    again: Event = make_event("5", sender=BOB)
    assert (await door.refusal(again)).reason == "rate"
