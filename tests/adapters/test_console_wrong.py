"""A form in the Chinese console says what is wrong with it in Chinese, whatever pydantic found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from importlib.metadata import EntryPoint
from typing import Annotated

import pytest
from pydantic import Field, HttpUrl

from bot.plugins.api import Plugin, PluginSettings
from bot.plugins.configured import GROUP
from bot.plugins.desk import Configured, PluginDesk, open_desk
from bot.types import ConsoleRole
from tests.adapters.console_core import shown, site
from tests.fakes import FakeClock, FakeKeyValue
from tests.fakes_control import a_sealer
from tests.fakes_search import FakeSearch

FITS = {"address": "https://example.org", "begins": "2026-01-01", "code": "a", "step": "5", "days": ""}
PAGE = "/console/plugins/calendar"


class Calendar(Plugin):
    class Settings(PluginSettings):
        address: HttpUrl = HttpUrl("https://example.org")
        begins: date = date(2026, 1, 1)
        code: Annotated[str, Field(pattern="^[a-z]+$")] = "a"
        step: Annotated[int, Field(multiple_of=5)] = 5
        days: tuple[Annotated[int, Field(le=31)], ...] = ()


@asynccontextmanager
async def running() -> AsyncIterator[PluginDesk]:
    desk = await open_desk(
        Configured({}),
        search=FakeSearch(),
        store=FakeKeyValue(),
        sealer=a_sealer(),
        clock=FakeClock(),
        seconds=10,
        entries=[EntryPoint("calendar", f"{__name__}:Calendar", GROUP)],
    )
    async with desk.host.lifespan():
        yield desk


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("address", "ftp://example.org", "这不是以 'http', 'https' 开头的地址。"),
        ("address", "nowhere", "这不是网址。"),
        ("begins", "soon", "这不是日期，例如 2026-12-31。"),
        ("code", "A1", "不符合格式 ^[a-z]+$。"),
        ("step", "7", "这不是 5 的倍数。"),
        ("days", "1\n32", "至多 31。"),
        ("other", "x", "没有这个字段。"),
    ],
)
async def test_a_form_says_in_chinese_what_is_wrong(field: str, text: str, said: str) -> None:
    async with running() as desk, site(plugins=desk) as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        operator.client.headers["Accept-Language"] = "zh"
        refused = await operator.post(f"{PAGE}/settings", **{**FITS, field: text})
        assert refused.status_code == 422
        assert said in shown(refused)
        assert "should" not in shown(refused)
