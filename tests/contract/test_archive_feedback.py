"""What the console reads of people's votes."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace

from bot.types import HELPED, RATINGS, Rated, Vote
from tests.contract.archive_stage import ANN, BOB, archive_of, asked, home_of, pages, statistics_of
from tests.contract.conftest import Stores


async def test_feedback_is_listed_the_newest_first_and_can_be_seen_to(stores: Stores) -> None:
    archive = archive_of(stores)
    turns = [await asked(stores, f"q{n}", f"a{n}") for n in range(4)]
    for number, turn in enumerate(turns):
        await stores.clock.advance(1)
        await stores.turns.feedback(turn.id, turn.person_id, 1 if number % 2 else -1, f"because {number}")

    async def reasons(value: int = 0, *, open_only: bool = False, limit: int = 2) -> list[str]:
        def page(last: Rated | None) -> Awaitable[list[Rated]]:
            before = (last.at, last.turn.id, last.person_id) if last else None
            return archive.feedback(limit=limit, before=before, value=value, open_only=open_only)

        return [row.reason.removeprefix("because ") for row in await pages(page)]

    assert await reasons() == await reasons(limit=9) == ["3", "2", "1", "0"]
    assert (await reasons(1), await reasons(-1)) == (["3", "1"], ["2", "0"])
    row = (await archive.feedback())[0]
    assert row == Rated(
        turn=await stores.turns.get(turns[3].id) or turns[3],
        conversation=await home_of(stores, turns[3]),
        person_id=turns[3].person_id,
        person="Ann",
        question="q3",
        value=1,
        reason="because 3",
        at=stores.clock.time(),
    )
    await archive.handled(turns[3].id, turns[3].person_id, True)
    await archive.handled("none", "nobody", True)
    assert (await archive.feedback())[0] == replace(row, handled=True)
    assert (await reasons(open_only=True), await reasons(1, open_only=True)) == (["2", "1", "0"], ["1"])
    await archive.handled(turns[3].id, turns[3].person_id, False)
    assert await reasons(open_only=True) == ["3", "2", "1", "0"]


async def test_feedback_of_one_person_and_of_some_turns(stores: Stores) -> None:
    archive = archive_of(stores)
    turns = [await asked(stores, f"q{n}", "a", sender=sender) for n, sender in enumerate((ANN, BOB, ANN))]
    ann, bob = turns[0].person_id, turns[1].person_id
    for number, (turn, person) in enumerate(((turns[0], ann), (turns[0], bob), (turns[2], ann))):
        await stores.clock.advance(1)
        await stores.turns.feedback(turn.id, person, -1, f"because {number}")
    await archive.handled(turns[0].id, bob, True)
    assert [r.reason for r in await archive.feedback(person_id=ann)] == ["because 2", "because 0"]
    assert await archive.feedback(person_id=bob, open_only=True) == []
    assert await archive.feedback(person_id="nobody") == []
    now = stores.clock.time()
    assert await archive.votes([turns[0].id, turns[1].id, "none"]) == [
        Vote(turns[0].id, ann, -1, "because 0", now - 2),
        Vote(turns[0].id, bob, -1, "because 1", now - 1, True),
    ]
    assert await archive.votes([]) == []


async def test_feedback_that_its_person_changes_or_takes_back_is_open_again_or_gone(stores: Stores) -> None:
    archive, turn = archive_of(stores), await asked(stores, "q", "a")
    await stores.turns.feedback(turn.id, turn.person_id, -1, "wrong")
    await archive.handled(turn.id, turn.person_id, True)
    await stores.clock.advance(5)
    await stores.turns.feedback(turn.id, turn.person_id, -1, "still wrong")
    (row,) = await archive.feedback(open_only=True)
    assert (row.reason, row.at, row.handled) == ("still wrong", stores.clock.time(), False)
    await stores.turns.feedback(turn.id, turn.person_id, 0)
    assert await archive.feedback() == []


async def test_what_a_person_thinks_of_some_turns_is_theirs_alone(stores: Stores) -> None:
    turns = [await asked(stores, f"q{number}", "a") for number in range(3)]
    ids, person = [turn.id for turn in turns], turns[0].person_id
    await stores.turns.feedback(ids[0], person, 1, "good")
    await stores.turns.feedback(ids[1], person, 1)
    await stores.turns.feedback(ids[1], person, -1)
    await stores.turns.feedback(ids[2], person, 1)
    await stores.turns.feedback(ids[2], person, 0)
    await stores.turns.feedback(ids[2], "bob", 1)
    assert await stores.turns.ratings([*ids, "none", "\x00"], person) == {ids[0]: 1, ids[1]: -1}
    assert await stores.turns.ratings(ids[2:], "bob") == {ids[2]: 1}
    assert await stores.turns.ratings([], person) == {}


async def counted(stores: Stores, step: float = 60.0) -> dict[str, list[tuple[float, int, float]]]:
    """Of each kind of rating: when, how often, and the sum, but for what is 0."""
    now = stores.clock.time()
    found = await statistics_of(stores).range([RATINGS], since=now - 90_000, until=now + 60, step=step)
    rows: dict[str, list[tuple[float, int, float]]] = {}
    for sample in found:
        if sample.count or sample.total:
            rows.setdefault(sample.label, []).append((sample.at, sample.count, sample.total))
    return rows


async def test_a_rating_counts_once_as_it_is_now_however_often_it_is_changed(stores: Stores) -> None:
    turn = await asked(stores, "q", "a")
    person = turn.person_id
    await stores.turns.feedback(turn.id, person, -1)
    await stores.turns.feedback(turn.id, person, -1, "wrong")
    first = stores.clock.time() // 60 * 60
    assert await counted(stores) == {"down": [(first, 1, 1.0)]}
    await stores.clock.advance(26 * 3600 / 2)
    await stores.turns.feedback(turn.id, person, 1)
    later = stores.clock.time() // 60 * 60
    assert await counted(stores) == {"up": [(later, 1, 1.0)]}
    for step in (900.0, 3_600.0, 86_400.0):
        assert await counted(stores, step) == {"up": [(later // step * step, 1, 1.0)]}
    await stores.turns.feedback(turn.id, "bob", 1, HELPED)
    assert await counted(stores) == {"up": [(later, 1, 1.0)], "helped": [(later, 1, 1.0)]}
    await stores.turns.feedback(turn.id, person, 0)
    await stores.turns.feedback(turn.id, person, 0)
    await stores.turns.feedback("none", person, 1)
    assert await counted(stores) == {"helped": [(later, 1, 1.0)]}
