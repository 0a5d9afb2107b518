"""How a turn ends: its state, what the person is told where it has no whole answer, and what of it
becomes history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.errors import (
    ContextOverflow,
    EndpointRefused,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from bot.generation import Ask, Draft
from bot.types import FinishReason, Message, Passage, Role, TurnState

_STATES: dict[str, TurnState] = {
    FinishReason.CANCELLED: TurnState.CANCELLED,
    FinishReason.TAKEN: TurnState.CANCELLED,
    FinishReason.ERROR: TurnState.FAILED,
}
_APOLOGIES: dict[type[ModelError], str] = {
    ModelUnavailable: "turn.unavailable",
    ModelTimeout: "turn.unavailable",
    ContextOverflow: "turn.too_long",
    EndpointRefused: "turn.misconfigured",
    ModelRefused: "turn.refused",
    ModelError: "turn.failed",
}


def end_state(finish_reason: str) -> TurnState:
    """Of a turn whose answer was delivered."""
    return _STATES.get(finish_reason, TurnState.DONE)


def stopped(reason: str, text: str) -> tuple[FinishReason, str]:
    """How an answer ends that was stopped at this text, and the key of what the person is told. Taken over
    before there was any, the question waits for a person."""
    if reason == "deadline":
        return FinishReason.LENGTH, "turn.deadline"
    if reason == FinishReason.TAKEN:
        return FinishReason.CANCELLED if text.strip() else FinishReason.TAKEN, "turn.taken"
    return FinishReason.CANCELLED, "turn.stopped"


def apology(failure: ModelError) -> str:
    """The key of what the person is told; that of the first kind that the failure is of."""
    return next(key for kind, key in _APOLOGIES.items() if isinstance(failure, kind))


def restricted(passages: Iterable[Passage]) -> bool:
    """Whether not everybody may read them: then they are shown to the model with this question alone,
    and are no history, in which somebody else, or the same person later, would ask about them."""
    return any(passage.audience for passage in passages)


def below(text: str, note: str) -> str:
    """The text with a note under it."""
    return "\n\n".join(filter(None, (text.strip(), note)))


def history_of(plain: Message, ask: Ask | None, draft: Draft, *, failed: bool) -> list[Message]:
    """The messages that later prompts hold of the turn. `plain`: the question by itself, for a turn
    that ended before it was asked; a failed answer is no history."""
    messages = [plain if ask is None else _as_seen(ask, draft)]
    if draft.step_text.strip() and not failed:
        steps = [] if restricted(draft.passages) else draft.steps
        messages += [*steps, Message(Role.ASSISTANT, draft.step_text, tokens=draft.answer_tokens)]
    return messages


def _as_seen(ask: Ask, draft: Draft) -> Message:
    """The question as the model saw it, so that the next prompt begins with the same; what others
    said around it does not become history."""
    shown = draft.prompt.messages if draft.prompt else ()
    kept = any(m.context for m in shown if m.role is Role.USER and m.turn == ask.question.turn)
    if ask.question.context and not kept:
        return replace(ask.question, context="", tokens=0)
    if ask.passing:
        lasting = ask.question.context.removesuffix(ask.passing).rstrip()
        return replace(ask.question, context=lasting, tokens=0)
    return replace(ask.question, tokens=draft.question_tokens)
