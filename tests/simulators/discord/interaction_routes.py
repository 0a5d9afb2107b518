"""The bot's answers to what people asked by commands, buttons and forms."""

from __future__ import annotations

from tests.simulators.discord.commands import MESSAGE_MENU, USER_MENU, choice_problems
from tests.simulators.discord.components import modal_problems
from tests.simulators.discord.forms import Asked, allowed_mentions, new_body
from tests.simulators.discord.interactions import (
    ACKNOWLEDGE_SECONDS,
    AUTOCOMPLETE,
    COMPONENT,
    FOREIGN_FOLLOWUPS,
    MODAL,
    TOKEN_SECONDS,
    Interaction,
)
from tests.simulators.discord.message_routes import SENDABLE_FLAGS, change_message
from tests.simulators.discord.messages import (
    COMMAND,
    EPHEMERAL,
    LOADING,
    MENU,
    REPLY,
    Body,
    Message,
    message_json,
)
from tests.simulators.discord.model import Json
from tests.simulators.discord.refusals import Refusal, bad, invalid, unknown
from tests.simulators.discord.routing import Route
from tests.simulators.discord.world import World

REPLY_TYPE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, FORM = 4, 5, 6, 7, 8, 9


def callback(world: World, asked: Asked) -> Json | None:
    interaction = world.interactions.get(asked.id("webhook_id"))
    if interaction is None or interaction.token != asked.ids["webhook_token"]:
        raise unknown("interaction")
    if interaction.acknowledged:
        raise bad(40060, "Interaction has already been acknowledged.")
    if world.clock() - interaction.at > ACKNOWLEDGE_SECONDS:
        raise unknown("interaction", gone=True)
    form = asked.form
    kind, data = form.get("type"), form.get("data") or {}
    if kind not in _possible(interaction):
        choices = ", ".join(map(str, sorted(_possible(interaction))))
        raise invalid(("type", "BASE_TYPE_CHOICES", f"Value must be one of ({choices},)."))
    _respond(world, asked, interaction, int(kind), data)
    interaction.response, interaction.responded_at = int(kind), world.clock()
    world.news.tell()
    return _told(world, interaction) if asked.query.get("with_response") in ("1", "true", "True") else None


def _possible(interaction: Interaction) -> set[int]:
    if interaction.type == AUTOCOMPLETE:
        return {CHOICES}
    kinds = {REPLY_TYPE, DEFER}
    if interaction.type != MODAL:
        kinds.add(FORM)
    if interaction.type == COMPONENT or interaction.message is not None:
        kinds |= {DEFER_UPDATE, UPDATE}
    return kinds


def _respond(world: World, asked: Asked, interaction: Interaction, kind: int, data: Json) -> None:
    if kind == REPLY_TYPE:
        interaction.answer = _write(world, asked, interaction, data)
    elif kind == DEFER:
        interaction.answer = _think(world, interaction, data)
    elif kind in (DEFER_UPDATE, UPDATE):
        interaction.answer = interaction.message
        if kind == UPDATE and interaction.message is not None:
            change_message(world, asked, interaction.message, data)
    elif kind == CHOICES:
        choices = data.get("choices") or []
        if problems := list(choice_problems(choices, "data.choices.")):
            raise invalid(*problems)
        interaction.choices = choices
    else:
        if problems := list(modal_problems(data)):
            raise invalid(*problems)
        interaction.modal = data


def _write(
    world: World, asked: Asked, interaction: Interaction, form: Json, *, later: bool = False
) -> Message:
    body = new_body(world, asked, form, interaction.channel)
    flags = int(form.get("flags") or 0)
    message = world.write(
        interaction.channel,
        world.bot.user,
        body,
        allowed=allowed_mentions(form),
        reply_to=interaction.message
        if interaction.type == COMPONENT
        else interaction.answer
        if later
        else None,
        type=REPLY if later else _kind(interaction),
        flags=flags & (SENDABLE_FLAGS | EPHEMERAL),
        interaction=interaction,
        only_for=interaction.user if flags & EPHEMERAL else None,
        webhook_id=interaction.application_id,
    )
    return message


