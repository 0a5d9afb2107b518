"""Inline mode: `@bot question` in any chat finds passages of the documents."""

from __future__ import annotations

import hashlib
from html import escape

from telegram import (
    InlineQuery,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
    LinkPreviewOptions,
)
from telegram.constants import ParseMode

from adapters.telegram.client import Api
from adapters.telegram.deps import TelegramDeps
from bot.markup import Rendered, parts
from bot.types import Markup, Passage, Sender

CACHE_SECONDS = 10
START = "inline"
"""What `/start` gets from a person who comes by the button."""
_MOST = 20
_TITLE, _DESCRIPTION, _QUOTE, _SOURCE, _BUTTON = 100, 200, 1500, 500, 64


class Inline:
    def __init__(self, deps: TelegramDeps, api: Api) -> None:
        self._deps = deps
        self._api = api
        self._newest: dict[int, str] = {}
        """Each person's newest query that is under way: they type on, and only it counts."""

    async def answer(self, query: InlineQuery) -> None:
        """Answer the query, unless the person has typed on. Raises TelegramError, StorageError."""
        user = query.from_user
        language = user.language_code or ""
        self._newest[user.id] = query.id
        try:
            sender = Sender(str(user.id), name=user.full_name, language=language, is_bot=user.is_bot)
            found = await self._deps.search(sender, query.query.strip())
            if self._newest.get(user.id) != query.id:
                return
        finally:
            if self._newest.get(user.id) == query.id:
                del self._newest[user.id]
        unique: dict[str, Passage] = {}
        for passage in found or ():
            unique.setdefault(passage.id, passage)
        label = self._deps.say(language, "telegram.private")[:_BUTTON]
        await self._api.answer_inline_query(
            query.id,
            [_article(passage) for passage in list(unique.values())[:_MOST]],
            cache_time=CACHE_SECONDS,
            is_personal=True,
            button=InlineQueryResultsButton(label, start_parameter=START) if found is None else None,
        )


def _article(passage: Passage) -> InlineQueryResultArticle:
    shown, *more = parts(passage.text, Markup.TELEGRAM_HTML, _QUOTE) or [Rendered("…", "…")]
    named = _clipped(" — ".join(dict.fromkeys(filter(None, (passage.title, passage.source)))), _SOURCE)
    text = "\n".join((shown.text, "…" if more else "", f"<i>{escape(named, quote=False)}</i>"))
    return InlineQueryResultArticle(
        id=hashlib.blake2b(passage.id.encode(errors="replace"), digest_size=16).hexdigest(),
        title=_clipped(passage.title or passage.source, _TITLE) or "…",
        description=_clipped(" ".join(shown.plain.split()), _DESCRIPTION),
        input_message_content=InputTextMessageContent(
            text, parse_mode=ParseMode.HTML, link_preview_options=LinkPreviewOptions(is_disabled=True)
        ),
    )


def _clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
