"""Names of the console's accounts: none is taken for another's."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from bot.errors import NameRefused
from bot.types import ConsoleRole
from tests.contract.conftest import Stores
from tests.contract.test_console import HOUR, an_account

VIEWER = ConsoleRole.VIEWER


async def why_refused(work: Awaitable[object]) -> str:
    with pytest.raises(NameRefused) as refused:
        await work
    return refused.value.why


@pytest.mark.parametrize(
    ("taken", "name", "why"),
    [
        ("Olga", "\u041elga", "mixed"),
        ("Olga", "x \u03bfmega", "mixed"),
        ("Olga", "Olga\ufe0f", "alike"),
        ("Olga", "O1ga", "alike"),
        ("AI", "Al", "alike"),
        ("\u0421\u043e\u0440\u0430", "Copa", "alike"),
        ("ABE", "\u0391\u0392\u0395", "alike"),
    ],
    ids=["cyrillic", "greek", "invisible", "figure", "capital", "whole", "whole greek"],
)
async def test_a_name_that_people_take_for_anothers_is_refused(
    stores: Stores, taken: str, name: str, why: str
) -> None:
    await an_account(stores, taken)
    bob = await an_account(stores, "Bob")
    assert await why_refused(stores.accounts.invite("", name=name, role=VIEWER, seconds=HOUR)) == why
    assert await why_refused(stores.accounts.update(bob.id, name=name)) == why
    assert await stores.accounts.get(bob.id) == bob
    for fine in ("Ольга", "Olga Иванова", "王 Wang"):
        assert (await stores.accounts.update(bob.id, name=fine)).name == fine


async def test_a_name_that_looks_like_one_that_came_meanwhile_gets_a_number(stores: Stores) -> None:
    names = ("Copa", "\u0421\u043e\u0440\u0430")
    tokens = [await stores.accounts.invite("", name=n, role=VIEWER, seconds=HOUR) for n in names]
    found = [(await stores.accounts.enter(token)).name for token in tokens]
    assert found == [names[0], f"{names[1]} 2"]


async def test_an_account_whose_name_was_let_in_before_can_still_be_changed(stores: Stores) -> None:
    ann = await an_account(stores)
    assert (await stores.accounts.update(ann.id, role=VIEWER, disabled=True)).disabled
    assert (await stores.accounts.update(ann.id, name="ANN")).name == "ANN"
