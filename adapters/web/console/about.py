"""What an entry of the audit log is about, as a person reads it: by its name, with a link to its page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from adapters.web.console import conversations, people, personas, plugins
from adapters.web.console.render import called, platform_name, sayer, words
from adapters.web.console.site import Console
from bot.types import AuditEntry


@dataclass(frozen=True, slots=True)
class About:
    """`text` is what it is called, `href` its page where there is one, `detail` what else is told, and
    `key` what finds all that was done about the same."""

    text: str = ""
    href: str = ""
    detail: str = ""
    key: str = ""


class Abouts:
    """Names what entries are about, as it is now."""

    def __init__(self, console: Console, language: str) -> None:
        self._deps = console.deps
        self._language = language
        self._say = sayer(language)
        self._conversations = conversations.there(console.deps)
        self._people = people.there(console.deps)
        self._known: dict[tuple[str, str], tuple[str, str]] = {}

    async def of(self, entries: Sequence[AuditEntry]) -> list[About]:
        """One for each entry. Each object is looked up once."""
        return [await self._about(entry) for entry in entries]

    async def _about(self, entry: AuditEntry) -> About:
        kind = entry.action.partition(".")[0]
        if entry.action == "conversations.list":
            return await self._list(entry.detail)
        if entry.action == "conversations.search":
            return About(self._say("audit.quoted", text=entry.detail))
        if entry.action.startswith("feedback.") and entry.target:
            return await self._named("feedback", entry, self._turn)
        if kind == "conversation":
            return await self._named(kind, entry, self._conversation)
        if kind == "person":
            return await self._named(kind, entry, self._person)
        text, href = self._still(kind, entry)
        return About(text, href, self._detail(entry), entry.target)

    async def _named(
        self, kind: str, entry: AuditEntry, find: Callable[[str], Awaitable[tuple[str, str]]]
    ) -> About:
        key = (kind, entry.target)
        if key not in self._known:
            self._known[key] = await find(entry.target)
        return About(*self._known[key], detail=entry.detail, key=entry.target)

    async def _list(self, which: str) -> About:
        """A list of conversations: everybody's, a person's, or those of a platform."""
        if not which or f"platform.{which}" in words(self._language):
            return About(platform_name(self._language, which) if which else "")
        return About(*await self._person(which))

    async def _conversation(self, target: str) -> tuple[str, str]:
        number = int(target) if target.isascii() and target.isdigit() and len(target) < 19 else 0
        found = await self._deps.conversations.get(number) if self._deps.conversations else None
        named = self._say("audit.conversation", number=target)
        if found is None:
            return self._say("audit.gone", name=named), ""
        href = f"{conversations.HERE}/{found.id}" if self._conversations else ""
        return found.title or named, href

    async def _person(self, target: str) -> tuple[str, str]:
        found = await self._deps.people.get(target) if self._deps.people else None
        if found is None:
            return self._say("conversation.gone.person"), ""
        href = f"{people.HERE}/{quote(found.id, safe='')}" if self._people else ""
        return called(self._language, found.name, found.id), href

    async def _turn(self, target: str) -> tuple[str, str]:
        turn = await self._deps.turns.get(target) if self._deps.turns else None
        if turn is None:
            return self._say("audit.gone", name=self._say("audit.answer")), ""
        return await self._conversation(str(turn.conversation_id))

    def _still(self, kind: str, entry: AuditEntry) -> tuple[str, str]:
        """What has its name in the entry."""
        target = entry.target
        if kind == "persona":
            return target or self._say("persona.default"), personas.at(target)
        if kind == "plugin":
            return target, f"{plugins.HERE}/{quote(target, safe='/')}"
        if kind == "platform":
            return platform_name(self._language, target), "/console/platforms"
        if entry.action == "invite.make":
            return words(self._language).get(f"people.role.{target}", target), "/console/invites"
        if entry.action == "dead.retry":
            return target, "/console/dead" if target else ""
        return target, "/console/accounts" if kind == "account" else ""

    def _detail(self, entry: AuditEntry) -> str:
        if entry.action in ("account.invite", "account.role"):
            return words(self._language).get(f"role.{entry.detail}", entry.detail)
        return entry.detail
