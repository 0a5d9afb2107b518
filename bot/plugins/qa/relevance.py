"""When a question is worth a search, with which words, and which finds help. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.types import Passage
from bot.words import covered, query_terms, terms, unspaced

COVERED = 0.5
"""The share of a question's terms that a passage must have …"""
MATCHED = 3
"""… or, in a long question, this many of them and a quarter."""
ALONE = 1
"""So many of several terms tell too little, unless the heading has them: half of "recommend a
movie" is in many a text on other matters."""
NEAR_BEST = 0.35
"""The least score, as a share of the best one's."""
OTHER_LANGUAGE = 0.5
"""What a score is worth in a language that the question is not in."""

_SMALL_TALK = frozenset(
    terms(
        "hi hello hey hiya yo good morning evening afternoon night bye goodbye thanks thank thx cheers "
        "lot much ok okay yes yeah no nope sure great nice cool wow lol haha welcome sorry test ping dear "
        "everyone assistant bot 你好 您好 大家好 早上好 晚上好 下午好 早安 晚安 再见 拜拜 谢谢 多谢 感谢 "
        "好的 好吧 嗯嗯 哈哈 哈喽 嗨 在吗 对不起 抱歉 没事 明白 知道 收到 测试"
    )
)
_POINTING = frozenset(terms("it that this they them those these one same else instead"))
_POINTING_CJK = ("它", "这个", "那个", "这样", "那样", "上面", "那么", "那呢", "还有")


def content_terms(text: str) -> list[str]:
    """What is asked for, small talk left out."""
    return [term for term in query_terms(text) if term not in _SMALL_TALK]


def search_text(question: str, previous: str = "") -> str:
    """What to search for: nothing where the question is small talk; with the question before it
    (`previous`) where it leans on that one, being very short or having a pronoun."""
    own = content_terms(question)
    if not own:
        return ""
    pointing = not _POINTING.isdisjoint(terms(question)) or any(w in question for w in _POINTING_CJK)
    return f"{question}\n{previous}" if previous and (pointing or len(own) < 2) else question


def helpful(
    found: Sequence[Passage], asked: Sequence[str], *, question: str, limit: int, max_chars: int
) -> list[Passage]:
    """Those passages that speak of what was asked, the question's language first, best first.

    None, where no passage has enough of the terms. Together they have at most `max_chars`
    characters; the best is cut if it alone has more.
    """
    language = unspaced(question)
    weighed = sorted((_weighed(p, asked, language) for p in found), key=lambda p: -p.score)
    best = weighed[0].score if weighed else 0.0
    kept = [p for p in weighed[:limit] if p.score > best * NEAR_BEST]
    return within(kept, max_chars)


def within(passages: Sequence[Passage], max_chars: int) -> list[Passage]:
    """The first passages that fit; the very first is cut if it alone does not."""
    out: list[Passage] = []
    left = max_chars
    for passage in passages:
        if len(passage.text) > left:
            if not out and left > 0:
                out.append(replace(passage, text=passage.text[:left]))
            break
        left -= len(passage.text)
        out.append(passage)
    return out


def _weighed(passage: Passage, asked: Sequence[str], language: bool) -> Passage:
    """The passage with its score times the share of the question's terms that it has, so that a
    name that half of a small collection has still counts, and up to doubled where the heading itself
    speaks of it; 0 where the share is too low."""
    matched = len(covered(list(asked), f"{passage.title}\n{passage.text}"))
    share = matched / len(asked)
    if share < COVERED and (matched < MATCHED or share < COVERED / 2):
        return replace(passage, score=0.0)
    if matched <= ALONE < len(asked) and not covered(list(asked), passage.title):
        return replace(passage, score=0.0)
    factor = 1.0 if unspaced(passage.text) == language else OTHER_LANGUAGE
    heading = len(covered(list(asked), passage.title.rpartition(" › ")[2])) / len(asked)
    return replace(passage, score=passage.score * share * factor * (1 + heading))
