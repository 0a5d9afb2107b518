"""Commands answer in the person's language, change what they may, and name the nearest."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from bot.commands import NAMES, OPERATORS, Commands
from bot.errors import SettingsError
from bot.personas import Personas
from bot.plugins.api import Command, Plugin, PluginContext, PluginSettings, Scoped, Services
from bot.plugins.host import PluginHost
from bot.settings import PersonaSettings, SamplingSettings
from bot.types import Conversation, EventKind, Person, PersonRole, Reply, Sender
from tests.fakes import FakeClock, FakeConversations, FakeKeyValue, FakePeople, FakeTurns, Memory
from tests.fakes_core import CATALOGUE, FakeModels, make_event
from tests.fakes_search import FakeSearch

LONG = "organisation/" + "很长的模型名称" * 5


class Dice(Plugin):
    name = "dice"
    command = "roll"

    def commands(self) -> list[Command]:
        return [Command(self.command, {"en": "Roll dice", "zh": "掷骰子"}, self.roll)]

    async def roll(self, context: PluginContext, arguments: str) -> Reply:
        if arguments == "fail":
            raise RuntimeError("no dice")
        return Reply(f"rolled {arguments} on {context.model.name} for {context.person_store.plugin}")


class Clashing(Dice):
    command = "help"


def host(*kinds: type[Plugin]) -> PluginHost:
    store, clock = FakeKeyValue(), FakeClock()
    services = Services(FakeSearch(), clock, Scoped(store, "dice", ""))
    return PluginHost([kind(PluginSettings(), services) for kind in kinds], store=store, clock=clock)


@dataclass
class Desk:
    """The commands over fakes, and one person's conversation."""

    role: PersonRole = PersonRole.MEMBER
    models: FakeModels = field(default_factory=lambda: FakeModels("tiny", "big", LONG))
    personas: dict[str, PersonaSettings] = field(
        default_factory=lambda: {
            "pirate": PersonaSettings(prompt="Arr", sampling=SamplingSettings(top_p=0.5))
        }
    )
    plugins: PluginHost = field(default_factory=lambda: host(Dice))
    language: str = ""
    private: bool = True

    def __post_init__(self) -> None:
        clock = FakeClock()
        memory = self.memory = Memory()
        self.people = FakePeople(memory, clock)
        self.conversations = FakeConversations(memory)
        self.commands = Commands(
            people=self.people,
            conversations=self.conversations,
            catalogue=CATALOGUE,
            models=self.models,
            personas=Personas(self.personas, SamplingSettings(temperature=0.7)),
            plugins=self.plugins,
            clock=clock,
        )

    async def person(self) -> Person:
        return await self.people.admit("test", Sender("u1", "Ann"), self.role)

    async def conversation(self) -> Conversation:
        return await self.conversations.open(make_event().address)

    async def reply(self, data: str) -> Reply:
        kind = EventKind.BUTTON if data.startswith("cmd:") else EventKind.COMMAND
        sender = Sender("u1", "Ann", self.language)
        event = make_event(kind=kind, data=data, sender=sender, private=self.private)
        return await self.commands.run(event, await self.person(), await self.conversation())

    async def text(self, data: str) -> str:
        return (await self.reply(data)).text


async def test_help_lists_every_command_in_the_persons_language() -> None:
    owner = PersonRole.OWNER
    english, chinese = await Desk(owner).text("/help"), await Desk(owner, language="zh-CN").text("/help")
    for name in (*NAMES, "roll"):
        assert f"/{name}" in english
        assert f"/{name}" in chinese
    assert "Roll dice" in english
    assert "掷骰子" in chinese


def test_a_groups_menu_names_what_can_be_used_there() -> None:
    commands = Desk().commands
    members, admins = (dict(commands.group_menu("en", admin=admin)) for admin in (False, True))
    assert set(members) == {"help", "stop", "retry", "settings", "roll"}
    assert set(admins) == {*members, "new", "model", "persona"}


