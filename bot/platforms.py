"""Which platforms run, and what each is given: a part of the composition root."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.audience import roles_of
from bot.compose import App
from bot.console import console_deps
from bot.errors import ModelError, StorageError
from bot.groups import THREADS, choice
from bot.opening import Stores
from bot.personal import delete_person, export_person
from bot.places import Places
from bot.plugins.api import PluginContext, Scoped
from bot.ports import Clock, Telemetry
from bot.settings import Access, Settings
from bot.suggestions import Suggestions
from bot.types import (
    Address,
    Citation,
    Conversation,
    Event,
    EventKind,
    Pace,
    Part,
    Passage,
    PersonRole,
    Sender,
)

if TYPE_CHECKING:
    from adapters.discord.adapter import DiscordAdapter
    from adapters.discord.deps import Limits
    from adapters.telegram.adapter import TelegramAdapter
    from adapters.web.adapter import WebAdapter
    from adapters.web.channel import WebChannel
    from adapters.web.deps import Check, Hook, WebDeps
    from adapters.web.metrics import PrometheusTelemetry
    from inference.registry import Registry

BURST = 3
"""Calls to one chat that may come at once, where its rate allows them by and by."""


def web_adapter(
    settings: Settings,
    stores: Stores,
    models: Registry,
    telemetry: Telemetry,
    clock: Clock,
    *,
    metrics: PrometheusTelemetry,
    hooks: Mapping[str, Hook],
    checks: Mapping[str, Check],
    app: Callable[[], App],
    links: Callable[[], Mapping[str, str]] = dict,
) -> WebAdapter:
    """The page, its API, health and metrics. `app` gives the running core; it is not asked before the
    intake runs. `links`: of each platform, the link that begins a chat with a code, "" without one."""
    from adapters.web.adapter import WebAdapter
    from adapters.web.deps import WebDeps
    from adapters.web.files import Files

    limit = settings.web_upload_limit
    files = Files(settings.files, clock, limit=limit, total=settings.web_files_total) if limit else None

    async def passage(visitor: str, citation: Citation) -> Passage | None:
        person = await stores.people.find("web", visitor)
        roles = roles_of(Sender(visitor), person) if person is not None else ()
        return await stores.search.passage(citation.passage_id, citation.source, roles=roles)

    async def deps(channel: WebChannel, put: Callable[[Event], Awaitable[bool]]) -> WebDeps:
        return WebDeps(
            put=put,
            pending=stores.inbox.pending,
            turns=stores.turns,
            conversations=stores.conversations,
            people=stores.people,
            own=stores.own,
            shares=stores.shares,
            export_person=partial(export_person, app()),
            delete_person=partial(delete_person, app()),
            channel=channel,
            clock=clock,
            telemetry=telemetry,
            secret=(secret := await _secret(stores)),
            loopback=_is_loopback(settings.web_host),
            access="open" if settings.access is Access.OPEN else "invite",
            checks={"database": _database_check(stores), "model": _model_check(models), **checks},
            metrics=metrics,
            hooks=hooks,
            suggestions=settings.suggestions,
            files=files,
            passage=passage,
            console=console_deps(app(), secret, links, models=models, telemetry=telemetry),
            links=links,
            widget_origins=settings.web_widget_origins,
            sees=lambda: models.default().sees,
        )

    thoughts = settings.web_thoughts
    return WebAdapter(
        clock, host=settings.web_host, port=settings.web_port, deps=deps, files=files, thoughts=thoughts
    )


def telegram_adapter(
    settings: Settings,
    stores: Stores,
    telemetry: Telemetry,
    clock: Clock,
    app: Callable[[], App],
    *,
    holder: str,
) -> TelegramAdapter:
    """The bot of the token. `app` gives the running core; it is not asked before the intake runs.
    `holder` is this process's name in leases (`bot.instance`).

    Raises SettingsError.
    """
    from adapters.telegram.adapter import TelegramAdapter
    from adapters.telegram.deps import Limits, TelegramDeps

    def menu(language: str, *, runs_bot: bool = False) -> Sequence[tuple[str, str]]:
        return app().commands.menu(language, runs_bot=runs_bot)

    def owners(language: str) -> Sequence[tuple[str, str]]:
        return [command for command in menu(language, runs_bot=True) if command not in menu(language)]

    async def search(sender: Sender, query: str) -> Sequence[Passage] | None:
        return await _passages(app(), Address("telegram", "", "inline"), sender, query)

    def say(language: str, key: str) -> str:
        return app().catalogue.say(language, key)

    chat = Pace(BURST, BURST / settings.telegram_chat_rate)
    limits = Limits(
        private=(chat,),
        group=(Pace(settings.telegram_group_rate, 60.0), chat),
        account=(Pace(settings.telegram_rate, 1.0),),
        private_edit_interval=1 / settings.telegram_chat_rate,
        group_edit_interval=max(60 / settings.telegram_group_rate, 1 / settings.telegram_chat_rate) + 1,
    )
    deps = TelegramDeps(
        token=settings.telegram_token.get_secret_value(),
        api_url=settings.telegram_api_url,
        mode=settings.telegram_mode,
        webhook_url=settings.telegram_webhook_url,
        clock=clock,
        telemetry=telemetry,
        store=Scoped(stores.values, "telegram", ""),
        leases=stores.leases,
        holder=holder,
        commands=menu,
        group_commands=lambda language: app().commands.group_menu(language, admin=False),
        admin_commands=lambda language: app().commands.group_menu(language, admin=True),
        owner_commands=owners,
        owner_chat=lambda: stores.people.owner("telegram"),
        languages=("en", *(tag for tag, _ in _languages() if tag != "en")),
        say=say,
        search=search,
        limits=limits,
        drafts=settings.telegram_drafts,
        seen=settings.telegram_seen,
    )
    return TelegramAdapter(deps)


def discord_adapter(
    settings: Settings,
    stores: Stores,
    telemetry: Telemetry,
    clock: Clock,
    app: Callable[[], App],
    *,
    holder: str,
    limits: Limits | None = None,
) -> DiscordAdapter:
    """The bot of the token. `app` and `holder` as for Telegram; `limits`: other than Discord's own.
    Raises SettingsError."""
    from adapters.discord.adapter import DiscordAdapter
    from adapters.discord.deps import DiscordDeps, Limits

    async def in_threads(event: Event) -> bool:
        places = Places(app().stores.conversations)
        rules = await places.find(event) or await places.around(event)
        return rules is not None and choice(rules, THREADS) == "on"

    async def suggest(event: Event) -> Sequence[str]:
        core = app()
        suggestions = Suggestions(
            core.commands,
            stores.people,
            stores.search,
            core.plugins.collections(),
            access=settings.access,
        )
        return await suggestions.find(event)

    deps = DiscordDeps(
        token=settings.discord_token.get_secret_value(),
        api_url=settings.discord_api_url,
        clock=clock,
        telemetry=telemetry,
        store=Scoped(stores.values, "discord", ""),
        leases=stores.leases,
        holder=holder,
        commands=lambda language: app().commands.menu(language, runs_bot=True),
        languages=("en", *(tag for tag, _ in _languages() if tag != "en")),
        say=lambda language, key: app().catalogue.say(language, key),
        suggest=suggest,
        thread_mode=in_threads,
        message_content=settings.discord_message_content,
        allow_bots=settings.discord_allow_bots,
        shards=settings.discord_shards,
        backfill_limit=settings.discord_backfill,
        seen=settings.discord_seen,
        limits=limits or Limits(),
    )
    return DiscordAdapter(deps)


def _languages() -> list[tuple[str, str]]:
    from bot.locale import Catalogue

    return Catalogue.load().languages()


async def _passages(app: App, where: Address, sender: Sender, query: str) -> Sequence[Passage] | None:
    """What the plugins find in the documents for somebody's words; None if they may not ask."""
    person = await app.stores.people.find(where.platform, sender.id)
    if person is None and app.settings.access is Access.OPEN:
        person = await app.stores.people.admit(where.platform, sender)
    if person is None or person.role is PersonRole.BLOCKED:
        return None
    if not query:
        return ()
    conversation = Conversation(0, where)
    context = PluginContext(
        event=Event("inline", EventKind.MESSAGE, where, sender, parts=(Part(text=query),), private=False),
        person=person,
        conversation=conversation,
        history=(),
        model=app.models.default(),
        language=app.catalogue.pick(person.language, sender.language),
        person_store=app.plugins.store_of(person),
        conversation_store=app.plugins.store_of(conversation),
        clock=app.clock,
    )
    return [passage for added in await app.plugins.gather(context) for passage in added.passages]


