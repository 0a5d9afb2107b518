"""Secrets that the console sets for plugins are in no database, copy or log in the clear."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, Secret, SecretBytes, SecretStr, model_validator
from sqlalchemy import text

from bot.errors import FieldsRefused, SealError, StorageFull
from bot.plugins.api import Context, Plugin, PluginContext, PluginSettings
from bot.plugins.configured import GROUP
from bot.plugins.desk import Configured, PluginDesk, open_desk
from bot.plugins.host import PluginHost
from bot.ports import KeyValue
from bot.sealing import FILE, KEY_BYTES, Sealer
from bot.types import FieldKind, Origin
from storage.backup import copy_to
from storage.db import Database, open_database
from storage.keyvalue import SqlKeyValue
from tests.fakes import FakeClock, FakeKeyValue
from tests.fakes_control import NOWHERE, a_sealer
from tests.fakes_core import make_context
from tests.fakes_search import FakeSearch

CANARY = "qz7canary3wx"
POSTED = {"greeting": "hi", "key": CANARY, "code": f"{CANARY}-bytes", "pin": "", "spare": "", "signed": ""}
OLD, NEW = b"o" * KEY_BYTES, b"n" * KEY_BYTES


class Vault(Plugin):
    """Its context is what its settings are."""

    class Settings(PluginSettings):
        greeting: str = "hello"
        key: SecretStr = SecretStr("")
        code: SecretBytes = SecretBytes(b"")
        pin: Secret[int] = Secret(0)
        spare: SecretStr | None = None
        signed: bool = False

        @model_validator(mode="after")
        def _whole(self) -> Vault.Settings:
            if self.signed and not self.key.get_secret_value():
                raise ValueError("signing needs the key")
            return self

    settings: Settings

    async def context(self, context: PluginContext) -> Context:
        s = self.settings
        spare = s.spare and s.spare.get_secret_value()
        own = (s.key.get_secret_value(), s.code.get_secret_value().decode(), s.pin.get_secret_value(), spare)
        return Context(f"{s.greeting} {own}")


class Plain(Plugin):
    """What the vault was before its author knew that its settings are secrets."""

    class Settings(PluginSettings):
        greeting: str = "hello"
        key: str = ""


class Deep(BaseModel, extra="forbid"):
    token: SecretStr = SecretStr("")


class Odd(Vault):
    """Its secrets are known by their types alone, and one lies within a table of the file."""

    class Settings(Vault.Settings):
        door: Secret[int] | None = None
        word: Annotated[Secret[str], Field(title="Word")] | None = None
        deep: Deep = Deep()
        deeper: list[Deep] = Field([], max_length=1)


class Stage:
    """A desk over one store, opened as often as the service starts."""

    def __init__(self, store: KeyValue | None = None, sealer: Sealer | None = None) -> None:
        self.store = store or FakeKeyValue()
        self.sealer = sealer or a_sealer()
        self.configured = Configured({})
        self.kind: type[Plugin] | None = Vault
        self.host: PluginHost

    @asynccontextmanager
    async def running(self) -> AsyncIterator[PluginDesk]:
        """As the service does it."""
        kind = self.kind
        desk = await open_desk(
            self.configured,
            search=FakeSearch(),
            store=self.store,
            sealer=self.sealer,
            clock=FakeClock(),
            seconds=10,
            entries=[EntryPoint("vault", f"{__name__}:{kind.__name__}", GROUP)] if kind else [],
        )
        self.host = desk.host
        async with self.host.lifespan():
            await desk.seal()
            yield desk

    async def said(self) -> str:
        [context] = await self.host.gather(make_context(self.host, FakeClock()))
        return context.text

    async def record(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.store.get("core", "", "plugin:vault")
        return found


async def unsealed(store: KeyValue, **settings: Any) -> None:
    """As an earlier version has stored it."""
    await store.put("core", "", "plugin:vault", {"settings": settings})


def held(folder: Path) -> list[str]:
    """The files that have the secret."""
    files = [path for path in folder.iterdir() if path.is_file()]
    assert files
    return [path.name for path in files if CANARY.encode() in path.read_bytes()]


async def everything(db: Database) -> str:
    """All rows of all tables."""

    def read(connection: Any) -> str:
        names = connection.dialect.get_table_names(connection)
        return repr([connection.execute(text(f'SELECT * FROM "{name}"')).all() for name in names])

    return await db.read(read)


async def test_a_secret_is_in_no_row_no_file_and_no_copy_and_holds_after_a_restart(
    db: Database, tmp_path: Path
) -> None:
    stage = Stage(SqlKeyValue(db), Sealer((), tmp_path / "key" / FILE))
    async with stage.running() as desk:
        await desk.configure("vault", {**POSTED, "pin": "4711"})
        assert await stage.said() == f"hi ('{CANARY}', '{CANARY}-bytes', 4711, None)"
        record = await stage.record()
        assert record["settings"] == {"greeting": "hi"}
        assert set(record["sealed"]) == {"key", "code", "pin"}
    async with stage.running():
        assert await stage.said() == f"hi ('{CANARY}', '{CANARY}-bytes', 4711, None)"
    rows = await everything(db)
    assert "plugin:vault" in rows
    assert CANARY not in rows
    await copy_to(db, tmp_path / "copy.db", lambda: None)
    assert not await asyncio.to_thread(held, tmp_path)


async def test_what_was_stored_unsealed_is_sealed_at_the_next_start_and_leaves_the_files(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_database(sqlite_url) as db:
        await unsealed(SqlKeyValue(db), greeting="hi", key=CANARY, spare=None)
    assert held(tmp_path) == ["tertulia.db"]
    async with open_database(sqlite_url) as db:
        stage = Stage(SqlKeyValue(db))
        async with stage.running():
            assert await stage.said() == f"hi ('{CANARY}', '', 0, None)"
            record = await stage.record()
            assert (record["settings"], set(record["sealed"])) == ({"greeting": "hi", "spare": None}, {"key"})
            async with stage.running():
                assert await stage.record() == record
    assert not held(tmp_path)


@pytest.mark.parametrize("how", ["disabled", "gone"])
async def test_of_a_plugin_that_does_not_run_all_that_was_stored_unsealed_is_sealed(how: str) -> None:
    stage = Stage()
    await unsealed(stage.store, greeting="hi", key=CANARY)
    if how == "gone":
        stage.kind = None
    else:
        stage.configured = Configured({}, fixed=("vault",))
    async with stage.running():
        assert CANARY not in json.dumps(await stage.record())
    stage.kind, stage.configured = Vault, Configured({})
    async with stage.running() as desk:
        assert await stage.said() == f"hi ('{CANARY}', '', 0, None)"
        assert desk.form("vault")[0].value == "hi"
        await desk.configure("vault", {**POSTED, "greeting": "hey", "key": ""})
        assert (await stage.record())["settings"] == {"greeting": "hey"}
        assert await stage.said() == f"hey ('{CANARY}', '{CANARY}-bytes', 0, None)"


async def test_a_setting_that_becomes_a_secret_is_sealed_once_its_plugin_says_so() -> None:
    stage = Stage()
    stage.kind = Plain
    async with stage.running() as desk:
        await desk.configure("vault", {"greeting": "hi", "key": CANARY})
        assert (await stage.record())["settings"]["key"] == CANARY
    stage.kind = Vault
    async with stage.running():
        assert CANARY not in json.dumps(await stage.record())
        assert CANARY in await stage.said()


async def test_without_its_key_a_secret_is_asked_for_again_and_all_else_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = Stage(sealer=a_sealer(OLD))
    async with stage.running() as desk:
        await desk.configure("vault", POSTED)
    for sealer in (a_sealer(NEW), Sealer((), NOWHERE)):
        stage.sealer = sealer
        before = await stage.record()
        async with stage.running() as desk:
            assert await stage.said() == "hi ('', '', 0, None)"
            [state] = desk.states()
            assert (state.status, state.unreadable) == ("running", ("code", "key"))
            fields = {field.name: field for field in desk.form("vault")}
            assert [name for name, field in fields.items() if field.unreadable] == ["key", "code"]
            assert (fields["greeting"].value, fields["greeting"].origin) == ("hi", Origin.CONSOLE)
        assert await stage.record() == before
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 4
    assert "Set it again in the console, or bring its key back" in told[0]
    assert CANARY not in caplog.text
    stage.sealer = a_sealer(OLD)
    async with stage.running() as desk:
        assert desk.states()[0].unreadable == ()
        assert await stage.said() == f"hi ('{CANARY}', '{CANARY}-bytes', 0, None)"


async def test_secrets_are_set_again_one_by_one_cleared_or_given_up_with_all_else() -> None:
    stage = Stage(sealer=a_sealer(OLD))
    async with stage.running() as desk:
        await desk.configure("vault", POSTED)
    stage.sealer = a_sealer(NEW)
    again = {**POSTED, "key": "", "code": ""}
    async with stage.running() as desk:
        await desk.configure("vault", {**again, "greeting": "hey"})
        assert desk.states()[0].unreadable == ("code", "key")
        await desk.disable("vault")
        await desk.enable("vault")
        assert desk.states()[0].unreadable == ("code", "key")
        await desk.configure("vault", {**again, "key": "fresh"})
        assert desk.states()[0].unreadable == ("code",)
        assert await stage.said() == "hi ('fresh', '', 0, None)"
    async with stage.running() as desk:
        assert desk.states()[0].unreadable == ("code",)
        assert await stage.said() == "hi ('fresh', '', 0, None)"
        await desk.configure("vault", again, cleared=["code"])
        assert desk.states()[0].unreadable == ()
        assert await stage.said() == "hi ('fresh', '', 0, None)"
        await desk.reset("vault")
        assert (await stage.record())["sealed"] == {}
        assert await stage.said() == "hello ('', '', 0, None)"


async def test_settings_that_need_a_lost_secret_are_kept_in_the_form_until_it_is_there() -> None:
    stage = Stage(sealer=a_sealer(OLD))
    async with stage.running() as desk:
        await desk.configure("vault", {**POSTED, "signed": "on"})
    stage.sealer = a_sealer(NEW)
    async with stage.running() as desk:
        assert await stage.said() == "hello ('', '', 0, None)"
        fields = {field.name: field for field in desk.form("vault")}
        assert (fields["greeting"].value, fields["signed"].value) == ("hi", True)
        assert {field.value for field in fields.values() if field.kind is FieldKind.SECRET} == {None}
        await desk.configure("vault", {**POSTED, "signed": "on", "key": "fresh", "code": ""})
        assert await stage.said() == "hi ('fresh', '', 0, None)"


async def test_a_newer_key_seals_anew_at_the_start_and_the_older_can_go() -> None:
    stage = Stage(sealer=a_sealer(OLD))
    async with stage.running() as desk:
        await desk.configure("vault", POSTED)
        await desk.disable("vault")
    sealed = (await stage.record())["sealed"]
    stage.sealer = a_sealer(NEW, OLD)
    async with stage.running():
        anew = (await stage.record())["sealed"]
        assert anew.keys() == sealed.keys()
        assert not set(anew.values()) & set(sealed.values())
    stage.sealer = a_sealer(NEW)
    async with stage.running() as desk:
        await desk.enable("vault")
        assert await stage.said() == f"hi ('{CANARY}', '{CANARY}-bytes', 0, None)"


async def test_a_sealed_secret_that_is_moved_is_no_secret_there() -> None:
    stage = Stage()
    async with stage.running() as desk:
        await desk.configure("vault", POSTED)
    record = await stage.record()
    sealed: Mapping[str, str] = record["sealed"]
    await stage.store.put(
        "core", "", "plugin:vault", {**record, "sealed": {"spare": sealed["key"], "code": 3}}
    )
    async with stage.running() as desk:
        assert desk.states()[0].unreadable == ("code", "spare")
        assert await stage.said() == "hi ('', '', 0, None)"


async def test_where_a_secret_cannot_be_sealed_nothing_is_kept_and_the_plugin_goes_on_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "home").write_text("no folder")
    stage = Stage(sealer=Sealer((), tmp_path / "home" / FILE))
    await unsealed(stage.store, greeting="hi", key=CANARY)
    before = await stage.record()
    async with stage.running() as desk:
        assert await stage.said() == f"hi ('{CANARY}', '', 0, None)"
        with pytest.raises(SealError, match="Not a directory") as refused:
            await desk.configure("vault", {**POSTED, "key": f"{CANARY}2"})
        assert CANARY not in str(refused.value)
        assert await stage.said() == f"hi ('{CANARY}', '', 0, None)"
        assert await stage.record() == before
        await desk.disable("vault")
    assert "lie in the database as they were" in caplog.text
    assert CANARY not in caplog.text
    stage.sealer = a_sealer()
    async with stage.running():
        assert CANARY not in json.dumps(await stage.record())


async def test_a_full_disk_at_the_start_hinders_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Full(FakeKeyValue):
        async def put(self, plugin: str, scope: str, key: str, value: Any) -> None:
            raise StorageFull("no room")

    store = FakeKeyValue()
    await unsealed(store, greeting="hi", key=CANARY)
    stage = Stage(Full(store.memory))
    async with stage.running():
        assert await stage.said() == f"hi ('{CANARY}', '', 0, None)"
    assert "as they were: no room" in caplog.text


async def test_a_secret_of_any_type_is_sealed_when_it_is_first_set_and_kept_without_its_key() -> None:
    stage = Stage(sealer=a_sealer(OLD))
    stage.kind = Odd
    odd = {**POSTED, "door": "4711", "word": CANARY}
    async with stage.running() as desk:
        assert {f.name for f in desk.form("vault") if f.kind is FieldKind.SECRET} >= {"door", "word", "spare"}
        await desk.configure("vault", odd)
        record = await stage.record()
        assert record["settings"] == {"greeting": "hi"}
        assert record["sealed"].keys() == {"key", "code", "door", "word"}
    stage.sealer = a_sealer(NEW)
    async with stage.running() as desk:
        await desk.configure("vault", {**odd, "key": "", "code": "", "door": "", "word": ""})
        assert (await stage.record())["sealed"] == record["sealed"]


async def test_of_settings_that_do_not_fit_without_a_lost_secret_no_other_secret_is_shown() -> None:
    stage = Stage(sealer=a_sealer(OLD))
    stage.kind = Odd
    stage.configured = Configured({"vault": {"deep": {"token": CANARY}, "door": 4711}})
    async with stage.running() as desk:
        await desk.configure("vault", {**POSTED, "signed": "on"})
    stage.sealer = a_sealer(NEW)
    async with stage.running() as desk:
        form = {field.name: field for field in desk.form("vault")}
        assert (form["signed"].value, form["greeting"].value) == (True, "hi")
        assert (form["deep"].value, form["door"].value) == ('{\n  "token": "**********"\n}', None)
        assert not re.search(CANARY, repr(form))


async def test_of_a_table_that_does_not_fit_no_secret_is_shown() -> None:
    stage = Stage()
    stage.kind = Odd
    tokens = [{"token": CANARY}, {"token": CANARY}]
    table = {"deep": {"token": CANARY, "more": 1}, "deeper": tokens, "greeting": 3, "door": CANARY}
    stage.configured = Configured({"vault": table}, fixed=("vault",))
    async with stage.running() as desk:
        form = {field.name: field for field in desk.form("vault")}
    assert form["greeting"].value == 3
    assert not re.search(CANARY, repr(form))


async def test_no_error_about_a_secret_tells_it() -> None:
    stage = Stage()
    async with stage.running() as desk:
        with pytest.raises(FieldsRefused) as refused:
            await desk.configure("vault", {**POSTED, "pin": CANARY})
        assert set(refused.value.fields) == {"pin"}
        assert not re.search(CANARY, repr(refused.value))
