"""The embedded default: no language model, but answers quoted from the passages it is given.

Sentences are chosen by the question's words, rare ones weighing more (Chinese by pairs of
characters). A passage whose heading asks the question is quoted whole. Where too little of the question
occurs in the passages it says that it found nothing. The same request always gets the same answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from bot.types import Chunk, FinishReason, ModelRequest, Passage, Role, Usage
from inference.tokens import estimate

WINDOW = 1_000_000
ENOUGH = 0.34
"""The share of the question's weight that the best passage must have for an answer."""
_QUOTES = 3
"""Passages quoted at most."""
_SENTENCES = 3
"""Sentences of one passage at most."""
_ASKED = 0.75
"""The share of the question's weight in a passage's heading from which it is quoted whole …"""
_WHOLE = 1_000
"""… up to this many characters."""

_TEXTS = {
    "en": {
        "closing": "*No language model is connected, so this is quoted from the documents. To connect one, "
        "set `TERTULIA_MODEL_URL`; `tertulia check` says how.*",
        "nothing": "I found nothing about that in the documents. No language model is connected, so all I "
        "can do is quote from the documents that I was given (`tertulia learn` adds some). To chat about "
        "anything else, connect a model: set `TERTULIA_MODEL_URL`; `tertulia check` says how.",
    },
    "zh": {
        "closing": "*目前没有连接语言模型，以上内容摘自文档。要连接模型，请设置 `TERTULIA_MODEL_URL`；"
        "运行 `tertulia check` 查看方法。*",
        "nothing": "我在文档中没有找到相关内容。目前没有连接语言模型，我只能引用已有的文档"
        "（用 `tertulia learn` 添加）。想聊其他话题，请连接一个模型：设置 `TERTULIA_MODEL_URL`，"
        "运行 `tertulia check` 查看方法。",
    },
}

