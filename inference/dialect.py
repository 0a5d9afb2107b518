"""What one server turned out to want: learnt from its refusals, and kept."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.errors import ModelError
from bot.types import ModelRequest
from inference.failures import lacks_template

OPTIONAL = frozenset(
    {
        *("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "stop", "seed"),
        *("priority", "cache_salt", "stream_options"),
    }
)
"""Fields that a server is also asked without: the answer may be another, but is one."""
# transformers: "Unexpected fields in the request: {'top_k', 'priority'}". OpenAI: "Unrecognized
# request argument supplied: top_k", "Unsupported parameter: 'temperature' is not supported …".
_UNEXPECTED = re.compile(
    r"unexpected fields[^{]*\{([^}]*)\}|unrecognized request arguments? supplied: ([\w, ]+)"
    r"|unsupported (?:parameter|value): '(\w+)'",
    re.IGNORECASE,
)
# vLLM without its flags; Ollama: "… does not support tools"; llama.cpp: "tools param requires --jinja".
_NO_TOOLS = re.compile(
    r"requires --(?:enable-auto-tool-choice|tool-call-parser)|does not support tools|tools param requires",
    re.IGNORECASE,
)
# vLLM: "max_tokens=5000 cannot be greater than max_model_len=2048"; before 0.12: "maximum context
# length is 4096 tokens. However, you requested 4296 tokens (200 in the messages, 4096 in the
# completion)", "… and your request has 200 input tokens".
_MOST = re.compile(r"max_tokens=\d+ cannot be greater than max_model_len=(\d+)")
_TAKEN = re.compile(
    r"context length is (\d+) tokens.{0,60}?(?:\((\d+) in the messages|request has (\d+) input tokens)",
    re.DOTALL,
)


@dataclass(slots=True)
class Dialect:
    """How a server wants to be asked."""

    template: bool = True
    """Its tokenizer has a chat template; else plain completions with one of ours."""
    tools: bool = True
    limit_key: str = "max_tokens"
    unwanted: frozenset[str] = frozenset()
    """Fields that it refuses."""

    def learn(self, error: ModelError) -> str:
        """What the operator should know of what was learnt; empty where asking anew would make no
        sense. The same refusal never teaches twice."""
        said = str(error)
        if self.template and lacks_template(error):
            self.template = False
            return "its model has no chat template; a plain one is used. Better: serve a chat model"
        if self.tools and _NO_TOOLS.search(said):
            self.tools = False
            return (
                "it refuses tools, so it is asked without. To let the model search documents, start vLLM "
                "with --enable-auto-tool-choice and --tool-call-parser (hermes, …), then Tertulia again"
            )
        if self.limit_key == "max_tokens" and "max_completion_tokens' instead" in said:
            self.limit_key = "max_completion_tokens"
            return "its limit on answers is named max_completion_tokens"
        return self._drop(said)

    def _drop(self, said: str) -> str:
        found = _UNEXPECTED.search(said)
        names = re.findall(r"\w+", found.group(found.lastindex or 0)) if found else []
        if "Priority scheduling" in said:
            names.append("priority")
        if not (fresh := OPTIONAL.intersection(names) - self.unwanted):
            return ""
        self.unwanted |= fresh
        return f"it is asked without {', '.join(sorted(fresh))}, which it does not know"


def room_for_answer(error: ModelError, request: ModelRequest) -> int:
    """The `max_tokens` with which the server would take this request, by the refusal's own
    numbers; 0 where it is not the limit on the answer that was too high."""
    said = str(error)
    if most := _MOST.search(said):
        room = int(most.group(1))
    elif taken := _TAKEN.search(said):
        room = int(taken.group(1)) - int(taken.group(2) or taken.group(3))
    else:
        return 0
    asked = request.sampling.max_tokens
    return room if asked is not None and 0 < room < asked else 0
