"""How the bot answers buttons and inline queries."""

from __future__ import annotations

from tests.simulators.telegram.asked import Answer
from tests.simulators.telegram.methods import Method, method
from tests.simulators.telegram.parameters import Args
from tests.simulators.telegram.refusals import bad
from tests.simulators.telegram.world import World

BUTTON_SECONDS = 15
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


def answer_callback_query(world: World, args: Args) -> bool:
    press = world.presses.get(args.text("callback_query_id"))
    if press is None or press.answer is not None or world.clock() - press.at > BUTTON_SECONDS:
        raise bad(TOO_OLD)
    if len(args.text("text")) > 200:
        raise bad("MESSAGE_TOO_LONG")
    press.answer = Answer(args.text("text"), args.flag("show_alert"), args.text("url"))
    world.news.tell()
    return True


METHODS: tuple[Method, ...] = (
    method("answerCallbackQuery", answer_callback_query, "callback_query_id text show_alert url cache_time"),
)
