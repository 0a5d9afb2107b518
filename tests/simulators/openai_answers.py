"""What the model simulator says: a behaviour and a request body become the events of a stream."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

from tests.simulators.openai_pictures import described, words

_TOKEN = re.compile(r"<\|\w+\|>| ?[A-Za-z]{1,6}|\s+|.", re.DOTALL)


@dataclass
class Behaviour:
    """What the server does with a chat request. Zero and empty mean: not so."""

    text: str = ""
    """The answer; empty: the question comes back."""
    unreadable: str = ""
    """What is said of pictures, which are refused."""
    refusal: int = 400
    """With this status."""
    look: bool = False
    """Say of each picture its size and its colour."""
    times: int = 1
    """As often it comes back, a paragraph each."""
    chunks: int = 0
    """Answer of this many words, one event each."""
    interval: float = 0.0
    """Seconds between two events."""
    first: float = 0.0
    """Seconds until the first event."""
    reasoning: str = ""
    reasoning_field: str = "reasoning"
    tool: str = ""
    """Call this tool (arguments: `arguments`) unless the last message is a tool's result."""
    arguments: str = '{"query": "telegram"}'
    calls: int = 1
    tools_for_ever: bool = False
    finish: str = "stop"
    nothing: bool = False
    unfinished: bool = False
    """End the stream without saying why."""
    garbage: bool = False
    half: int = 0
    """Break off inside the JSON of the event after this many."""
    cut: int = 0
    """Drop the connection after this many events."""
    error_after: int = 0
    """An error event after this many."""
    stall: int = 0
    """After this many events say nothing more for ever, like a vLLM that is asked to end."""
    endless: bool = False
    busy: int = 0
    """Answer 503 this many times first."""
    full: int = 0
    """Open a stream this many times first whose only event is an error: vLLM's queue limit."""
    retry_after: str = "0"
    status: int = 0
    message: str = "refused"


def tokens_of(text: str) -> int:
    """The simulator's tokenizer: a control token, or up to six letters and the blank before them, or
    blanks, or one character."""
    return len(_TOKEN.findall(text))


def rendered(body: dict[str, Any]) -> str:
    """A chat template of one mark before and after each message; each is one token, like the role."""
    turns = [turn(m) for m in body["messages"]]
    if body.get("continue_final_message"):
        return "".join(turns)[:-1]
    return "".join(turns) + ("§assi" if body.get("add_generation_prompt", True) else "")


def turn(message: dict[str, Any]) -> str:
    """One message as the template writes it."""
    return f"§{message['role'][:4]}{words(message.get('content') or '')}¶"


def marked(base: Behaviour, marker: str) -> Behaviour:
    """``name=value`` pairs, blanks between; a name alone is true."""
    kinds = get_type_hints(Behaviour)
    given: dict[str, Any] = {}
    for pair in marker.split():
        name, _, value = pair.partition("=")
        if name in kinds:
            given[name] = True if kinds[name] is bool else kinds[name](value)
    return dataclasses.replace(base, **given)


def asked(body: dict[str, Any]) -> str:
    """The last question, without its pictures."""
    last = next((m["content"] for m in reversed(body["messages"]) if m["role"] == "user"), "")
    return last if isinstance(last, str) else "".join(part.get("text", "") for part in last)


def prompt(body: dict[str, Any]) -> str:
    return str(body["prompt"]) if "prompt" in body else rendered(body)


def events(
    body: dict[str, Any], plan: Behaviour, cached: int, room: int, *, terse: bool = False
) -> Iterator[bytes]:
    """`room`: tokens left for the answer. `terse`: as `transformers serve` ends a stream, with the
    usage in the last chunk and without a mark after it."""
    if plan.garbage:
        yield b"data: <html>\x00\xff not json\n\n"
        return
    count = 0
    finish: str | None = None if plan.unfinished else _finish(body, plan)
    held: dict[str, Any] = {}
    for delta in () if plan.nothing else _deltas(body, plan):
        if plan.error_after and count >= plan.error_after:
            yield failed("EngineCore died", "InternalServerError", 500)
            return
        if count >= min(room, body.get("max_tokens", sys.maxsize)):
            finish = "length"
            break
        if held:
            yield _event(body, held, None)
        held = delta
        count += 1 if delta.get("content") != "" else 0
    size = tokens_of(prompt(body))
    usage = {"prompt_tokens": size, "completion_tokens": count, "total_tokens": size + count}
    if terse:
        yield from (_event(body, delta, None) for delta in (held,) if delta)
        yield _event(body, {}, finish, usage=usage)
        return
    last = {} if "tool_calls" in held else held  # the last piece of a text says why it is the last
    yield from (_event(body, delta, None) for delta in (held,) if delta is not last)
    yield _event(body, last, finish)
    if (body.get("stream_options") or {}).get("include_usage"):
        details = {"prompt_tokens_details": {"cached_tokens": cached}}
        yield _data({"id": "chatcmpl-1", "choices": [], "usage": usage | details})
    yield b"data: [DONE]\n\n"


def failed(message: str, kind: str, code: int) -> bytes:
    """The event of an error in a stream."""
    return _data({"error": {"message": message, "type": kind, "param": None, "code": code}})


def _finish(body: dict[str, Any], plan: Behaviour) -> str:
    return "tool_calls" if _calls_now(body, plan) else plan.finish


def _deltas(body: dict[str, Any], plan: Behaviour) -> Iterator[dict[str, Any]]:
    if "messages" in body:
        yield {"role": "assistant", "content": ""}
    for word in re.findall(r"\S+\s*", plan.reasoning):
        yield {plan.reasoning_field: word}
    if _calls_now(body, plan):
        yield from _tool_deltas(plan)
        return
    number = 0
    while plan.endless:
        yield {"content": f"word{number} "}
        number += 1
    if plan.chunks:
        yield from ({"content": f"word{number} "} for number in range(plan.chunks))
        return
    yield from ({"content": word} for word in re.findall(r"\s*\S+\s*", _answer(body, plan)))


def _answer(body: dict[str, Any], plan: Behaviour) -> str:
    """With a prefill, what comes after it in the same answer (or a word, where it is no beginning)."""
    if plan.look:
        return described(body) or "I see nothing."
    question = asked(body) if "messages" in body else str(body["prompt"])
    text = plan.text or "\n\n".join([question] * plan.times)
    if not body.get("continue_final_message"):
        return text
    begun = str(body["messages"][-1]["content"])
    return text[len(begun) :] if text.startswith(begun) else " continued"


def _calls_now(body: dict[str, Any], plan: Behaviour) -> bool:
    if not plan.tool or not body.get("tools"):
        return False
    return plan.tools_for_ever or body["messages"][-1]["role"] != "tool"


def _tool_deltas(plan: Behaviour) -> Iterator[dict[str, Any]]:
    """A head with id and name, then the arguments in pieces of five characters, as vLLM splits them."""
    for index in range(plan.calls):
        head = {"name": plan.tool}
        yield {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": head}]}
        for start in range(0, len(plan.arguments), 5):
            piece = {"arguments": plan.arguments[start : start + 5]}
            yield {"tool_calls": [{"index": index, "function": piece}]}


def _event(body: dict[str, Any], delta: dict[str, Any], finish: str | None, **more: object) -> bytes:
    choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": finish, "stop_reason": None}
    if "messages" in body:
        choice["delta"] = delta
    else:
        choice["text"] = delta.get("content", "")
    kind = "chat.completion.chunk" if "messages" in body else "text_completion"
    head = {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body.get("model", "")}
    return _data({**head, "choices": [choice], **more})


def _data(value: object) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
