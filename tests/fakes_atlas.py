"""In-memory places, over the memory of `tests.fakes`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.types import Address, Place
from storage.atlas import OF_CODE
from storage.text import clean, clean_address, folded

if TYPE_CHECKING:
    from tests.fakes import Memory


class FakeAtlas:
    """`bot.ports.Atlas`."""

    def __init__(self, memory: Memory) -> None:
        self._places = memory.places

    async def note(self, places: Sequence[Place]) -> None:
        for place in places:
            at, within = clean_address(place.address), tuple(map(clean_address, place.within))
            old = await self.find(at)
            name = clean(place.name) or (old.name if old else "")
            if old is None:
                self._places.append(Place(at, name, within, len(self._places) + 1))
            else:
                self._places[old.id - 1] = replace(old, name=name, within=within)

    async def get(self, id: int) -> Place | None:
        return next((place for place in self._places if place.id == id), None)

    async def find(self, address: Address) -> Place | None:
        address = clean_address(address)
        return next((place for place in self._places if place.address == address), None)

    async def listing(
        self,
        *,
        limit: int = 50,
        after: tuple[str, int] | None = None,
        within: Address | None = None,
        query: str = "",
    ) -> list[Place]:
        start, code = folded(query), clean(query)
        after = (folded(after[0]), after[1]) if after else ("", 0)
        found = sorted((p for p in self._places if _key(p) > after), key=_key)
        if not query:
            near = (clean_address(within),) if within else ()
            return [place for place in found if place.within[:1] == near][:limit]
        coded = [place for place in self._places if place.code == code][:OF_CODE]
        named = [p for p in found if _key(p)[0].startswith(start) and p.code != code]
        return [*(coded if after == ("", 0) else ()), *named][:limit]


def _key(place: Place) -> tuple[str, int]:
    return folded(place.name or place.code), place.id
