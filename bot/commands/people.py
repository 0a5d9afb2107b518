"""Commands about people: who they are and by which accounts, their language, who may come in and who
is shut out."""

from __future__ import annotations

from bot.commands.call import RUNS_BOT, Call, plain
from bot.options import DEFAULT
from bot.ports import Clock, People
from bot.types import Button, PersonRole, Reply

INVITE_DAYS = 7
LINK_MINUTES = 15


class PeopleCommands:
    """Each method is a command. They raise StorageError."""

    def __init__(self, people: People, clock: Clock) -> None:
        self._people = people
        self._clock = clock

    async def whoami(self, call: Call) -> Reply:
        """In a group, where others read along, only the account that asks is shown."""
        event, person = call.event, call.person
        asking = (event.address.platform, event.sender.id)
        accounts = await self._people.accounts(person.id) if event.private else [asking]
        name, role = plain(person.name or event.sender.name) or "–", call.role(person.role)
        lines = [call.say("whoami.text", name=name, role=role, id=person.id)]
        lines += [call.say("whoami.account", platform=p, user=plain(u)) for p, u in accounts]
        return Reply("\n".join(lines))

    async def link(self, call: Call) -> Reply:
        """A code that makes another account one of this person. A code that is given has been
        tried at the gate, in vain."""
        if not call.event.private:
            return call.reply("group.private")
        if call.arguments:
            return call.reply("link.code")
        expires = self._clock.time() + LINK_MINUTES * 60
        code = await self._people.link(call.person.id, expires_at=expires)
        text = call.say("link.done", code=code, minutes=LINK_MINUTES)
        if call.link:
            text += "\n\n" + call.say("link.open", link=call.link.format(code=code))
        return Reply(text)

    async def unlink(self, call: Call) -> Reply:
        if not call.event.private:
            return call.reply("group.private")
        freed = await self._people.unlink(call.event.address.platform, call.event.sender)
        return call.reply("unlink.done" if freed else "unlink.only")

    async def language(self, call: Call) -> Reply:
        known = call.catalogue.languages()
        wish = call.arguments
        if not wish:
            buttons = tuple(Button(name, f"cmd:/language {tag}") for tag, name in known)
            return Reply(call.say("language.now", name=dict(known)[call.language]), buttons)
        if wish.lower() in DEFAULT:
            await self._people.update(call.person.id, language="")
            language = call.catalogue.pick(call.event.sender.language)
            return Reply(call.catalogue.say(language, "language.auto"))
        named = {name.casefold(): tag for tag, name in known}
        tag = named.get(wish.casefold()) or call.catalogue.find(wish)
        if tag is None:
            tags = ", ".join(f"`{tag}` ({name})" for tag, name in known)
            return call.reply("language.unknown", tag=plain(wish), known=tags)
        await self._people.update(call.person.id, language=tag)
        return Reply(call.catalogue.say(tag, "language.done"))

    async def invite(self, call: Call) -> Reply:
        if call.person.role not in RUNS_BOT:
            return call.reply("invite.denied")
        if not call.event.private:
            return call.reply("group.private")
        wish = call.arguments.lower() or PersonRole.MEMBER.value
        if wish not in (PersonRole.MEMBER, PersonRole.OPERATOR):
            return call.reply("invite.unknown")
        role = PersonRole(wish)
        if role is PersonRole.OPERATOR and call.person.role is not PersonRole.OWNER:
            return call.reply("invite.owner")
        expires = self._clock.time() + INVITE_DAYS * 86_400
        code = await self._people.invite(call.person.id, role=role, expires_at=expires)
        text = call.say("invite.done", code=code, role=call.role(role), days=INVITE_DAYS)
        if call.link:
            text += "\n\n" + call.say("invite.link", link=call.link.format(code=code))
        return Reply(text)

    async def block(self, role: PersonRole, call: Call) -> Reply:
        """Shut a person out, or let them in again: the owner anybody else, operators members."""
        if call.person.role not in RUNS_BOT:
            return call.reply("block.denied")
        if not call.event.private:
            return call.reply("group.private")
        platform, wish = call.event.address.platform, call.arguments
        found = await self._people.get(wish) or await self._people.find(platform, wish) if wish else None
        if found is None:
            return call.reply("block.unknown", id=plain(wish))
        runs_bot = found.role is PersonRole.OPERATOR and call.person.role is not PersonRole.OWNER
        if found.role is PersonRole.OWNER or runs_bot:
            return call.reply("block.protected")
        if role is not PersonRole.BLOCKED and found.role is not PersonRole.BLOCKED:
            return call.reply("block.not_blocked", id=found.id)
        await self._people.update(found.id, role=role)
        done = "block.done" if role is PersonRole.BLOCKED else "block.undone"
        return call.reply(done, name=plain(found.name) or found.id)
