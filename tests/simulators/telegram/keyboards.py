"""What may stand under a message."""

from __future__ import annotations

from typing import Any

from tests.simulators.telegram.entity import checked_link
from tests.simulators.telegram.parameters import Args
from tests.simulators.telegram.refusals import bad

MOST_BUTTONS = 100
MOST_IN_ROW = 8
_KINDS = (
    *(
        "url",
        "callback_data",
        "callback_game",
        "pay",
        "switch_inline_query",
        "switch_inline_query_chosen_chat",
    ),
    *("switch_inline_query_current_chat", "login_url", "web_app", "copy_text"),
)
_INLINE = {*_KINDS, "text", "icon_custom_emoji_id", "style"}


def read_markup(args: Args) -> dict[str, Any] | None:
    """The keyboard as the server keeps it; None where there is none."""
    given = args.json("reply_markup", "reply keyboard markup")
    return None if given is None else markup(given)


def markup(given: Any) -> dict[str, Any] | None:
    if not isinstance(given, dict):
        raise bad("object expected as reply markup")
    if keyboard := given.get("keyboard"):
        rows = [[_keyboard_button(b) for b in row] for row in _rows(keyboard, "keyboard", "")]
        return given | {"keyboard": rows}
    if inline := given.get("inline_keyboard"):
        whose = " of the InlineKeyboardMarkup"
        return _inline([[_inline_button(b) for b in row] for row in _rows(inline, "inline_keyboard", whose)])
    if given.get("remove_keyboard") or given.get("force_reply"):
        return dict(given)
    return None


def inline_only(markup: dict[str, Any] | None) -> dict[str, Any] | None:
    """Edits and channels take no other."""
    if markup is not None and "inline_keyboard" not in markup:
        raise bad("inline keyboard expected")
    return markup


def _rows(value: Any, name: str, whose: str) -> list[list[Any]]:
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        raise bad(f'field "{name}"{whose} must be an Array of Arrays')
    return value


def _inline(rows: list[list[dict[str, Any]]]) -> dict[str, Any] | None:
    rows = [row for row in rows if row]
    if sum(map(len, rows)) > MOST_BUTTONS or any(len(row) > MOST_IN_ROW for row in rows):
        raise bad("reply markup is too long")
    return {"inline_keyboard": rows} if rows else None


def _keyboard_button(button: Any) -> dict[str, Any]:
    shown = {"text": button} if isinstance(button, str) else button
    if not isinstance(shown, dict) or not isinstance(shown.get("text"), str):
        raise bad("can't parse keyboard button: KeyboardButton must be a String or an Object")
    return shown


def _inline_button(button: Any) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise bad("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    if not isinstance(button.get("text"), str):
        raise bad("can't parse inline keyboard button: Can't find field \"text\"")
    kind = next((k for k in _KINDS if button.get(k) or (k in button and k.startswith("switch"))), "")
    if not kind:
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if unknown := sorted(set(button) - _INLINE):
        raise bad(f"can't parse inline keyboard button: the simulator knows no field {unknown[0]}")
    if not button["text"].strip():
        raise bad("can't parse inline keyboard button: Text of the button must be non-empty")
    if kind == "callback_data" and len(button["callback_data"].encode()) > 64:
        raise bad("BUTTON_DATA_INVALID")
    if kind == "url" and not checked_link(button["url"]):
        raise bad(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    return {k: v for k, v in button.items() if k in ("text", "style", "icon_custom_emoji_id", kind)}
