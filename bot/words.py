"""Words of a text in any language: what search indexes, and what a question asks for. Pure.

Scripts that put spaces between words give words: lower-cased, accents folded, common English
endings removed. Scripts that do not (Chinese, Japanese, Korean, Thai, …) give overlapping pairs
of characters, and the last character of a run alone, so that each character begins exactly one
term: a pair is found as itself, a single character as a prefix.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from operator import add

TERM_LIMIT = 64
"""Longer words (keys, encoded data) are known by their first characters."""

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # kana and iteration marks
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"  # Han, Hangul
    "\U00020000-\U0003ffff"  # Han, supplementary
)
_RUN = re.compile(f"([{_UNSPACED}]+)|([^\\W_{_UNSPACED}]+)")
_ASCII = re.compile("[a-z0-9]+")
"""What `_RUN` finds in a folded text that is all ASCII, several times as fast."""
_ONE = re.compile(f"[{_UNSPACED}]")
_VOICED = "\u3099\u309a"  # kana's own marks: か and が are different letters
_VOWEL = re.compile("[aeiouy]")
_GOES_ON = ("", "s", "es", "d", "ed", "g", "ng", "ing")
"""What may follow a word half typed so that its term is no longer what was typed: "runn" is of "running",
whose term is "run"."""

_ENGLISH = frozenset(
    """a about all also am an and any are as at be been but by can could did do does doing done for from
    get give go got had has have he her here him his how i if in into is it its just know let like ll
    make may me might more most my need no not of on one or our out over please s same shall she should
    show so some such t tell than that the their them then there these they thing this those to too up
    us use used using ve very want was way we were what when where whether which who why will with
    would you your""".split()
)
_CHINESE = (
    "怎么样 怎么办 怎么 怎样 如何 什么 为什么 为何 哪里 哪儿 哪个 哪些 多少 是否 能否 可否 可不可以 能不能 "
    "有没有 是不是 可以 能够 需要 应该 想要 一下 一个 这个 那个 这些 那些 这里 那里 请问 告诉 关于 以及 或者 "
    "还是 但是 因为 所以 如果 我们 你们 他们 它们 我的 你的 他的 它的 的 了 吗 呢 吧 啊 呀 么 我 你 您 "
    "他 她 它 是 在 有 和 与 或 把 被 让 给 对 从 到 就 都 也 还 很 要 会 能 想 请 这 那 个"
).split()
_FUNCTION_WORDS = re.compile("|".join(sorted(map(re.escape, _CHINESE), key=len, reverse=True)))


def terms(text: str) -> list[str]:
    """The terms that `text` is found by, in its order, repeated as often as they occur."""
    return [term for run, word in _runs(text) for term in (_pairs(run) if run else (_stem(word),))]


def query_terms(text: str, limit: int = 32) -> list[str]:
    """What `text` asks for: its first `limit` different terms, without function words unless
    there is nothing else. Cost is bounded, however long the text."""
    head = text[: limit * 64]
    return list(dict.fromkeys(_asked(head)))[:limit] or list(dict.fromkeys(_plain(head)))[:limit]


def literal_terms(text: str, limit: int = 32) -> list[str]:
    """The first `limit` different terms of which `text` itself is made, function words too: what
    another text must hold to hold its words. Cost is bounded, however long the text."""
    return list(dict.fromkeys(_plain(text[: limit * 64])))[:limit]


@dataclass(frozen=True, slots=True)
class Sought:
    """What a query asks for while it is typed: whole terms, and a last word that may go on."""

    whole: tuple[str, ...] = ()
    begun: str = ""
    """Any term that it begins will do; "" if nothing is half typed."""
    ended: tuple[str, ...] = ()
    """Terms that will do in its place: those of which an ending was taken."""

    def within(self, terms: Collection[str]) -> bool:
        """Whether a text of these terms (see `indexed`) has all that is asked for."""
        return set(self.whole) <= set(terms) and (not self.begun or any(map(self._is_last, terms)))

    def asks(self, term: str) -> bool:
        """Whether a word of this term is one of those asked for."""
        return term in self.whole or (bool(self.begun) and self._is_last(term))

    def _is_last(self, term: str) -> bool:
        return term.startswith(self.begun) or term in self.ended


def sought(text: str, limit: int = 32) -> Sought:
    """`literal_terms` of `text`, of which the last word may be the beginning of a longer one (in a
    script without spaces any part of a text is found anyway). Empty without words."""
    runs = list(_runs(text[: limit * 64]))
    if not runs or runs[-1][0]:
        return Sought(tuple(literal_terms(text, limit)))
    *before, (_, begun) = runs
    whole = [term for run, word in before for term in (_question_pairs(run) if run else (_stem(word),))]
    ended = dict.fromkeys(_stem((begun + ending)[:TERM_LIMIT]) for ending in _GOES_ON)
    kept = [term for term in ended if not term.startswith(begun)]
    return Sought(tuple(dict.fromkeys(whole))[: limit - 1], begun, tuple(kept))


def indexed(text: str, limit: int = 4_000) -> list[str]:
    """The first `limit` different terms of `text`, among them each single character of a script
    without spaces: what `literal_terms` of any part of it are found among, without prefixes."""
    found: dict[str, None] = {}
    head = _fold(text[: limit * 64])
    runs = (("", word) for word in _ASCII.findall(head)) if head.isascii() else _RUN.findall(head)
    for run, word in dict.fromkeys(runs):
        if word:
            found[_stem(word[:TERM_LIMIT])] = None
        else:
            found.update(dict.fromkeys(chain(run, map(add, run, run[1:]))))
    return list(islice(found, limit))


def is_prefix(term: str) -> bool:
    """Whether a query's term is a single character that stands for all terms it begins."""
    return len(term) == 1 and unspaced(term)


