"""One answer in the making: model steps and tool calls, until there is a whole text.

What a server loses (it restarts, refuses for a while, breaks off) is asked for again: from the
text so far where the model can continue it, else anew.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.citations import shift
from bot.clock import Ended, Scope
from bot.counts import counted
from bot.errors import ContextOverflow, ModelBusy, ModelError, ModelTimeout, ModelUnavailable
from bot.markup import visible
from bot.patience import Watch
from bot.pictures import references, shown
from bot.plugins.api import PluginContext
from bot.ports import Clock, Model, Telemetry
from bot.prompt import OVERHEAD, Prompt, Summary, alternating, build, least, rendered, tokens_of, unseen
from bot.thinking import Thinking
from bot.tools import Toolbox
from bot.types import (
    NO_THOUGHTS,
    Chunk,
    FinishReason,
    Message,
    ModelRequest,
    Passage,
    Picture,
    Role,
    Sampling,
    Thoughts,
    ToolCall,
    Usage,
)

log = logging.getLogger(__name__)
ANSWER_ROOM = 1024
"""Tokens kept free for the answer where the sampling sets no limit (at most half the window)."""


@dataclass(frozen=True, slots=True)
class Limits:
    first_chunk: float
    stall: float
    patience: float
    tool_steps: int
    max_answer: int
    prompt_budget: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked, of which model, and with what."""

    model: Model
    system: Message
    history: Sequence[Message]
    question: Message
    summary: Summary
    context_turn: int
    prepared: Summary | None
    sampling: Sampling
    request: ModelRequest
    """Tools, session, salt, priority and language; the messages are filled in at each step."""
    plugin_context: PluginContext
    passing: str = ""
    """What the question's context ends with and is for this turn alone."""
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    """Those of the history and the question that the model is shown, by reference."""


@dataclass(slots=True)
class Draft:
    """The answer so far. `steps` are the tool calls and results before the last text."""

    text: str = ""
    steps: list[Message] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    usage: Usage = Usage()
    finish_reason: str = ""
    prompt: Prompt | None = None
    question_tokens: int = 0
    answer_tokens: int = 0
    reasoned: bool = False
    unseen: frozenset[str] = frozenset()
    """References of the pictures that the model's server did not take."""
    thoughts: Thoughts = NO_THOUGHTS
    note: str = ""
    """What the person is told below the text (stopped, failed, cut short)."""
    begun: int = 0
    """Where in `text` the present step begins."""

    @property
    def step_text(self) -> str:
        return self.text[self.begun :]