async def _secret(stores: Stores) -> bytes:
    """Signs cookies: made once, the same for every replica of a database."""
    stored = await stores.values.get("web", "", "cookie_secret")
    if not isinstance(stored, str):
        await stores.values.put("web", "", "cookie_secret", secrets.token_hex(32))
        stored = await stores.values.get("web", "", "cookie_secret")
    return bytes.fromhex(stored)


def _database_check(stores: Stores) -> Callable[[], Awaitable[tuple[bool, str]]]:
    async def check() -> tuple[bool, str]:
        try:
            await stores.values.get("web", "", "cookie_secret")
        except StorageError as error:
            return False, str(error)
        return True, "answers"

    return check


def _model_check(models: Registry) -> Callable[[], Awaitable[tuple[bool, str]]]:
    async def check() -> tuple[bool, str]:
        states = await models.refresh()
        broken = [f"{host}: {error}" for host, error in states if isinstance(error, ModelError)]
        if broken and len(broken) == len(states):
            return False, "; ".join(broken)
        return True, models.default().name

    return check


def state_check(adapter: Any) -> Callable[[], Awaitable[tuple[bool, str]]]:
    """Whether a platform's intake works, by the adapter's own word."""

    async def check() -> tuple[bool, str]:
        state = adapter.state
        return not state.error, state.error or f"@{state.username}"

    return check


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
