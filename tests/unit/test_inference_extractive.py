"""The embedded model: quotes with markers, in the question's language, or abstains."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.types import Message, ModelRequest, Passage, Role
from inference.extractive import ExtractiveModel, answer

README = Passage(
    "1",
    "# Connect Telegram\n\nTalk to @BotFather and make a bot. Put its token into `TERTULIA_TELEGRAM_TOKEN`, "
    "then start again:\n\n```sh\nmake run\n```\n\nThe weather is nice.",
    "docs/telegram.md",
    "Connect Telegram",
)
CHINESE = Passage(
    "2",
    "# 连接 Telegram\n\n先向 @BotFather 申请一个机器人。"
    "把令牌写入 `TERTULIA_TELEGRAM_TOKEN`。最后运行 `make run`。",
    "docs/zh/telegram.md",
    "连接 Telegram",
)
OTHER = Passage("3", "Discord needs an application in the developer portal.", "docs/discord.md", "Discord")
BOTH = (OTHER, README, CHINESE)


def test_it_quotes_the_passage_with_its_marker_and_keeps_code_whole() -> None:
    text = answer("How do I connect Telegram with a token?", BOTH)
    assert "`TERTULIA_TELEGRAM_TOKEN`" in text
    assert "```sh\nmake run\n```" in text
    assert "[2]" in text
    assert "[1]" not in text
    assert "[3]" not in text
    assert "# Connect" not in text
    assert "weather" not in text


def test_a_chinese_question_is_answered_from_the_chinese_passage() -> None:
    text = answer("怎么连接 Telegram？", BOTH)
    assert "[3]" in text
    assert "[2]" not in text
    assert "BotFather" in text or "TERTULIA_TELEGRAM_TOKEN" in text
    assert "没有连接语言模型" in text


def test_an_answer_says_plainly_what_it_is_and_how_to_connect_a_model() -> None:
    closing = answer("How do I connect Telegram?", BOTH).splitlines()[-1]
    assert "No language model is connected" in closing
    assert "TERTULIA_MODEL_URL" in closing
    assert "tertulia check" in closing


def test_small_talk_and_what_is_not_in_the_documents_is_not_answered() -> None:
    for question in ("hello!", "", "???", "What is the capital of Mongolia?", "你好", "今天天气怎么样？"):
        text = answer(question, BOTH)
        assert "[" not in text, question
        assert "TERTULIA_MODEL_URL" in text
    assert "[" not in answer("How do I connect Telegram?", ())


def test_the_persons_language_decides_where_the_question_has_none() -> None:
    assert "没有找到" in answer("42?", (), "zh-CN")
    assert "found nothing" in answer("42?", (), "de")


async def test_the_last_question_counts_and_not_its_context() -> None:
    messages = (
        Message(Role.USER, "How do I connect Discord?"),
        Message(Role.ASSISTANT, "…"),
        Message(Role.USER, "And how do I connect Telegram?", context="Discord application developer portal"),
    )
    chunks = [c async for c in ExtractiveModel().stream(ModelRequest(messages, passages=BOTH))]
    assert len(chunks) > 3
    assert "".join(c.text for c in chunks) == answer("And how do I connect Telegram?", BOTH)
    assert "[2]" in "".join(c.text for c in chunks)


@given(st.text(), st.lists(st.text(max_size=200), max_size=4))
def test_any_text_gives_an_answer_whose_markers_exist(question: str, texts: list[str]) -> None:
    passages = [Passage(str(n), text.replace("[", ""), "s") for n, text in enumerate(texts)]
    text = answer(question, passages)
    assert "TERTULIA_MODEL_URL" in text
    numbers = [int(part.split("]")[0]) for part in text.split("[")[1:]]
    assert all(1 <= n <= len(passages) for n in numbers)
    assert text == answer(question, passages)


def test_a_passage_whose_heading_asks_the_question_is_quoted_whole_and_alone() -> None:
    text = answer("How do I connect Telegram?", BOTH)
    assert "Talk to @BotFather" in text
    assert "make run" in text
    assert "[1]" not in text


def test_a_question_of_common_words_only_is_answered_by_the_heading_that_says_the_same() -> None:
    about = Passage("4", "I answer questions.", "about.md", "About › What can you do?")
    assert "I answer questions. [2]" in answer("what can you do", (README, about))
    assert "[" not in answer("how are you", (README, about))