_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[\u3400-\u9fff]+|[^\W_]+(?:[-'][^\W_]+)*")
_STOP = frozenset(
    "a an and any are as at be but by can could did do does for from had has have hello hey hi how i if in "
    "into is it its me my of on or our please should so some tell thank thanks that the their them then "
    "there these they this to us use used using was we were what when where which who why will with would "
    "you your about does explain give show".split()
)
_STOP_HAN = re.compile(
    "怎么样|为什么|怎么|怎样|如何|什么|哪些|哪里|可以|请问|你好|您好|谢谢|多少|是否|[的了吗呢吧啊是在我你您它这那有和与请]"
)
_FENCE = re.compile(r"^(```|~~~)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
_INLINE = re.compile(r"`[^`]*`")
_END = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[。！？])(?=\S)")


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    terms: frozenset[str]
    code: bool = False


class ExtractiveModel:
    """`bot.ports.Model` that only quotes. Citation markers are `[n]`, n counting `passages`."""

    name = "extractive"
    continues = False
    generates = False
    sees = False

    async def window(self) -> int:
        return WINDOW

    async def count(self, texts: Sequence[str]) -> list[int]:
        return [estimate(text) for text in texts]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk]:
        question = next((m.text for m in reversed(request.messages) if m.role is Role.USER), "")
        text = answer(question, request.passages, request.language)
        for piece in _pieces(text):
            yield Chunk(piece)
        prompt = sum(estimate(m.content) for m in request.messages)
        yield Chunk(usage=Usage(prompt, estimate(text)), finish_reason=FinishReason.STOP)


def answer(question: str, passages: Sequence[Passage], language: str = "") -> str:
    """Markdown, in the question's language."""
    texts = _TEXTS[_language(question, language)]
    wanted = terms_of(question)
    parsed = [_sentences(passage.text) for passage in passages]
    weights = _weights(wanted, parsed)
    headings = [_in_heading(question, passage, weights) for passage in passages]
    chosen = _choose(question, passages, parsed, weights, headings)
    if not chosen:
        return texts["nothing"]
    quotes = [
        _marked(parsed[n], _first(parsed[n]) if headings[n] >= _ASKED else _best(parsed[n], weights), n + 1)
        for n in chosen
    ]
    return "\n\n".join([*quotes, texts["closing"]])


def terms_of(text: str) -> frozenset[str]:
    """What a text is about: words without endings, pairs of Chinese characters."""
    found: set[str] = set()
    for word in _WORD.findall(_STOP_HAN.sub(" ", text.lower())):
        if _HAN.match(word):
            found.update([word] if len(word) == 1 else (word[i : i + 2] for i in range(len(word) - 1)))
        elif word not in _STOP:
            found.add(_stem(word))
    return frozenset(found)


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 4 else word


def _language(question: str, language: str) -> str:
    if _HAN.search(question):
        return "zh"
    if re.search(r"[A-Za-z]", question):
        return "en"
    return "zh" if language.lower().startswith("zh") else "en"


def _sentences(text: str) -> list[_Sentence]:
    """Prose in sentences, list items and code blocks whole; headings are left out."""
    return [
        _Sentence(unit, terms_of(unit), code)
        for block, code in _blocks(text)
        for unit in ([block] if code or _ITEM.match(block) else _split(block))
        if unit.strip()
    ]


def _blocks(text: str) -> Iterator[tuple[str, bool]]:
    """(text, whether it is a code block) of each paragraph, list item and code block."""
    held: list[str] = []
    fenced = False
    for line in text.splitlines():
        fence = bool(_FENCE.match(line.strip()))
        if fenced:
            held.append(line)
            if fence:
                yield "\n".join(held), True
                held, fenced = [], False
            continue
        if held and (fence or not line.strip() or _HEADING.match(line) or _ITEM.match(line)):
            yield " ".join(held), False
            held = []
        if line.strip() and not _HEADING.match(line):
            held.append(line if fence else line.strip())
        fenced = fence
    if held:
        yield ("\n".join([*held, "```"]), True) if fenced else (" ".join(held), False)


def _split(block: str) -> list[str]:
    """Sentences; never parted inside inline code."""
    code = [m.span() for m in _INLINE.finditer(block)]
    parts, start = [], 0
    for end in _END.finditer(block):
        if not any(a < end.start() < b for a, b in code):
            parts.append(block[start : end.start()].strip())
            start = end.end()
    return [*parts, block[start:].strip()]


def _weights(wanted: frozenset[str], parsed: Sequence[Sequence[_Sentence]]) -> dict[str, float]:
    """Rare words tell more; a word in no passage weighs like the rarest."""
    every = [s.terms for sentences in parsed for s in sentences]
    return {
        term: math.log(1 + (len(every) + 1) / (1 + sum(term in terms for terms in every)))
        for term in sorted(wanted)
    }


def _in_heading(question: str, passage: Passage, weights: dict[str, float]) -> float:
    """The share of the question's weight that the passage's own heading has; where the question has
    nothing but common words ("What can you do?"), 1 for a heading that says just the same."""
    heading = passage.title.rpartition(" › ")[2].lower()
    if not weights:
        asked = _WORD.findall(question.lower())
        return float(bool(asked) and asked == _WORD.findall(heading))
    terms = terms_of(heading)
    return sum(w for t, w in weights.items() if t in terms) / sum(weights.values())


def _choose(
    question: str,
    passages: Sequence[Passage],
    parsed: Sequence[Sequence[_Sentence]],
    weights: dict[str, float],
    headings: Sequence[float],
) -> list[int]:
    """Indices of the passages worth quoting, best first."""
    whole = sum(weights.values())
    if not whole:
        return [n for n, share in enumerate(headings) if share and parsed[n]][:1]
    chinese = bool(_HAN.search(question))
    scores: dict[int, float] = {}
    for n, sentences in enumerate(parsed):
        terms = terms_of(f"{passages[n].title} {passages[n].text}")
        if sentences:
            scores[n] = sum(w for t, w in weights.items() if t in terms) / whole
    good = [n for n, score in scores.items() if score >= ENOUGH]
    same = [n for n in good if bool(_HAN.search(passages[n].text)) == chinese]
    rank = {n: scores[n] * (0.5 + headings[n]) for n in good}
    good = sorted(same or good, key=lambda n: (-rank[n], n))
    if good and headings[good[0]] >= _ASKED:
        return [n for n in good if headings[n] >= headings[good[0]]][:_QUOTES]
    return [n for n in good if rank[n] >= 0.7 * rank[good[0]]][:_QUOTES]


def _first(sentences: Sequence[_Sentence]) -> list[int]:
    """The passage from its start, as far as it fits; at least one sentence."""
    ends = accumulate(len(s.text) for s in sentences)
    return [i for i, end in enumerate(ends) if i == 0 or end <= _WHOLE]


def _best(sentences: Sequence[_Sentence], weights: dict[str, float]) -> list[int]:
    """The passage's best sentences in their order, each followed by the code that it announces."""
    value = [sum(w for t, w in weights.items() if t in s.terms) for s in sentences]
    best = sorted(range(len(sentences)), key=lambda i: (-value[i], i))
    kept = {i for i in best[:_SENTENCES] if value[i] >= 0.5 * value[best[0]]}
    for i in sorted(kept):
        if sentences[i].text.endswith((":", "：")):
            kept.update(_announced(sentences, i))
    return sorted(kept)


def _marked(sentences: Sequence[_Sentence], kept: Sequence[int], number: int) -> str:
    """These sentences as one quotation, with its marker."""
    lines = [sentences[i].text for i in kept]
    glue = [_glue(sentences[a], sentences[b]) for a, b in pairwise(kept)]
    text = "".join(part for pair in zip(lines, [*glue, ""], strict=True) for part in pair)
    return f"{text}\n\n[{number}]" if sentences[kept[-1]].code else f"{text} [{number}]"


def _announced(sentences: Sequence[_Sentence], i: int) -> Iterator[int]:
    """The code block, or the list, right after sentence `i`."""
    for j in range(i + 1, len(sentences)):
        if sentences[j].code:
            yield j
            return
        if not _ITEM.match(sentences[j].text) or j - i > 8:
            return
        yield j


def _glue(one: _Sentence, other: _Sentence) -> str:
    if one.code or other.code:
        return "\n\n"
    if _ITEM.match(other.text):
        return "\n" if _ITEM.match(one.text) else "\n\n"
    if _ITEM.match(one.text):
        return "\n\n"
    return "" if one.text.endswith(("。", "！", "？")) else " "


def _pieces(text: str) -> Iterator[str]:
    """A sentence or a line at a time; together exactly `text`."""
    yield from re.findall(r".+?(?:[.!?。！？](?=\s|$|[^\x00-\x7f])\s*|\n+|$)", text, re.DOTALL)
