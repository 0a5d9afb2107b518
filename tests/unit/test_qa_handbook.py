"""The real handbook answers what people ask first, in the language they ask in."""

from __future__ import annotations

from importlib.resources import files

import pytest

from bot.plugins.qa.ingest import HANDBOOK, sync_handbook
from bot.plugins.qa.relevance import content_terms, helpful
from storage.db import Database
from storage.search import SqlSearch

QUESTIONS = [
    ("How do I connect Telegram?", "en", "Telegram"),
    ("怎么连接 Telegram？", "zh", "Telegram"),
    ("How do I connect Discord?", "en", "Discord"),
    ("怎么连接 Discord？", "zh", "Discord"),
    ("How do I use a vLLM server?", "en", "vLLM"),
    ("如何使用 vLLM 模型服务器？", "zh", "vLLM"),
    ("What can you do?", "en", "tertulia learn"),
    ("你能做什么？", "zh", "tertulia learn"),
    ("Where is my data stored?", "en", "TERTULIA_HOME"),
    ("数据保存在哪里？", "zh", "TERTULIA_HOME"),
    ("Can I use PostgreSQL?", "en", "PostgreSQL"),
    ("可以用 PostgreSQL 数据库吗？", "zh", "PostgreSQL"),
    ("How do I invite other people?", "en", "invite"),
    ("怎么邀请别人？", "zh", "邀请"),
    ("How do I add my own documents?", "en", "learn"),
    ("怎么添加自己的文档？", "zh", "learn"),
    ("How do I stop an answer?", "en", "/stop"),
    ("怎么停止回答？", "zh", "/stop"),
    ("How do I start a new conversation?", "en", "/new"),
    ("如何开始新的对话？", "zh", "/new"),
    ("How can I delete my data?", "en", "delete"),
    ("怎么删除我的数据？", "zh", "删除"),
    ("Which environment variable sets the web port?", "en", "TERTULIA_WEB_PORT"),
    ("网页端口用哪个环境变量设置？", "zh", "TERTULIA_WEB_PORT"),
]


@pytest.mark.parametrize(("question", "language", "word"), QUESTIONS)
async def test_the_first_passage_answers_in_the_questions_language(
    sqlite_db: Database, question: str, language: str, word: str
) -> None:
    search = SqlSearch(sqlite_db)
    await sync_handbook(search, files("bot.plugins.qa") / HANDBOOK)
    found = await search.search(question, collections=[HANDBOOK], limit=16)
    chosen = helpful(found, content_terms(question), question=question, limit=4, max_chars=4_000)
    assert chosen[0].source.startswith(f"{HANDBOOK}/{language}/")
    assert word.lower() in f"{chosen[0].title}\n{chosen[0].text}".lower()
