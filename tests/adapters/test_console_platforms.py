"""The platforms' page: states, links, and connecting anew."""

from __future__ import annotations

from dataclasses import replace

from bot.types import ConsoleRole
from tests.adapters.console_core import shown, site
from tests.fakes_service import TELEGRAM, WEB, FakePlatforms

ATTACK = '"><script>window.hacked=1</script>'


async def test_each_platform_tells_how_it_is_and_what_is_not_connected_how_to() -> None:
    async with site() as place:
        viewer = await place.as_role(ConsoleRole.VIEWER)
        page = await viewer.get("/console/platforms")
        part = await viewer.get("/console/platforms", **{"HX-Request": "true"})
    for text in (
        "@tertulia_bot",
        "https://t.me/tertulia_bot",
        "long polling",
        "1,234",
        "TERTULIA_DISCORD_TOKEN",
    ):
        assert text in shown(page)
    assert "TERTULIA_TELEGRAM_TOKEN" not in page.text
    assert "Reconnect" not in page.text
    assert part.text.startswith('<div id="list"')


async def test_an_error_is_told_and_what_a_platform_names_is_text() -> None:
    broken = replace(
        TELEGRAM, account=f"@{ATTACK}", error=f"the token is refused {ATTACK}", platform="matrix"
    )
    async with site(platforms=FakePlatforms(broken)) as place:
        viewer = await place.as_role(ConsoleRole.VIEWER)
        page = await viewer.get("/console/platforms")
    assert ATTACK not in page.text
    assert f"the token is refused {ATTACK}" in shown(page)
    assert "Does not work" in page.text


async def test_an_operator_connects_anew_and_it_is_written_down() -> None:
    platforms = FakePlatforms(replace(TELEGRAM, error="down"), WEB)
    async with site(platforms=platforms) as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        page = await operator.get("/console/platforms")
        response = await operator.post("/console/platforms/reconnect", platform="telegram")
        after = await operator.get(response.headers["location"])
        audited = await place.audited()
    assert page.text.count('action="/console/platforms/reconnect"') == 1
    assert platforms.reconnected == ["telegram"]
    assert "Reconnected." in after.text
    assert audited[0] == ("A operator", "platform.reconnect", "telegram")


async def test_a_refusal_is_told_and_an_unknown_platform_is_nowhere() -> None:
    platforms = FakePlatforms()
    platforms.refusal = "Telegram refuses the token"
    async with site(platforms=platforms) as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        response = await operator.post("/console/platforms/reconnect", platform="telegram")
        unknown = await operator.post("/console/platforms/reconnect", platform="irc")
        nothing = await operator.post("/console/platforms/reconnect")
    assert response.status_code == 409
    assert "Telegram could not be reconnected: Telegram refuses the token" in shown(response)
    assert (unknown.status_code, nothing.status_code) == (404, 404)
    assert platforms.reconnected == []