def unspaced(text: str) -> bool:
    """Whether the text has a character of a script without spaces between words."""
    return _ONE.search(text) is not None


def covered(asked: list[str], text: str) -> set[str]:
    """Those of the query's terms that occur in `text`."""
    found = _distinct(text)
    begun = {term[0] for term in found if unspaced(term)}
    return {term for term in asked if term in found or (is_prefix(term) and term in begun)}


@lru_cache(maxsize=256)
def _distinct(text: str) -> frozenset[str]:
    """The same few passages are looked at question after question."""
    return frozenset(terms(text))


def _runs(text: str) -> Iterator[tuple[str, str]]:
    return ((m[1] or "", (m[2] or "")[:TERM_LIMIT]) for m in _RUN.finditer(_fold(text)))


def _fold(text: str) -> str:
    """One spelling for each letter: compatibility forms, case and accents folded."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    marks = (c for c in set(parts) if c not in _VOICED and unicodedata.category(c).startswith("M"))
    kept = parts.translate(dict.fromkeys(map(ord, marks)))
    return unicodedata.normalize("NFKC", kept.casefold())


def _pairs(run: str) -> Iterator[str]:
    return (run[i : i + 2] for i in range(len(run)))


def _asked(text: str) -> Iterator[str]:
    for run, word in _runs(text):
        if run:
            for piece in filter(None, _FUNCTION_WORDS.split(run)):
                yield from _question_pairs(piece)
        elif word not in _ENGLISH:
            yield _stem(word)


def _plain(text: str) -> Iterator[str]:
    for run, word in _runs(text):
        yield from _question_pairs(run) if run else (_stem(word),)


def _question_pairs(run: str) -> Iterator[str]:
    """Pairs only: what the last character begins depends on what follows it in the document."""
    return (run[i : i + 2] for i in range(max(1, len(run) - 1)))


def _stem(word: str) -> str:
    """English endings off: plural, -ed, -ing, final e. The same for documents and questions,
    so that two words run together at worst."""
    if len(word) < 4 or not (word.isascii() and word.isalpha()):
        return word
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    elif word.endswith("ied") and len(word) > 4:
        return word[:-3] + "y"
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3 and _VOWEL.search(stem):
            word = stem[:-1] if stem[-1] == stem[-2] and stem[-1] not in "lsz" else stem
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word
