"""What the console is given: a part of the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from bot.compose import App, rules_of
from bot.origins import in_force
from bot.overview import Watching
from bot.personal import delete_person, export_person
from bot.place_desk import PlaceDesk
from bot.playground import Trials
from bot.ports import ModelStates, Telemetry
from bot.statistics import Statistics

if TYPE_CHECKING:
    from adapters.web.console.deps import ConsoleDeps


def console_deps(
    app: App,
    secret: bytes,
    links: Callable[[], Mapping[str, str]],
    *,
    models: ModelStates,
    telemetry: Telemetry,
) -> ConsoleDeps:
    """Everything that the console's pages need. Without `Statistics` as the telemetry there are no
    charts."""
    from adapters.web.console.deps import ConsoleDeps

    stores, settings = app.stores, app.settings
    watch = None
    if isinstance(telemetry, Statistics):
        watch = Watching(
            stores.statistics, telemetry, stores.archive, app.models, app.clock, partial(taught, app)
        )
    salt = settings.cache_salt.get_secret_value()
    return ConsoleDeps(
        accounts=stores.accounts,
        audit=stores.audit,
        clock=app.clock,
        secret=secret,
        archive=stores.archive,
        conversations=stores.conversations,
        turns=stores.turns,
        takeover=app.takeover,
        people=stores.people,
        export_person=partial(export_person, app),
        delete_person=partial(delete_person, app),
        links=links,
        inbox=stores.inbox,
        watch=watch,
        platforms=app.platforms,
        servers=models,
        playground=Trials(app.models, settings.sampling, rules_of(settings).limits, app.clock, salt=salt),
        personas=app.personas,
        places=place_desk(app),
        models=app.models,
        plugins=app.plugin_desk,
        settings=partial(in_force, settings),
        backup=stores.backup,
    )


def place_desk(app: App) -> PlaceDesk:
    """The settings of places, of all platforms that run."""
    return PlaceDesk(
        app.stores.atlas,
        app.stores.conversations,
        app.personas,
        app.models,
        app.catalogue,
        app.plugins.collections,
        app.platforms.channel,
    )


async def taught(app: App) -> bool:
    """Whether there is a document that did not come with Tertulia."""
    from bot.plugins.qa.ingest import HANDBOOK

    own = [name for name in app.plugins.collections() if name != HANDBOOK]
    return any([await app.stores.search.listing(name, limit=1) for name in own])
