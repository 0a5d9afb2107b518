"""What the console needs from the rest of the house, and what its navigation is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.ports import Accounts, Audit, Clock
from bot.types import ConsoleRole


@dataclass(frozen=True, slots=True)
class ConsoleDeps:
    """Handed in by the composition root as `WebDeps.console`.

    `secret` signs CSRF tokens and must be the same after a restart. What only one page needs has a
    default of None, and where it is None that page is not there (`Entry.there`).
    """

    accounts: Accounts
    audit: Audit
    clock: Clock
    secret: bytes
    name: str = "Tertulia"


def always(deps: ConsoleDeps) -> bool:
    """For pages that need nothing of their own."""
    return True


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the navigation, which `role` and above see.

    `key` names its word (`nav.KEY`), and `icon` its drawing in `templates/console/icons.html`;
    `there` says whether this installation has the page.
    """

    path: str
    key: str
    role: ConsoleRole
    icon: str
    there: Callable[[ConsoleDeps], bool] = always