def test_the_menu_names_what_help_names() -> None:
    menu = dict(Desk().commands.menu("en", runs_bot=True))
    assert set(menu) == {*NAMES, "roll"}
    assert all(menu.values())


async def test_what_only_operators_can_do_is_not_offered_to_others() -> None:
    text = await Desk().text("/help")
    assert "/new" in text
    assert all(f"/{name}:" not in text for name in OPERATORS)


async def test_start_greets_and_tells_operators_their_role() -> None:
    assert "/help" in await Desk().text("/start")
    assert "**owner**" in await Desk(PersonRole.OWNER).text("/start@my_bot some-code")


@pytest.mark.parametrize(
    ("data", "near"), [("/hepl", "/help"), ("/rol 6", "/roll"), ("/setting", "/settings")]
)
async def test_an_unknown_command_names_the_nearest(data: str, near: str) -> None:
    assert near in await Desk().text(data)


@pytest.mark.parametrize("data", ["/zzzzzz", "/", "//", "/`**x", "cmd:"])
async def test_an_unknown_command_without_a_neighbour_points_to_those_that_exist(data: str) -> None:
    assert (
        "help"
        in (
            await Desk().commands.run(
                make_event(data=data), await Desk().person(), await Desk().conversation()
            )
        ).text
    )


async def test_new_begins_anew() -> None:
    desk = Desk()
    await FakeTurns(desk.memory).begin(await desk.conversation(), make_event("hi"), person_id="p1")
    assert "fresh" in await desk.text("/new")
    assert (await desk.conversation()).start_turn == 2


async def test_language_is_offered_chosen_and_given_back() -> None:
    desk = Desk()
    offered = await desk.reply("/language")
    assert [(b.label, b.data) for b in offered.buttons] == [
        ("English", "cmd:/language en"),
        ("中文", "cmd:/language zh"),
    ]
    assert await desk.text("cmd:/language zh") == CATALOGUE.say("zh", "language.done")
    assert (await desk.person()).language == "zh"
    assert await desk.text("/new") == CATALOGUE.say("zh", "new.done")
    assert await desk.text("/language auto") == CATALOGUE.say("en", "language.auto")
    assert (await desk.person()).language == ""


@pytest.mark.parametrize("wish", ["zh-Hans-CN", "中文", "ZH"])
async def test_a_language_may_be_named_in_many_ways(wish: str) -> None:
    desk = Desk()
    await desk.reply(f"/language {wish}")
    assert (await desk.person()).language == "zh"


async def test_an_unknown_language_lists_the_known() -> None:
    assert "中文" in await Desk().text("/language tlh")


async def test_model_is_offered_chosen_and_given_back() -> None:
    desk = Desk()
    offered = await desk.reply("/model")
    assert "**tiny**" in offered.text
    assert [b.data for b in offered.buttons] == ["cmd:/model tiny", "cmd:/model big", "cmd:/model #3"]
    assert all(len(b.data.encode()) <= 64 for b in offered.buttons)
    assert "**big**" in await desk.text(offered.buttons[1].data)
    assert (await desk.conversation()).model == "big"
    await desk.reply(offered.buttons[2].data)
    assert (await desk.conversation()).model == LONG
    assert "**tiny**" in await desk.text("/model default")
    assert (await desk.conversation()).model == ""


@pytest.mark.parametrize(
    ("wish", "told"), [("bgi", "`big`"), ("zzz", "`tiny`"), ("#4", "`tiny`"), ("#0", "`tiny`")]
)
async def test_an_unknown_model_is_told_and_changes_nothing(wish: str, told: str) -> None:
    desk = Desk()
    assert told in await desk.text(f"/model {wish}")
    assert (await desk.conversation()).model == ""


