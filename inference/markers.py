"""Keeps a text from speaking as somebody else.

A tokenizer reads the written form of a control token (``<|im_start|>``) as the token itself, in
whatever text it stands: who writes one could open a message of the system's. vLLM has no switch
against it, so the marks are broken up on their way to the server. What is stored and shown stays
as it was written.
"""

from __future__ import annotations

import re

# ChatML, Qwen, Llama 3, Phi, Command R, GLM: <|…|>. DeepSeek: full-width bars. Llama 2, Mistral: <s>,
# [INST], <<SYS>>, [TOOL_CALLS]. Gemma: <start_of_turn>, <bos>. GLM: [gMASK], <sop>.
_MARK = re.compile(
    r"<(?=\|[^\s|<>]{1,48}\|>|｜[^\s｜<>]{1,48}｜>|/?s>|/?<?/?SYS>|(?:bos|eos|pad|unk|mask|sop|eop)>"
    r"|(?:start|end)_of_turn>|/?(?:tool_call|tool_response|tools)>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|CALL_ID|ARGS|THINK"
    r"|IMG|PREFIX|SUFFIX|MIDDLE|gMASK|sMASK)\])"
)
_BROKEN = "\\g<0>\u200b"


def defused(text: str) -> str:
    """`text` with a zero-width space inside each written control token. The same text always gives
    the same, a defused one itself: prompts keep their cached prefix."""
    if "<" not in text and "[" not in text:  # most of a history, all of which is looked at every turn
        return text
    return _MARK.sub(_BROKEN, text)
