"""Personas in the console: written, refused, compared, put back, removed; who may what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.personas import Personas
from bot.settings import PersonaSettings, SamplingSettings
from bot.types import ConsoleRole, PersonaVersion
from tests.adapters.console_core import Browser, shown, site
from tests.fakes import settle
from tests.fakes_personas import MemoryPersonas

ATTACK = '"><script>alert(1)</script>'
ONE = "/console/personas/one"


def desk() -> Personas:
    named = {"pirate": PersonaSettings(prompt="Arr", model="large", sampling=SamplingSettings(top_p=0.5))}
    return Personas(named, SamplingSettings(), store=MemoryPersonas())


async def write(browser: Browser, name: str, prompt: str, **fields: str) -> Any:
    given = {"name": name, "prompt": prompt, "note": f"Note {prompt}", **fields}
    return await browser.post(ONE, **given)


async def test_a_persona_is_written_changed_compared_put_back_and_removed() -> None:
    personas = desk()
    async with site(personas=personas) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        made = await write(author, "poet", "In rhymes", new="on", **{"sampling.temperature": "1.2"})
        assert made.headers["location"] == f"{ONE}?name=poet&done=persona.write"
        await write(author, "poet", "In verse", version="1", **{"sampling.stop": "###\n\nEnd"})
        page = shown(await author.get(f"{ONE}?name=poet"))
        assert page.index("Note In verse") < page.index("Note In rhymes")
        assert page.count("A author") >= 2
        (poet,) = [p for p in personas.listing() if p.name == "poet"]
        assert poet.sampling == {"stop": ["###", "End"]}
        diff = shown(await author.get("/console/personas/diff?name=poet&old=1&new=2"))
        assert 'class="removed">- In rhymes' in diff
        assert 'class="added">+ In verse' in diff
        assert "temperature = 1.2" in diff
        back = await author.post("/console/personas/activate", name="poet", number="1")
        assert back.status_code == 303
        assert [p.prompt for p in personas.listing() if p.name == "poet"] == ["In rhymes"]
        beyond = await author.post("/console/personas/activate", name="poet", number="9" * 40)
        assert beyond.status_code == 422
        gone = await author.post("/console/personas/remove", name="poet")
        assert "This persona was removed" in shown(await author.get(gone.headers["location"]))
        assert [p.name for p in personas.listing()] == ["", "pirate"]
        actions = [action for _, action, target in await place.audited() if target == "poet"]
    assert actions == ["persona.remove", "persona.activate", "persona.write", "persona.write"]


async def test_one_of_the_settings_is_covered_and_shows_again() -> None:
    personas = desk()
    async with site(personas=personas) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        before = shown(await author.get(f"{ONE}?name=pirate"))
        assert "It comes from the settings. Saving makes" in before
        assert 'value="0.5"' in before
        await write(author, "pirate", "Ahoy", version="0")
        assert "over the settings" in shown(await author.get(f"{ONE}?name=pirate"))
        diff = shown(await author.get("/console/personas/diff?name=pirate&old=0&new=1"))
        assert "- Arr" in diff
        await author.post("/console/personas/remove", name="pirate")
        assert [p.prompt for p in personas.listing() if p.name == "pirate"] == ["Arr"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "a b"}, "1 to 64 characters, without spaces and backticks."),
        ({"name": "auto"}, "People write this for the default one"),
        ({"name": ""}, "This is needed."),
        ({"name": "pirate"}, "There is one of this name already"),
        ({"prompt": "  "}, "This is needed."),
        ({"prompt": "x" * 100_001}, "At most 100,000."),
        ({"sampling.temperature": "3"}, "At most 2."),
        ({"sampling.top_p": "0"}, "More than 0."),
        ({"sampling.max_tokens": "1.5"}, "This is no whole number."),
        ({"sampling.temperature": "hot"}, "This is no number."),
        ({"sampling.stop": "1\n2\n3\n4\n5"}, "At most 4."),
    ],
)
async def test_what_cannot_be_is_said_beside_its_field_and_nothing_typed_is_lost(
    fields: dict[str, str], said: str
) -> None:
    async with site(personas=desk()) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        given = {"new": "on", "name": "poet", "prompt": "Rhyme", "note": "Mine", **fields}
        response = await author.post(ONE, **given)
        page = shown(response)
        assert response.status_code == 422
        assert said in page
        assert 'value="Mine"' in page
        assert fields.get("sampling.temperature", "") in page
        assert 'aria-invalid="true"' in page
        assert all(action != "persona.write" for _, action, _ in await place.audited())


async def test_what_somebody_else_saved_meanwhile_is_not_covered_unseen() -> None:
    async with site(personas=desk()) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        await write(author, "poet", "One", new="on")
        await write(author, "poet", "Two", version="1")
        late = await write(author, "poet", "Mine", version="1")
        assert late.status_code == 422
        assert "Somebody saved another version meanwhile" in shown(late)
        assert 'name="version" value="2"' in late.text
        assert (await write(author, "poet", "Mine", version="2")).status_code == 303


async def test_hostile_names_and_prompts_are_text() -> None:
    async with site(personas=desk()) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        name = ATTACK.replace(" ", "") + "/?&#é"
        assert (await write(author, name, ATTACK, new="on")).status_code == 303
        await write(author, name, ATTACK + "\nmore", version="1")
        paths = [ONE, "/console/personas/diff"]
        query = {"name": name, "old": "1", "new": "2"}
        pages = [await author.client.get(path, params=query) for path in paths]
        pages.append(await author.get("/console/personas"))
        for page in pages:
            assert page.status_code == 200
            assert "<script>alert" not in page.text


async def test_versions_page_by_key_and_only_their_part_is_sent() -> None:
    async with site(personas=desk()) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        await write(author, "poet", "v1", new="on")
        for number in range(2, 24):
            await write(author, "poet", f"v{number}")
        first = await author.get(f"{ONE}?name=poet")
        older = await author.get(f"{ONE}?name=poet&before=4", **{"HX-Request": "true"})
    assert "before=4" in first.text
    assert "Note v23" in first.text
    assert "Note v3" in older.text
    assert "Note v4" not in older.text
    assert "<html" not in older.text


async def test_the_tokens_are_counted_and_a_viewer_reads_only() -> None:
    async with site(personas=desk()) as place:
        author, viewer = await place.as_role(ConsoleRole.AUTHOR), await place.as_role(ConsoleRole.VIEWER)
        counted = await author.post("/console/personas/count", prompt="one two three", model="large")
        assert "tokens of each prompt" in counted.text
        page = await viewer.get(f"{ONE}?name=pirate")
        assert "Arr" in page.text
        assert "<textarea" not in page.text
        assert (await write(viewer, "poet", "x", new="on")).status_code == 403
        assert (await viewer.get("/console/personas/new")).status_code == 403
        for path in (f"{ONE}?name=nobody", "/console/personas/diff?name=pirate&old=7&new=8"):
            assert (await viewer.get(path)).status_code == 404


class Slow(MemoryPersonas):
    """Whoever comes meanwhile comes between."""

    async def put(self, name: str, **given: Any) -> PersonaVersion:
        await settle()
        return await super().put(name, **given)


async def test_of_two_who_save_at_the_same_moment_one_is_told() -> None:
    personas = Personas({}, SamplingSettings(), store=Slow())
    async with site(personas=personas) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        await write(author, "poet", "In rhymes", new="on")
        both = [write(author, "poet", prompt, version="1") for prompt in ("In verse", "In prose")]
        answers = await asyncio.gather(*both)
        assert sorted(answer.status_code for answer in answers) == [303, 422]
        (refused,) = [answer for answer in answers if answer.status_code == 422]
        assert "Somebody saved another version meanwhile." in shown(refused)
        anew = [write(author, "bard", prompt, new="on") for prompt in ("Sings", "Hums")]
        assert sorted(answer.status_code for answer in await asyncio.gather(*anew)) == [303, 422]