async def test_persona_is_chosen_and_given_back() -> None:
    desk = Desk()
    assert "`pirate`" in await desk.text("/persona")
    assert "**pirate**" in await desk.text("/settings persona pirate")
    assert (await desk.conversation()).persona == "pirate"
    assert "top_p`: `0.5`" in await desk.text("/settings")
    assert "`pirate`" in await desk.text("/persona parrot")
    await desk.reply("/persona default")
    assert (await desk.conversation()).persona == ""
    assert "no personas" in await Desk(personas={}).text("/persona")


async def test_sampling_is_shown_changed_and_given_back() -> None:
    desk = Desk()
    assert "`temperature`: `0.7`" in await desk.text("/settings")
    assert "`0.3`" in await desk.text("/settings temperature 0.3")
    await desk.reply("/settings max_tokens 50")
    await desk.reply("/settings stop END STOP")
    assert (await desk.conversation()).settings["sampling"] == {
        "temperature": 0.3,
        "max_tokens": 50,
        "stop": ["END", "STOP"],
    }
    assert "`temperature`: `0.3`" in await desk.text("/settings")
    await desk.reply("/settings temperature default")
    assert "`temperature`: `0.7`" in await desk.text("/settings")
    assert "`max_tokens`: `50`" in await desk.text("/settings")
    await desk.reply("/settings reset")
    assert "50" not in await desk.text("/settings")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("temperature 3", "0 ≤ temperature ≤ 2"),
        ("temperature warm", "0 ≤ temperature ≤ 2"),
        ("temperature nan", "0 ≤ temperature ≤ 2"),
        ("top_p 0", "0 < top_p ≤ 1"),
        ("top_k 1.5", "a whole number, -1 ≤ top_k"),
        ("max_tokens 0", "1 ≤ max_tokens"),
        ("seed x", "a whole number, any"),
        ("stop a b c d e", "up to 4 words"),
        ("temprature 1", "`temperature`"),
        ("zzz 1", "`temperature`"),
        ("temperature", "/settings temperature"),
    ],
)
async def test_a_wrong_setting_is_told_with_what_is_allowed(data: str, told: str) -> None:
    desk = Desk()
    assert told in await desk.text(f"/settings {data}")
    assert (await desk.conversation()).settings == {}


CHANGES = [
    "/new",
    "/model big",
    "/persona pirate",
    "/settings temperature 1",
    "/settings reset",
    "/settings model big",
]


@pytest.mark.parametrize("data", CHANGES)
async def test_in_a_group_only_operators_change_what_holds_for_all(data: str) -> None:
    denied = CATALOGUE.say("en", "group.operators")
    desk = Desk(private=False)
    before = await desk.conversation()
    assert await desk.text(data) == denied
    assert await desk.conversation() == before
    assert await Desk(PersonRole.OPERATOR, private=False).text(data) != denied


@pytest.mark.parametrize("data", ["/model", "/persona", "/settings", "/language", "/help", "/whoami"])
async def test_in_a_group_everybody_may_look(data: str) -> None:
    assert await Desk(private=False).text(data) != CATALOGUE.say("en", "group.operators")


async def test_whoami_tells_role_and_ids() -> None:
    desk = Desk(PersonRole.OPERATOR)
    text = await desk.text("/whoami")
    assert "Ann" in text
    assert "operator" in text
    assert (await desk.person()).id in text


async def test_whoami_lists_all_accounts_in_private_and_only_the_asking_one_in_a_group() -> None:
    desk = Desk()
    code = await desk.people.link((await desk.person()).id, expires_at=9e9)
    await desk.people.redeem("elsewhere", Sender("u2"), code)
    assert "on elsewhere: `u2`" in await desk.text("/whoami")
    desk.private = False
    shown = await desk.text("/whoami")
    assert "on test: `u1`" in shown
    assert "u2" not in shown


async def test_a_link_code_works_once_for_a_quarter_of_an_hour() -> None:
    desk = Desk()
    text = await desk.text("/link")
    assert "15 minutes" in text
    code = re.findall(r"`([\w-]{22,32})`", text)[0]
    assert f"/start {code}" in text
    assert desk.memory.invites[code]["expires_at"] == FakeClock().time() + 900
    assert (await desk.people.redeem("test", Sender("u2"), code)).linked
    assert await desk.text(f"/link {code}") == CATALOGUE.say("en", "link.code")


