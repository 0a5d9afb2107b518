"""Plugins of all kinds behind a console: one that is well made, hostile ones, slow and broken ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint
from typing import Any, Literal

from pydantic import Field, SecretStr

from bot.errors import FieldsRefused
from bot.plugins.api import Plugin, PluginSettings
from bot.plugins.configured import GROUP
from bot.plugins.desk import Configured, PluginDesk, open_desk
from bot.plugins.pages import (
    Action,
    Button,
    Chart,
    Component,
    ConsolePage,
    Done,
    Download,
    File,
    Form,
    Heading,
    Link,
    Notice,
    PageRequest,
    Row,
    Series,
    Stat,
    Stats,
    Table,
    Text,
    Upload,
)
from bot.ports import Clock, KeyValue
from bot.sealing import Sealer
from bot.types import ConsoleRole, FieldKind, FormField
from tests.fakes import FakeClock, FakeKeyValue
from tests.fakes_control import a_sealer
from tests.fakes_search import FakeSearch

HOSTILE = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


class Shop(Plugin):
    """Brings a page of every component; texts are hostile."""

    class Settings(PluginSettings):
        greeting: str = Field("hello", min_length=1, max_length=20, description="What it says first.")
        size: int = Field(3, ge=1, le=9)
        share: float = Field(0.5, gt=0, lt=1)
        loud: bool = False
        colour: Literal["red", "blue"] = "red"
        words: tuple[str, ...] = Field((), max_length=3)
        key: SecretStr = SecretStr("")
        table: dict[str, int] = Field({"a": 1}, description="Too much for a form.")

    settings: Settings

    def pages(self) -> Sequence[ConsolePage]:
        def fields(request: PageRequest) -> Sequence[FormField]:
            return (
                FormField("name", FieldKind.TEXT, "Name", HOSTILE, required=True, maximum=20),
                FormField("count", FieldKind.NUMBER, "Count", minimum=1, maximum=9, whole=True),
                FormField("code", FieldKind.SECRET, "Code", required=True, is_set=True),
                FormField("file", FieldKind.FILE, "File", maximum=1_000),
            )

        actions = {
            "sell": Action(self.sell, fields),
            "bill": Action(self.bill),
            "drop": Action(self.drop, lambda request: (FormField("name", FieldKind.TEXT),)),
            "break": Action(self.fail),
        }
        title = {"en": f"Shop {HOSTILE}", "zh": "商店"}
        return (
            ConsolePage("goods", title, self.goods, actions=actions),
            ConsolePage("till", {"en": "Till"}, self.till, role=ConsoleRole.OWNER, actions=actions),
            ConsolePage("broken", {"en": "Broken"}, self.broken),
            ConsolePage("slow", {"en": "Slow"}, self.slow),
            ConsolePage("odd", {"en": "Odd"}, self.odd),
        )

    async def goods(self, request: PageRequest) -> Sequence[Component]:
        rows = (
            Row((HOSTILE, Link("Till", "till", {"x": "1&2"})), (Button("Drop", "drop", {"name": HOSTILE}),)),
            Row(("b", Link(HOSTILE, address="javascript:window.hacked=1")), ()),
        )
        after = () if request.after else (Button("Ask", "drop", {"name": "x"}, sure=HOSTILE, tone="bad"),)
        return (
            Heading(HOSTILE),
            Text(f"**bold** {HOSTILE} [x](javascript:window.hacked=1)"),
            Notice(HOSTILE, "warning"),
            Link("Elsewhere", address="https://example.org/?a=1&b=2"),
            Stats((Stat(HOSTILE, "12", "more"),)),
            Table(("What", HOSTILE), rows, "" if request.after else "key 2&3", "none"),
            Form("sell", "Sell", "Sell it", {"name": request.query.get("name", "")}),
            Chart("Sales", (Series(HOSTILE, ((0.0, 1.0), (60.0, 3.0))), Series("none", ())), "pieces"),
            Download("Bill", "bill", {}),
            *after,
        )

    async def till(self, request: PageRequest) -> Sequence[Component]:
        return (Heading("Money"),)

    async def broken(self, request: PageRequest) -> Sequence[Component]:
        raise RuntimeError(HOSTILE)

    async def slow(self, request: PageRequest) -> Sequence[Component]:
        await asyncio.Event().wait()
        return ()

    async def odd(self, request: PageRequest) -> Sequence[Component]:
        return ("<b>",)  # type: ignore[return-value]

    async def sell(self, request: PageRequest, values: Mapping[str, Any]) -> Done:
        if values["name"] == "nothing":
            raise FieldsRefused({"name": "is sold out", "": "come back"})
        file = values["file"]
        size = len(file.content) if isinstance(file, Upload) else 0
        return Done(Notice(f"{request.account} sold {values['name']} {values['count']} {size}", "good"))

    async def bill(self, request: PageRequest, values: Mapping[str, Any]) -> Done:
        return Done(file=File('../b"ill\r\n.html', b"<script>window.hacked=1</script>", "text/html\r\nX: y"))

    async def drop(self, request: PageRequest, values: Mapping[str, Any]) -> Done:
        return Done()

    async def fail(self, request: PageRequest, values: Mapping[str, Any]) -> Done:
        raise RuntimeError("no till")


@asynccontextmanager
async def running(
    clock: Clock | None = None,
    configured: Configured | None = None,
    search: FakeSearch | None = None,
    *,
    store: KeyValue | None = None,
    sealer: Sealer | None = None,
) -> AsyncIterator[PluginDesk]:
    """The desk of the shop and the built-in plugin, started."""
    known = [
        EntryPoint("shop", f"{__name__}:Shop", GROUP),
        EntryPoint("qa", "bot.plugins.qa:Plugin", GROUP),
    ]
    desk = await open_desk(
        configured or Configured({}),
        search=search or FakeSearch(),
        store=store or FakeKeyValue(),
        sealer=sealer or a_sealer(),
        clock=clock or FakeClock(),
        seconds=10,
        entries=known,
    )
    async with desk.host.lifespan():
        yield desk
