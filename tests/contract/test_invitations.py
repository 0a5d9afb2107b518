"""Open invitations: listed without their codes, and taken back."""

from __future__ import annotations

import pytest

from bot.errors import AccessError
from bot.types import Invitation, PersonRole, Sender
from tests.contract.conftest import Stores


async def test_what_can_still_be_used_is_listed_the_newest_first_page_by_page(stores: Stores) -> None:
    people, now = stores.people, stores.clock.time()
    codes = []
    for number, expires_at in enumerate((0.0, now + 2, now + 100, 0.0)):
        codes.append(await people.invite(f"by {number}", uses=number + 1, expires_at=expires_at))
        await stores.clock.advance(1)
    await people.link("ann", expires_at=now + 100)
    await people.redeem("test", Sender("ann"), codes[0])
    rows = await people.invitations()
    assert [(row.by, row.uses_left, row.kind) for row in rows] == [
        ("by 3", 4, "invite"),
        ("by 2", 3, "invite"),
    ]
    first = rows[0]
    assert first == Invitation(first.id, "invite", "member", 4, 0.0, "by 3", now + 3)
    assert not {code for code in codes if code in repr(rows)}
    assert await people.invitations(limit=1) == rows[:1]
    assert await people.invitations(before=(first.created_at, first.id)) == rows[1:]
    assert await people.invitations(limit=0) == []


async def test_an_invitation_that_was_taken_back_lets_nobody_in(stores: Stores) -> None:
    people = stores.people
    code = await people.invite("ann", role=PersonRole.OPERATOR)
    link = await people.link("ann", expires_at=stores.clock.time() + 100)
    await people.owner_code()
    owner, invitation = sorted(await people.invitations(), key=lambda row: row.kind, reverse=True)
    assert (owner.kind, invitation.role) == ("owner", "operator")
    assert await people.revoke(invitation.id)
    assert not await people.revoke(invitation.id)
    assert not await people.revoke("none\x00")
    with pytest.raises(AccessError):
        await people.redeem("test", Sender("ann"), code)
    assert await people.revoke(owner.id)
    assert await people.invitations() == []
    assert link
