"""Personas: the console's over those of the settings, in force for the next turn everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from bot.diffs import compare
from bot.errors import FieldsRefused, StorageBusy
from bot.personas import DEFAULT_PROMPT, LONGEST_PROMPT, REFRESH_SECONDS, Personas
from bot.settings import PersonaSettings, SamplingSettings
from bot.types import Address, Conversation, DiffKind, FieldKind, KnownPersona, Origin, PersonaVersion
from tests.fakes import FakeClock, settle
from tests.fakes_core import FakeModel
from tests.fakes_personas import MemoryPersonas

PIRATE = PersonaSettings(prompt="Arr", model="big", sampling=SamplingSettings(top_p=0.5))


class Failing(MemoryPersonas):
    """Reads fail while `broken`."""

    broken = False

    async def active(self) -> list[PersonaVersion]:
        if self.broken:
            raise StorageBusy("locked")
        return await super().active()


def personas(store: MemoryPersonas, prompt: str = "", **named: PersonaSettings) -> Personas:
    return Personas(named, SamplingSettings(temperature=0.7), prompt, store=store)


def talk(persona: str = "", model: str = "", **sampling: Any) -> Conversation:
    settings = {"sampling": sampling} if sampling else {}
    return Conversation(1, Address("t", "b", "c"), persona=persona, model=model, settings=settings)


async def test_what_is_written_is_in_force_at_once_and_stands_over_the_settings() -> None:
    desk = personas(MemoryPersonas(), pirate=PIRATE)
    assert desk.of(talk("pirate")).prompt == "Arr"
    await desk.write("pirate", prompt="Ahoy", sampling={"temperature": 0.1}, by="Ann")
    now = desk.of(talk("pirate"))
    assert (now.prompt, now.model, now.sampling.temperature, now.sampling.top_p) == ("Ahoy", "", 0.1, None)
    assert desk.listing()[1] == KnownPersona(
        "pirate", Origin.CONSOLE, "Ahoy", sampling={"temperature": 0.1}, version=1, covers=True
    )
    await desk.remove("pirate")
    assert desk.of(talk("pirate")).model == "big"
    assert desk.listing()[1] == KnownPersona("pirate", Origin.FILE, "Arr", "big", {"top_p": 0.5})


async def test_the_default_persona_can_be_written_and_rolled_back() -> None:
    desk = personas(MemoryPersonas())
    assert desk.listing() == [KnownPersona("", Origin.DEFAULT, DEFAULT_PROMPT)]
    await desk.write("", prompt="One", model="big")
    await desk.write("", prompt="Two")
    assert desk.of(talk()).prompt == "Two"
    assert desk.of(talk("gone")).prompt == "Two"
    await desk.activate("", 1)
    assert (desk.of(talk()).prompt, desk.of(talk()).model) == ("One", "big")
    assert desk.of(talk(model="tiny", top_k=3)).model == "tiny"
    assert desk.of(talk(top_k=3)).sampling.top_k == 3
    assert [v.active for v in await desk.versions("")] == [False, True]
    assert desk.names == []
    await desk.remove("")
    assert desk.of(talk()).prompt == DEFAULT_PROMPT
    assert personas(MemoryPersonas(), "Be brief").listing()[0].origin is Origin.FILE


async def test_personas_are_listed_page_by_page_and_found_by_name() -> None:
    desk = personas(MemoryPersonas(), pirate=PIRATE, bard=PIRATE)
    await desk.write("poet", prompt="Oh")
    await desk.write("", prompt="Be brief")
    assert [p.name for p in desk.listing(limit=2)] == ["", "bard"]
    assert [p.name for p in desk.listing(limit=2, after="")] == ["bard", "pirate"]
    assert [p.name for p in desk.listing(limit=2, after="bard")] == ["pirate", "poet"]
    await desk.remove("poet")
    assert [p.name for p in desk.listing(after="c")] == ["pirate"]
    assert desk.listing(after="poet") == []
    assert [p and p.prompt for p in map(desk.get, ("", "pirate", "poet"))] == ["Be brief", "Arr", None]


async def test_another_process_has_it_within_seconds_and_survives_a_locked_database() -> None:
    store, clock = Failing(), FakeClock()
    here, there = personas(store), personas(store)
    async with there.lifespan(clock):
        await here.write("poet", prompt="Oh")
        store.broken = True
        await settle()
        await clock.advance(REFRESH_SECONDS)
        await settle()
        assert there.names == []
        store.broken = False
        await clock.advance(REFRESH_SECONDS)
        await settle()
        assert there.names == ["poet"]
        assert there.of(talk("poet")).prompt == "Oh"


async def test_what_is_stored_is_there_at_the_start() -> None:
    store = MemoryPersonas()
    await personas(store).write("poet", prompt="Oh")
    later = personas(store)
    async with later.lifespan(FakeClock()):
        assert later.names == ["poet"]


async def test_a_new_prompt_is_counted_anew() -> None:
    desk, model = personas(MemoryPersonas()), FakeModel("tiny")
    tokens = []
    for prompt in ("one two", "one two three four"):
        await desk.write("", prompt=prompt)
        message = await desk.system(desk.of(talk()), model)
        assert message.text == prompt
        tokens.append(message.tokens)
    assert tokens[0] < tokens[1]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "a b", "prompt": "x"}, "name"),
        ({"name": "Default", "prompt": "x"}, "name"),
        ({"name": "x" * 65, "prompt": "x"}, "name"),
        ({"name": "`x`", "prompt": "x"}, "name"),
        ({"name": "x", "prompt": " \n"}, "prompt"),
        ({"name": "x", "prompt": "x" * (LONGEST_PROMPT + 1)}, "prompt"),
        ({"name": "x", "prompt": "x", "sampling": {"temperature": 3}}, "sampling.temperature"),
        ({"name": "x", "prompt": "x", "sampling": {"heat": 3}}, "sampling.heat"),
    ],
)
async def test_what_cannot_be_a_persona_is_refused_by_field(given: dict[str, Any], field: str) -> None:
    desk = personas(MemoryPersonas())
    with pytest.raises(FieldsRefused) as refused:
        await desk.write(**given)
    assert list(refused.value.fields) == [field]
    assert desk.names == []


async def test_versions_are_compared_with_each_other_and_with_the_settings() -> None:
    desk = personas(MemoryPersonas(), pirate=PIRATE)
    await desk.write("pirate", prompt="Arr", sampling={"top_p": 0.5})
    await desk.write("pirate", prompt="Ahoy", sampling={"top_p": 0.5})
    removed = [line.text for line in await desk.diff("pirate", 0, 1) if line.kind is DiffKind.REMOVED]
    assert removed == ["model = big"]
    kinds = [(line.kind, line.text, line.old, line.new) for line in await desk.diff("pirate", 1, 2)]
    assert kinds[:2] == [(DiffKind.REMOVED, "Arr", 1, 0), (DiffKind.ADDED, "Ahoy", 0, 1)]
    for name, number in (("pirate", 3), ("nobody", 0)):
        with pytest.raises(KeyError):
            await desk.diff(name, number, 1)


def test_lines_far_from_a_change_are_counted_instead_of_shown() -> None:
    old = "\n".join(map(str, range(1, 31)))
    lines = compare(old, old.replace("15", "fifteen"), context=1)
    assert [(line.kind, line.text) for line in lines] == [
        (DiffKind.SKIPPED, "13"),
        (DiffKind.SAME, "14"),
        (DiffKind.REMOVED, "15"),
        (DiffKind.ADDED, "fifteen"),
        (DiffKind.SAME, "16"),
        (DiffKind.SKIPPED, "14"),
    ]
    assert (lines[4].old, lines[4].new) == (16, 16)
    assert compare(old, old) == []
    assert compare("", "a") == [type(lines[0])(DiffKind.ADDED, "a", new=1)]


def test_the_fields_of_sampling_tell_their_limits() -> None:
    fields = {field.name: field for field in Personas({}, SamplingSettings()).fields()}
    assert (fields["temperature"].minimum, fields["temperature"].maximum) == (0, 2)
    assert fields["top_p"].above == 0
    assert fields["max_tokens"].whole
    assert fields["stop"].kind is FieldKind.LIST
