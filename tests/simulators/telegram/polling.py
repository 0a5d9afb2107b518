"""How updates reach the bot: fetched, or brought; who the bot is, and how it goes."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from tests.simulators.telegram.methods import Method, Noted, method
from tests.simulators.telegram.parameters import Args
from tests.simulators.telegram.refusals import Refusal, bad, flooded
from tests.simulators.telegram.updates import OFF_BY_DEFAULT, WEBHOOK_ACTIVE, WEBHOOK_SET
from tests.simulators.telegram.world import World

LONGEST_POLL = 50
_PORTS = (None, 443, 80, 88, 8443)
_LOCAL = ("127.0.0.1", "localhost", "::1")


def get_me(world: World, args: Args) -> dict[str, Any]:
    bot = world.bot
    return bot.user.json() | {
        "can_join_groups": True,
        "can_read_all_group_messages": bot.reads_all,
        "supports_inline_queries": bot.inline,
        "can_connect_to_business": bot.business,
        "has_main_web_app": False,
        "has_topics_enabled": bot.topics,
        "allows_users_to_create_topics": bot.topics,
        "can_manage_bots": False,
    }


async def get_updates(world: World, args: Args) -> list[dict[str, Any]]:
    if world.webhook.url:
        raise Refusal(409, WEBHOOK_ACTIVE)
    allow(world, args)
    limit = args.bounded("limit", 100, 1, 100)
    timeout = args.bounded("timeout", 0, 0, LONGEST_POLL)
    return await world.updates.poll(args.integer("offset"), limit, timeout)


def allow(world: World, args: Args) -> None:
    """Remember which kinds of updates the bot wants; those it has not named stay as they were."""
    allowed = args.json("allowed_updates", "allowed_updates")
    if allowed is None:
        return
    if not isinstance(allowed, list):
        raise bad("can't parse allowed_updates: array expected")
    world.updates.allowed = {str(kind) for kind in allowed}


async def set_webhook(world: World, args: Args) -> Noted:
    hook = world.webhook
    url = args.text("url")
    if not url:
        return await delete_webhook(world, args)
    if world.clock() < hook.may_set_at:
        raise flooded(1)
    hook.may_set_at = world.clock() + 1
    _check_url(url)
    secret = args.text("secret_token")
    if len(secret) > 256:
        raise bad("secret token is too long")
    if not re.fullmatch(r"[\w-]*", secret, re.ASCII):
        raise bad("secret token contains unallowed characters")
    allow(world, args)
    connections = args.bounded("max_connections", 40, 1, 100)
    if args.flag("drop_pending_updates"):
        world.updates.clear()
    elif (url, secret, connections) == (hook.url, hook.secret, hook.connections):
        return Noted(True, "Webhook is already set")
    world.updates.abort(WEBHOOK_SET)
    hook.certificate = "certificate" in args.uploads
    await hook.start(url, secret, connections)
    return Noted(True, "Webhook was set")


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    local = parts.hostname in _LOCAL
    if not parts.hostname or ("." not in parts.hostname and not local):
        raise bad("invalid webhook URL specified")
    if local:
        return
    if parts.scheme != "https":
        raise bad("bad webhook: An HTTPS URL must be provided for webhook")
    if parts.port not in _PORTS:
        raise bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


async def delete_webhook(world: World, args: Args) -> Noted:
    if args.flag("drop_pending_updates"):
        world.updates.clear()
    was_set = bool(world.webhook.url)
    await world.webhook.stop()
    return Noted(True, "Webhook was deleted" if was_set else "Webhook is already deleted")


def get_webhook_info(world: World, args: Args) -> dict[str, Any]:
    hook, updates = world.webhook, world.updates
    shown: dict[str, Any] = {"url": hook.url, "has_custom_certificate": hook.certificate and bool(hook.url)}
    shown["pending_update_count"] = len(updates.pending)
    if hook.last_error_date:
        shown |= {"last_error_date": hook.last_error_date, "last_error_message": hook.last_error}
    if hook.url:
        shown |= {"max_connections": hook.connections, "ip_address": "127.0.0.1"}
    if updates.allowed and updates.allowed != OFF_BY_DEFAULT:
        shown["allowed_updates"] = sorted(updates.allowed)
    return shown


def close(world: World, args: Args) -> bool:
    return True


def log_out(world: World, args: Args) -> bool:
    """The bot goes to a server of its own; here it is not known any more."""
    world.bot.logged_out = True
    return True


METHODS: tuple[Method, ...] = (
    method("getMe", get_me),
    method("getUpdates", get_updates, "offset limit timeout allowed_updates"),
    method(
        "setWebhook",
        set_webhook,
        "url certificate ip_address max_connections allowed_updates drop_pending_updates secret_token",
    ),
    method("deleteWebhook", delete_webhook, "drop_pending_updates"),
    method("getWebhookInfo", get_webhook_info),
    method("close", close),
    method("logOut", log_out),
)