class Generation:
    """Runs one Ask into one Draft. `show` gets the whole text and the thoughts whenever either has grown,
    `activity` a line on what is being done; `say` gives the words for it by key. Thoughts are kept if
    `thoughts` says so."""

    def __init__(
        self,
        ask: Ask,
        draft: Draft,
        toolbox: Toolbox,
        limits: Limits,
        *,
        clock: Clock,
        telemetry: Telemetry,
        show: Callable[[str, Thoughts], None],
        activity: Callable[[str], None],
        say: Callable[..., str],
        thoughts: bool = False,
    ) -> None:
        *history, question = shown([*rendered(ask.history, ask.context_turn), ask.question], ask.pictures)
        self.ask = replace(ask, history=history, question=question)
        self.draft = draft
        self._toolbox = toolbox
        self._limits = limits
        self._clock = clock
        self._telemetry = telemetry
        self._show = show
        self._activity = activity
        self._say = say
        if not thoughts:  # a checkpoint has them of a time when they were kept
            draft.thoughts = NO_THOUGHTS
        self._thinking = Thinking(clock, draft.thoughts)
        self._keeps_thoughts = thoughts
        self._budget = 0
        self._tools_size = 0
        self._counted = False
        self._progress = clock.monotonic()
        self._brought = references([question], ask.pictures)
        self._overflowed = frozenset[str]()
        """What was shown in prompts that were too long."""

    async def run(self) -> None:
        """Fill the draft. Raises ModelError; the draft then holds what there is."""
        await self._measure_room()
        for step in range(self._limits.tool_steps + 1):
            calls = await self._step(with_tools=step < self._limits.tool_steps)
            if not calls:
                if not visible(self.draft.text):
                    raise ModelError("the model gave no text")
                self._thinking.end(self.draft.step_text)
                self.draft.thoughts = self._thinking.now
                return
            await self._call_tools(calls)
        raise ModelError(f"the model still calls tools after {self._limits.tool_steps} rounds")

    async def _measure_room(self) -> None:
        """What the answer and the tools leave of the window is the messages'. Tools beside which no
        question has room are not offered."""
        ask = self.ask
        window = await ask.model.window()
        room = window - self._room_for_answer(window)
        if self._limits.prompt_budget:
            room = min(room, self._limits.prompt_budget)
        self._budget = room
        if not ask.request.tools:
            return
        if not self._toolbox.measured(ask.model):
            await self._count()
        self._tools_size = await self._toolbox.size(ask.model)
        if room - self._tools_size < self._least:
            self._drop_tools()
        self._budget = room - self._tools_size

    @property
    def _least(self) -> int:
        return least(self.ask.system, self.ask.question)

    def _drop_tools(self) -> None:
        log.warning("model %s: no room for tools; asking without", self.ask.model.name)
        self.ask = replace(self.ask, request=replace(self.ask.request, tools=()))
        self._tools_size = 0

    async def _step(self, *, with_tools: bool) -> tuple[ToolCall, ...]:
        """One model call, asked again as long as there is patience."""
        self._progress = self._clock.monotonic()
        pause, cuts = 0.5, 0
        while True:
            begun = self._clock.monotonic()
            try:
                return await self._stream(with_tools)
            except ContextOverflow as error:
                cuts += 1
                if cuts > 6:
                    raise
                self._budget = await self._smaller(error)
                log.info("prompt cut to %d tokens: %s", self._budget, error)
            except (ModelUnavailable, ModelTimeout) as error:
                pause = 0.5 if self._progress >= begun else pause
                waited = self._clock.monotonic() - self._progress
                if waited + pause > self._limits.patience:
                    raise
                log.warning("model %s: %s; asking again", self.ask.model.name, error)
                self._telemetry.count("model_retries")
                self._activity(self._say("turn.waiting"))
                await self._clock.sleep(max(pause, error.retry_after if isinstance(error, ModelBusy) else 0))
                pause = min(pause * 2, 8.0)

    async def _smaller(self, error: ContextOverflow) -> int:
        """A budget below what was refused, by the server's own word on its window where it gave one.
        What pictures take is the least certain: earlier ones go first, and the question's where by all that
        is known the prompt fits. Where the messages cannot become fewer the tools go. Raises the error when
        they have gone."""
        if self.draft.prompt is None:
            raise error
        self._overflowed |= references(self.draft.prompt.messages, self.ask.pictures)
        brought = len(self.ask.question.pictures)
        if any(m.pictures for m in self.ask.history):
            self._show_newest(brought)
            return self._budget
        if not self._counted:  # by bounds it may have looked larger than it is
            await self._count()
        prompt, floor = self._built(), self._least
        known = error.limit - self._room_for_answer(error.limit) if error.limit else prompt.tokens
        if brought and prompt.tokens + (self._tools_size if error.limit else 0) <= known:
            self._show_newest(min(brought - 1, 1))
            return self._budget
        aim = min(known - self._tools_size, int(prompt.tokens * 0.7))
        if aim < floor and self.ask.request.tools:
            self._drop_tools()
            aim = min(known, self._budget)
        elif prompt.tokens <= floor:
            raise error
        return max(aim, floor)

    def _show_newest(self, most: int) -> None:
        """From now on: of the question's pictures the last ones, and none of earlier turns."""
        question = self.ask.question
        kept = replace(question, pictures=question.pictures[len(question.pictures) - most :])
        self.ask = replace(self.ask, history=[unseen(m) for m in self.ask.history], question=kept)

    def _room_for_answer(self, window: int) -> int:
        return min(self.ask.sampling.max_tokens or ANSWER_ROOM, window // 2)

    async def _stream(self, with_tools: bool) -> tuple[ToolCall, ...]:
        draft, model = self.draft, self.ask.model
        prefill = draft.step_text if model.continues and not draft.reasoned else ""
        if not prefill:
            draft.text = draft.text[: draft.begun]
            self._thinking.again()
        prompt = draft.prompt = await self._prompt()
        request = replace(
            self.ask.request,
            messages=alternating(prompt.messages),
            sampling=await self._left(prefill),
            tools=self.ask.request.tools if with_tools else (),
            prefill=prefill,
            passages=tuple(draft.passages),
        )
        try:
            return await self._read(request, prompt)
        except Ended as ended:
            raise ModelTimeout(f"nothing came from the model for {ended.reason} s") from ended

    async def _read(self, request: ModelRequest, prompt: Prompt) -> tuple[ToolCall, ...]:
        draft = self.draft
        calls: tuple[ToolCall, ...] = ()
        async with (
            Scope(self._clock) as scope,
            contextlib.aclosing(self.ask.model.stream(request)) as stream,
        ):
            watch = Watch(self._clock, scope, self._limits.first_chunk, self._limits.stall)
            with contextlib.closing(watch):
                async for chunk in stream:
                    if watch.saw():
                        self._telemetry.observe("first_chunk", watch.waited)
                        self._look(request, chunk)
                    calls += chunk.tool_calls
                    self._take(chunk, prompt, request)
                    if len(draft.text) > self._limits.max_answer:
                        draft.text = draft.text[: self._limits.max_answer]
                        draft.finish_reason = FinishReason.LENGTH
                        return ()
        return calls

    def _look(self, request: ModelRequest, chunk: Chunk) -> None:
        """Which pictures the server did not take: of a refusal those that came with the question are the
        likeliest cause. The person is told of those; of earlier ones they were told, or answered."""
        taken, draft = references(request.messages, self.ask.pictures), self.draft
        refused = self._overflowed - taken
        if chunk.unseen:
            self._show_newest(0)
            refused |= taken & self._brought or taken
        draft.unseen |= refused
        if draft.unseen & self._brought:
            draft.note = self._say("turn.unseen")

    async def _left(self, prefill: str) -> Sampling:
        """The sampling, less the tokens of what is already there."""
        sampling = self.ask.sampling
        if not prefill or sampling.max_tokens is None:
            return sampling
        (there,) = await self.ask.model.count([prefill])
        return replace(sampling, max_tokens=max(1, sampling.max_tokens - there))

    def _take(self, chunk: Chunk, prompt: Prompt, request: ModelRequest) -> None:
        draft = self.draft
        self._progress = self._clock.monotonic()
        draft.reasoned = draft.reasoned or bool(chunk.reasoning)
        if chunk.reasoning and self._keeps_thoughts:
            self._thinking.think(chunk.reasoning)
        if chunk.text:
            self._thinking.speak()
            draft.text += chunk.text
        if chunk.text or draft.thoughts != self._thinking.now:
            draft.thoughts = self._thinking.now
            self._show(draft.text, draft.thoughts)
        if chunk.usage is not None:
            draft.usage += chunk.usage
            if not request.prefill and not draft.steps:
                self._learn(chunk.usage, prompt, bool(request.tools))
        if chunk.finish_reason:
            draft.finish_reason = chunk.finish_reason

    def _learn(self, usage: Usage, prompt: Prompt, with_tools: bool) -> None:
        """The server's own count of the prompt, less what is known, is the question's; the first time
        that tools are offered, the tools'. With pictures in it, it tells nothing of the words."""
        *others, question = prompt.messages
        model = self.ask.model
        words = not any(m.pictures for m in (*self.ask.history, self.ask.question))
        as_is = words and not prompt.trimmed and len(alternating(prompt.messages)) == len(prompt.messages)
        if usage.prompt and as_is and all(m.tokens for m in others):
            left = usage.prompt - sum(m.tokens for m in others)
            if with_tools and not self._toolbox.measured(model):
                self._toolbox.measure(model, left - question.tokens)
                self.draft.question_tokens = question.tokens
            else:
                self.draft.question_tokens = max(1, left - (self._tools_size if with_tools else 0))
        if usage.completion and not self.draft.reasoned:
            self.draft.answer_tokens = usage.completion + OVERHEAD

    async def _prompt(self) -> Prompt:
        """Built from bounds where counts are not known yet; they are taken only if it matters."""
        ask, steps = self.ask, self.draft.steps
        size = sum(map(tokens_of, (ask.system, *ask.history, ask.question, *steps))) + ask.summary.tokens
        if size > self._budget and not self._counted:
            await self._count()
        return self._built()

    def _built(self) -> Prompt:
        ask, last = self.ask, self.draft.prompt
        return build(
            ask.system,
            ask.history,
            [ask.question, *self.draft.steps],
            budget=self._budget,
            summary=last.summary if last else ask.summary,
            prepared=ask.prepared,
            context_turn=last.context_turn if last else ask.context_turn,
        )

    async def _count(self) -> None:
        """Take the counts that are not known yet, of all that the prompt may hold."""
        self._counted = True
        ask, steps = self.ask, self.draft.steps
        known = await counted(ask.model, [ask.system, ask.question, *ask.history, *steps])
        steps[:] = known[len(known) - len(steps) :]
        history = known[2 : len(known) - len(steps)]
        self.ask = replace(ask, system=known[0], question=known[1], history=history)

    async def _call_tools(self, calls: tuple[ToolCall, ...]) -> None:
        draft, context, turn = self.draft, self.ask.plugin_context, self.ask.question.turn
        steps = [Message(Role.ASSISTANT, draft.step_text, tool_calls=calls, turn=turn)]
        for call in calls:
            self._activity(self._toolbox.activity(call, context.language))
            started = self._clock.monotonic()
            outcome = await self._toolbox.call(call, context)
            self._telemetry.observe("tool", self._clock.monotonic() - started)
            self._telemetry.count("tool_calls", ok=str(outcome.ok).lower())
            if not outcome.ok:
                self._activity(self._say("tool.failed", name=call.name))
            elif outcome.passages:
                self._activity(self._say("tool.found", count=len(outcome.passages)))
            text = shift(outcome.message.text, len(draft.passages))
            draft.passages.extend(outcome.passages)
            steps.append(replace(outcome.message, text=text, turn=turn))
        draft.steps += steps  # all or none: a call without its result is no history
        self._counted = False
        if draft.text and not draft.text.endswith("\n\n"):
            draft.text += "\n\n"
        draft.begun = len(draft.text)
        self._thinking.settle()
