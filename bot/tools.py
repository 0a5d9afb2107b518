"""The tool side of a turn: a model's wish becomes a checked call, and its outcome a message.

Nothing that a model writes can raise here. What is wrong with a call is told to the model in
one short text, so that it can do better.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bot.errors import PluginError, PluginTimeout, ToolError
from bot.plugins.api import PluginContext, ToolResult
from bot.plugins.host import GuardedTool
from bot.ports import Model
from bot.types import Message, Passage, Role, ToolCall, ToolSpec

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

log = logging.getLogger(__name__)
LONGEST_RESULT = 20_000
LONGEST_ARGUMENTS = 100_000
CUT = "\n[… cut: {left} more characters]"


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """`message` goes back to the model. Not `ok`: it says what went wrong."""

    message: Message
    passages: tuple[Passage, ...] = ()
    ok: bool = True


class Toolbox:
    """The tools that the model is offered: those that `PluginHost.tools` has then, which end a call
    after `timeout` seconds."""

    def __init__(self, offered: Callable[[], Sequence[GuardedTool]], *, timeout: float) -> None:
        self._offered = offered
        self._timeout = timeout
        self._seen: Sequence[GuardedTool] | None = None
        self._known: dict[str, _Checked] = {}
        self._specs: tuple[ToolSpec, ...] = ()
        self._counted: dict[str, int] = {}
        self._measured: dict[str, int] = {}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        self._look()
        return self._specs

    @property
    def _tools(self) -> dict[str, _Checked]:
        self._look()
        return self._known

    def _look(self) -> None:
        """Notice that plugins have changed: what was counted is of the tools that were."""
        offered = self._offered()
        if offered is self._seen:
            return
        self._seen = offered
        self._known = {tool.spec.name: _Checked(tool) for tool in offered}
        self._specs = tuple(tool.spec for tool in offered)
        self._counted, self._measured = {}, {}

    async def size(self, model: Model) -> int:
        """Tokens that the tools take in a prompt of this model: those of their schemas, until it was
        measured what the model's template makes of them. The model is asked once."""
        if model.name in self._measured or not self.specs:
            return self._measured.get(model.name, 0)
        if model.name not in self._counted:
            schemas = json.dumps([asdict(spec) for spec in self.specs], ensure_ascii=False)
            (self._counted[model.name],) = await model.count([schemas])
        return self._counted[model.name]

    def measured(self, model: Model) -> bool:
        return model.name in self._measured

    def measure(self, model: Model, tokens: int) -> None:
        """A server has counted a prompt, and the tools took so many tokens of it."""
        self._measured[model.name] = max(0, tokens)

    def activity(self, call: ToolCall, language: str) -> str:
        """What to show while the call runs; its name where the tool has no words for it."""
        checked = self._tools.get(call.name)
        words = checked.tool.activity if checked else {}
        return words.get(language) or words.get(language.split("-")[0]) or words.get("en") or call.name

    async def call(self, call: ToolCall, context: PluginContext) -> ToolOutcome:
        """Check and run the call. Never raises but CancelledError."""
        try:
            result = await self._run(call, context)
        except ToolError as error:
            return _outcome(call, f"Error: {error}", ok=False)
        except PluginTimeout:
            return _outcome(
                call, f"Error: {call.name} was not done within {self._timeout:g} seconds.", ok=False
            )
        except PluginError:
            return _outcome(call, f"Error: {call.name} failed. Do not call it again now.", ok=False)
        return _outcome(call, result.text, result.passages)

    async def _run(self, call: ToolCall, context: PluginContext) -> ToolResult:
        checked = self._tools.get(call.name)
        if checked is None:
            raise ToolError(
                f"there is no tool {call.name[:80]!r}. Tools: {', '.join(self._tools) or 'none'}."
            )
        arguments = checked.arguments(call.arguments)
        return await checked.tool.run(context, arguments, self._timeout)


@dataclass(frozen=True)
class _Checked:
    """A tool with its compiled schema."""

    tool: GuardedTool

    @cached_property
    def validator(self) -> Validator:
        # 100 ms to import, and most chats call no tool.
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError

        try:
            Draft202012Validator.check_schema(self.tool.spec.parameters)
        except SchemaError as error:
            log.error("tool %s: its parameters are no JSON Schema: %s", self.tool.spec.name, error.message)
            raise PluginError(f"tool {self.tool.spec.name} has a wrong schema") from error
        return Draft202012Validator(self.tool.spec.parameters)

    def arguments(self, text: str) -> dict[str, Any]:
        """The arguments in the model's text. Raises ToolError saying what was expected."""
        if len(text) > LONGEST_ARGUMENTS:
            raise ToolError(f"the arguments are longer than {LONGEST_ARGUMENTS} characters.")
        try:
            arguments = json.loads(text, parse_constant=_refuse) if text.strip() else {}
        except (ValueError, RecursionError) as error:
            raise ToolError(
                f"the arguments are no valid JSON ({str(error)[:200]}). {self._expected}"
            ) from None
        if not isinstance(arguments, dict):
            raise ToolError(f"the arguments are no JSON object. {self._expected}")
        wrong = next(self.validator.iter_errors(arguments), None)
        if wrong is not None:
            place = wrong.json_path.removeprefix("$.")
            raise ToolError(f"{place}: {wrong.message[:300]}. {self._expected}")
        return arguments

    @property
    def _expected(self) -> str:
        schema = json.dumps(self.tool.spec.parameters, ensure_ascii=False)
        return f"Expected an object of this schema: {schema[:2000]}"


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _outcome(
    call: ToolCall, text: str, passages: tuple[Passage, ...] = (), *, ok: bool = True
) -> ToolOutcome:
    if len(text) > LONGEST_RESULT:
        text = text[:LONGEST_RESULT] + CUT.format(left=len(text) - LONGEST_RESULT)
    return ToolOutcome(Message(Role.TOOL, text, name=call.name, tool_call_id=call.id), passages, ok)