async def test_an_account_is_taken_off_unless_it_is_the_only_one() -> None:
    desk = Desk()
    person = await desk.person()
    assert await desk.text("/unlink") == CATALOGUE.say("en", "unlink.only")
    code = await desk.people.link(person.id, expires_at=9e9)
    await desk.people.redeem("test", Sender("u2"), code)
    assert await desk.text("/unlink") == CATALOGUE.say("en", "unlink.done")
    assert (await desk.person()).id != person.id


async def test_an_invite_lets_somebody_in_once_with_its_role() -> None:
    desk = Desk(PersonRole.OWNER)
    for wish, role in (("", PersonRole.MEMBER), (" operator", PersonRole.OPERATOR)):
        code = re.findall(r"`([\w-]{22,32})`", await desk.text(f"/invite{wish}"))[0]
        entered = await desk.people.redeem("test", Sender(f"new{wish}"), code)
        assert entered.person.role is role


@pytest.mark.parametrize(
    ("role", "private", "data", "key"),
    [
        (PersonRole.MEMBER, True, "/invite", "invite.denied"),
        (PersonRole.OPERATOR, True, "/invite operator", "invite.owner"),
        (PersonRole.OWNER, True, "/invite owner", "invite.unknown"),
        (PersonRole.OWNER, False, "/invite", "group.private"),
        (PersonRole.MEMBER, False, "/link", "group.private"),
        (PersonRole.MEMBER, False, "/unlink", "group.private"),
    ],
)
async def test_invites_and_links_are_given_by_whom_and_where_they_may(
    role: PersonRole, private: bool, data: str, key: str
) -> None:
    assert await Desk(role, private=private).text(data) == CATALOGUE.say("en", key)


async def test_a_person_is_shut_out_and_let_in_again() -> None:
    desk = Desk(PersonRole.OPERATOR)
    pest = await desk.people.admit("test", Sender("pest", name="Pest"))
    assert await desk.text("/block pest") == CATALOGUE.say("en", "block.done", name="Pest")
    shut_out = await desk.people.get(pest.id)
    assert shut_out is not None
    assert shut_out.role is PersonRole.BLOCKED
    assert await desk.text(f"/unblock {pest.id}") == CATALOGUE.say("en", "block.undone", name="Pest")
    assert await desk.text("/unblock pest") == CATALOGUE.say("en", "block.not_blocked", id=pest.id)
    assert await desk.text("/block nobody") == CATALOGUE.say("en", "block.unknown", id="nobody")


@pytest.mark.parametrize("victim", [PersonRole.OWNER, PersonRole.OPERATOR])
async def test_an_operator_cannot_shut_out_those_who_run_the_bot(victim: PersonRole) -> None:
    desk = Desk(PersonRole.OPERATOR)
    await desk.people.admit("test", Sender("boss"), victim)
    assert await desk.text("/block boss") == CATALOGUE.say("en", "block.protected")
    member = Desk(PersonRole.MEMBER)
    assert await member.text("/block boss") == CATALOGUE.say("en", "block.denied")
    in_group = Desk(PersonRole.OWNER, private=False)
    assert await in_group.text("/block boss") == CATALOGUE.say("en", "group.private")


async def test_a_plugins_command_runs_and_its_failure_is_told() -> None:
    desk = Desk()
    await desk.reply("/model big")
    assert await desk.text("/roll@my_bot 2d6") == "rolled 2d6 on big for dice"
    assert await desk.text("/roll fail") == CATALOGUE.say("en", "command.failed", name="roll")


def test_a_plugin_cannot_take_a_built_in_name() -> None:
    with pytest.raises(SettingsError, match="/help"):
        Desk(plugins=host(Clashing))