def _think(world: World, interaction: Interaction, form: Json) -> Message:
    ephemeral = int(form.get("flags") or 0) & EPHEMERAL
    return world.write(
        interaction.channel,
        world.bot.user,
        Body(),
        type=_kind(interaction),
        flags=LOADING | ephemeral,
        interaction=interaction,
        only_for=interaction.user if ephemeral else None,
        webhook_id=interaction.application_id,
    )


def _kind(interaction: Interaction) -> int:
    if interaction.type in (COMPONENT, MODAL):
        return REPLY if interaction.message is not None else 0
    return MENU if interaction.data["type"] in (USER_MENU, MESSAGE_MENU) else COMMAND


def _told(world: World, interaction: Interaction) -> Json:
    message = interaction.answer
    shown: Json = {"id": str(interaction.id), "type": interaction.type}
    resource: Json = {"type": interaction.response}
    if message is not None:
        shown |= {"response_message_id": str(message.id), "response_message_loading": message.loading}
        shown["response_message_ephemeral"] = message.only_for is not None
        if interaction.response in (REPLY_TYPE, UPDATE):
            resource["message"] = message_json(message, world.bot.user, full=True)
    return {"interaction": shown} | ({"resource": resource} if "message" in resource else {})


# by the interaction's token


def _spoken(world: World, asked: Asked) -> Interaction:
    """The interaction whose token the path holds, answered already and not too old."""
    interaction = world.tokens.get(asked.ids["webhook_token"])
    if interaction is None or asked.id("webhook_id") != interaction.application_id:
        raise unknown("Webhook")
    if world.clock() - interaction.at > TOKEN_SECONDS:
        raise Refusal(401, 50027, "Invalid Webhook Token", blame=False)
    if not interaction.acknowledged:
        raise unknown("Webhook")
    return interaction


def _of_webhook(world: World, asked: Asked, interaction: Interaction) -> Message:
    """The message that the path names, if the interaction brought it forth."""
    named = asked.ids.get("message_id", "@original")
    if named == "@original":
        message = interaction.answer
    else:
        message = next((m for m in interaction.messages if str(m.id) == named), None)
    if message is None or message.deleted:
        raise unknown("Message", gone=message is not None)
    return message


def follow_up(world: World, asked: Asked) -> Json:
    interaction, form = _spoken(world, asked), asked.form
    original = interaction.answer
    if original is not None and original.loading and interaction.response == DEFER:
        change_message(world, asked, original, {k: v for k, v in form.items() if k != "flags"})
        return message_json(original, world.bot.user, full=True)
    if interaction.foreign and len(interaction.followups) >= FOREIGN_FOLLOWUPS:
        raise bad(40094, "This interaction has reached the maximum number of follow up messages")
    message = _write(world, asked, interaction, form, later=True)
    interaction.followups.append(message)
    return message_json(message, world.bot.user, full=True)


def get_said(world: World, asked: Asked) -> Json:
    message = _of_webhook(world, asked, _spoken(world, asked))
    return message_json(message, world.bot.user, full=True)


def edit_said(world: World, asked: Asked) -> Json:
    message = _of_webhook(world, asked, _spoken(world, asked))
    change_message(world, asked, message, asked.form)
    return message_json(message, world.bot.user, full=True)


def delete_said(world: World, asked: Asked) -> None:
    world.erase(_of_webhook(world, asked, _spoken(world, asked)))


_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
ROUTES = [
    Route("POST", "/interactions/{webhook_id}/{webhook_token}/callback", callback, "", token=False),
    Route("POST", _WEBHOOK, follow_up, "webhooks", token=False),
]
for _method, _handle in (("GET", get_said), ("PATCH", edit_said), ("DELETE", delete_said)):
    ROUTES += [
        Route(_method, f"{_WEBHOOK}/messages/@original", _handle, "webhooks", token=False),
        Route(_method, f"{_WEBHOOK}/messages/{{message_id}}", _handle, "webhooks", token=False),
    ]
