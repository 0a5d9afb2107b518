"""The composition root: the one place that sees all rooms of the house."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.access import Gate
from bot.commands import Commands
from bot.delivery import Courier
from bot.dispatcher import Dispatcher
from bot.extensions import plugins_of
from bot.generation import Limits
from bot.groups import Groups
from bot.handler import Handler
from bot.intake import Intakes
from bot.locale import Catalogue
from bot.opening import Stores
from bot.pacing import Pacer
from bot.personas import Personas
from bot.places import Places
from bot.plugins.desk import PluginDesk
from bot.plugins.host import PluginHost
from bot.ports import Adapter, Clock, Models, Telemetry
from bot.settings import Settings
from bot.summaries import Summaries
from bot.takeover import Takeover
from bot.tools import Toolbox
from bot.turn import Rules, Turner
from bot.types import Event, EventKind

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class App:
    """The running core."""

    settings: Settings
    stores: Stores
    models: Models
    personas: Personas
    plugin_desk: PluginDesk
    handler: Handler
    takeover: Takeover
    commands: Commands
    platforms: Intakes
    catalogue: Catalogue
    clock: Clock

    @property
    def plugins(self) -> PluginHost:
        return self.plugin_desk.host

    async def serve(self, adapters: Sequence[Adapter], stop: asyncio.Event) -> None:
        """Until `stop`: take events in, deal with them. Then: no more intake, running turns end
        within the grace time, the rest is checkpointed. Raises what ends the intake."""
        dispatcher = self.handler.dispatcher
        async with self.platforms.lifespan(adapters, self.take_in):
            taking = asyncio.create_task(dispatcher.run(self.stores.inbox.events()))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            taking.cancel()
            drained = asyncio.create_task(dispatcher.drain(self.settings.stop_grace, self.clock.sleep))
        await drained
        with contextlib.suppress(asyncio.CancelledError):
            await taking

    async def take_in(self, event: Event) -> bool:
        """Put what a platform brings; what only the console may say is nothing from there."""
        if event.kind is EventKind.CONSOLE:
            log.error("event %s is refused: no platform speaks for the console", event.key)
            return False
        return await self.stores.inbox.put(event)


@asynccontextmanager
async def compose(
    settings: Settings,
    stores: Stores,
    models: Models,
    adapters: Sequence[Adapter],
    telemetry: Telemetry,
    clock: Clock,
) -> AsyncIterator[App]:
    """The core over the given ports. Raises SettingsError."""
    catalogue = Catalogue.load()
    desk = await plugins_of(settings, search=stores.search, store=stores.values, clock=clock)
    plugins = desk.host
    personas = Personas(settings.personas, settings.sampling, settings.system_prompt, store=stores.personas)
    courier = Courier(stores.turns, Pacer(clock), clock, telemetry, settings.ambiguous_send)
    summaries = Summaries(stores.conversations, clock, enabled=settings.summaries)
    turner = turner_of(
        settings, stores, models, personas, plugins, summaries, courier, catalogue, telemetry, clock
    )
    places = Places(stores.conversations, stores.atlas)
    commands = Commands(
        people=stores.people,
        conversations=stores.conversations,
        catalogue=catalogue,
        models=models,
        personas=personas,
        plugins=plugins,
        clock=clock,
    )
    handler = Handler(
        inbox=stores.inbox,
        gate=gate_of(settings, stores, catalogue, clock),
        commands=commands,
        people=stores.people,
        conversations=stores.conversations,
        turns=stores.turns,
        turner=turner,
        channels={a.channel.platform: a.channel for a in adapters},
        courier=courier,
        plugins=plugins,
        groups=Groups(places, stores.overheard),
        places=places,
        catalogue=catalogue,
        clock=clock,
        telemetry=telemetry,
        concurrency=settings.concurrency,
    )
    takeover = takeover_of(settings, stores, handler.dispatcher, telemetry, clock)
    platforms = Intakes(clock)
    async with personas.lifespan(clock), plugins.lifespan(), summaries.lifespan(), takeover.lifespan():
        yield App(
            settings, stores, models, personas, desk, handler, takeover, commands, platforms, catalogue, clock
        )


def turner_of(
    settings: Settings,
    stores: Stores,
    models: Models,
    personas: Personas,
    plugins: PluginHost,
    summaries: Summaries,
    courier: Courier,
    catalogue: Catalogue,
    telemetry: Telemetry,
    clock: Clock,
) -> Turner:
    """What runs a turn."""
    return Turner(
        conversations=stores.conversations,
        turns=stores.turns,
        overheard=stores.overheard,
        models=models,
        personas=personas,
        plugins=plugins,
        toolbox=Toolbox(plugins.tools, timeout=settings.tool_timeout),
        summaries=summaries,
        courier=courier,
        catalogue=catalogue,
        clock=clock,
        telemetry=telemetry,
        rules=rules_of(settings),
    )


def takeover_of(
    settings: Settings, stores: Stores, dispatcher: Dispatcher, telemetry: Telemetry, clock: Clock
) -> Takeover:
    """What lets a person answer in the bot's place."""
    return Takeover(
        inbox=stores.inbox,
        conversations=stores.conversations,
        values=stores.values,
        accounts=stores.accounts,
        audit=stores.audit,
        dispatcher=dispatcher,
        clock=clock,
        telemetry=telemetry,
        idle=settings.takeover_idle,
    )


def gate_of(settings: Settings, stores: Stores, catalogue: Catalogue, clock: Clock) -> Gate:
    """Who may ask, how often and how much."""
    return Gate(
        stores.people,
        clock,
        catalogue,
        access=settings.access,
        rate_limit=settings.rate_limit,
        max_input=settings.max_input,
    )


def rules_of(settings: Settings) -> Rules:
    """The settings that bear on a turn."""
    return Rules(
        turn_timeout=settings.turn_timeout,
        checkpoint_interval=settings.checkpoint_interval,
        salt=settings.cache_salt.get_secret_value(),
        limits=Limits(
            first_chunk=settings.first_chunk_timeout,
            stall=settings.stall_timeout,
            patience=settings.model_patience,
            tool_steps=settings.tool_steps,
            max_answer=settings.max_answer,
            prompt_budget=settings.prompt_budget,
        ),
    )


def stop_on_signals() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; a second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    numbers = (signal.SIGTERM, signal.SIGINT)

    def handle() -> None:
        for number in numbers:  # first: whoever reads the line may send the second at once
            loop.remove_signal_handler(number)
        log.info("Stopping: what runs may end within the grace; a second signal ends it at once")
        stop.set()

    for number in numbers:
        loop.add_signal_handler(number, handle)
    return stop
