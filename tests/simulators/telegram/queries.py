"""How the bot answers buttons and inline queries, and reacts to messages."""

from __future__ import annotations

from typing import Any

from tests.simulators.telegram.asked import Answer, Results
from tests.simulators.telegram.keyboards import markup
from tests.simulators.telegram.methods import Method, find_chat, find_message, method
from tests.simulators.telegram.parameters import Args, fit, read_text
from tests.simulators.telegram.refusals import bad
from tests.simulators.telegram.world import World

BUTTON_SECONDS = 15
INLINE_SECONDS = 10
MOST_RESULTS = 50
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
REACTIONS = set(
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u200d🔥 🌚 "
    "🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈 😇 😨 "
    "🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀ 😡".split()
)


def answer_callback_query(world: World, args: Args) -> bool:
    press = world.presses.get(args.text("callback_query_id"))
    if press is None or press.answer is not None or world.clock() - press.at > BUTTON_SECONDS:
        raise bad(TOO_OLD)
    if len(args.text("text")) > 200:
        raise bad("MESSAGE_TOO_LONG")
    press.answer = Answer(args.text("text"), args.flag("show_alert"), args.text("url"))
    world.news.tell()
    return True


def answer_inline_query(world: World, args: Args) -> bool:
    results = _results(args)
    if len(args.text("next_offset").encode()) > 64:
        raise bad("NEXT_OFFSET_INVALID")
    query = world.inline.get(args.text("inline_query_id"))
    if query is None or query.answer is not None or world.clock() - query.at > INLINE_SECONDS:
        raise bad(TOO_OLD)
    cache_time = args.bounded("cache_time", 300, 0, 24 * 60 * 60)
    button = args.json("button")
    query.answer = Results(results, args.text("next_offset"), cache_time, args.flag("is_personal"), button)
    world.news.tell()
    return True


def _results(args: Args) -> list[dict[str, Any]]:
    results = args.json("results", "JSON encoded inline query results")
    if results is None:
        return []
    if not isinstance(results, list):
        raise bad("expected an Array of inline query results")
    if len(results) > MOST_RESULTS:
        raise bad("too many inline query results specified")
    for result in results:
        _check_result(result)
    if len({r["id"] for r in results}) < len(results):
        raise bad("RESULT_ID_DUPLICATE")
    return results


def _check_result(result: Any) -> None:
    if not isinstance(result, dict) or not isinstance(result.get("type"), str):
        raise bad("can't parse inline query result: object expected")
    if not 1 <= len(str(result.get("id", "")).encode()) <= 64:
        raise bad("RESULT_ID_INVALID" if result.get("id") else "RESULT_ID_EMPTY")
    if result["type"] == "article":
        if not result.get("title"):
            raise bad("ARTICLE_TITLE_EMPTY")
        if not isinstance(result.get("input_message_content"), dict):
            raise bad("can't parse inline query result: Can't find field \"input_message_content\"")
    if text := result.get("input_message_content", {}).get("message_text"):
        content = result["input_message_content"]
        fit(read_text(text, str(content.get("parse_mode", "")), content.get("entities")))
    if result.get("reply_markup"):
        markup(result["reply_markup"])


def set_message_reaction(world: World, args: Args) -> bool:
    """One emoji of those that everybody may use, or none."""
    given = args.json("reaction", "reaction types") or []
    if not isinstance(given, list):
        raise bad("expected an Array of ReactionType")
    chat = find_chat(world, args, access="read")
    message = find_message(world, chat, args.integer("message_id"), "message to react")
    if len(given) > 1:
        raise bad("REACTIONS_TOO_MANY")
    emojis = [str(r.get("emoji", "")) for r in given]
    if any(r.get("type") != "emoji" for r in given) or not {_bare(e) for e in emojis} <= REACTIONS:
        raise bad("REACTION_INVALID")
    message.reactions[world.bot.user.id] = emojis
    world.news.tell()
    return True


def _bare(emoji: str) -> str:
    return emoji.replace("\ufe0f", "")


METHODS: tuple[Method, ...] = (
    method("answerCallbackQuery", answer_callback_query, "callback_query_id text show_alert url cache_time"),
    method(
        "answerInlineQuery",
        answer_inline_query,
        "inline_query_id results cache_time is_personal next_offset button",
    ),
    method("setMessageReaction", set_message_reaction, "chat_id message_id reaction is_big"),
)
