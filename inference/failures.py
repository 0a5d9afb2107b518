"""What a model server's refusal means: HTTP status and message -> the error tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec

from bot.errors import (
    ContextOverflow,
    EndpointRefused,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelUnavailable,
)

# vLLM: "maximum context length is N", "maximum model length of N", "'max_tokens' … is too large".
# OpenAI: code context_length_exceeded. Ollama: "input length exceeds the context length".
# llama.cpp: "exceeds the available context size", n_ctx. LM Studio: "loaded with context length of
# only N". transformers: "longer than the specified maximum sequence length".
_OVERFLOW = re.compile(
    r"maximum (context|model|sequence) length|context_length_exceeded|maximum input length"
    r"|exceed\w* .{0,40}context|exceed_context_size|context (length|window|size) (of|is|exceeded)"
    r"|prompt (is )?too long|longer than the .{0,40}(maximum|model)",
    re.IGNORECASE,
)
_ABOUT_THE_REQUEST = (400, 422)
"""Other refusals (402, 405, …) would be the same whatever was asked."""
_LIMIT = re.compile(
    r"(?:(?:context|model|sequence) length (?:is |of )?(?:only )?|context (?:window|size) (?:is |of )?\(?"
    r"|\"?n_ctx\"?:\s*|maximum sequence length for this model \(\d+ > )(\d+)",
    re.IGNORECASE,
)
_NO_TEMPLATE = re.compile(
    r"provide a chat template|chat[_ ]template is not set|no chat[_ ]template"
    r"|(does not|doesn't) (have|define) a chat[_ ]template",
    re.IGNORECASE,
)


# vLLM: "X is not a multimodal model", "At most 0 image(s) may be provided in one prompt". Ollama: "this
# model is missing data required for image input". llama.cpp, with 500: "image input is not supported".
# LM Studio: "Model does not support images". OpenAI: "image_url is only supported by certain models".
# OpenRouter, with 404: "No endpoints found that support image input". Servers that know no pictures at all:
# "unknown variant `image_url`", "content must be a string".
_NO_PICTURES = re.compile(
    r"not a multi-?modal|missing data required for image"
    r"|(not|n't|no) (\w+ ){0,3}(support|accept|allow)\w* (\w+ ){0,2}(image|vision|multi-?modal)"
    r"|\b(image|multi-?modal)[\w `'\"]{0,30} (not|only) (supported|enabled|available|allowed|accepted)"
    r"|(unknown|unsupported|unexpected) [^.]{0,60}\bimage_?url"
    r"|content\W{0,3} (must|should) be a string|expected a string|should be (a valid string|'text')",
    re.IGNORECASE,
)
# OpenAI: "Your input image may contain content that is not allowed by our safety system". Whoever sends such
# a picture must not take sight from all others.
_THIS_PICTURE = re.compile(
    r"safety|polic(y|ies)\b|moderat"
    r"|\bimages? (file |data )?(format|type|size|dimension|resolution|url scheme)s?\b"
    r"|\bimages? (larger|bigger|smaller|wider|taller|with|of|that|contain\w*|may|above|over|below)\b"
    r"|messages\W+\d+\W+content\W{0,3} expected a string, (but )?got null",
    re.IGNORECASE,
)
_MOST_PICTURES = re.compile(r"at most (\d+) image", re.IGNORECASE)


def pictures_taken(error: ModelError) -> int | None:
    """With how many pictures the server would take a request, if it was for them that it refused one;
    else None."""
    said = str(error)
    if most := _MOST_PICTURES.search(said):
        return int(most.group(1))
    return 0 if _NO_PICTURES.search(said) and not _THIS_PICTURE.search(said) else None


def lacks_template(error: ModelError) -> bool:
    """The server's tokenizer has no chat template (a GPT-2-shaped model): vLLM says so with 400,
    transformers with 500."""
    return bool(_NO_TEMPLATE.search(str(error)))


def failure(
    host: str, status: int, body: bytes, headers: Mapping[str, str] | None = None, *, now: float = 0.0
) -> ModelError:
    """The error of an answer with this status. `now` (Unix seconds) reads a dated Retry-After."""
    said = message_of(body)
    text = f"{host} said {status}: {said.rstrip(' .') or 'nothing'}"
    if status != 401 and (status == 413 or _OVERFLOW.search(said)):
        limit = _LIMIT.search(said)
        return ContextOverflow(text, int(limit.group(1)) if limit else 0)
    if status in (401, 403):
        return EndpointRefused(
            f"{text}. Set TERTULIA_MODEL_API_KEY to a key that this server accepts.", status
        )
    if status not in (408, 425, 429, 503) and pictures_taken(refused := ModelRefused(text)) is not None:
        return refused
    if status == 404:
        return EndpointRefused(f"{text}. Set TERTULIA_MODEL to a model that this server has.", status)
    if status == 429 and "insufficient_quota" in said:
        return EndpointRefused(f"{text}. The account has no credit left.", status)
    if status in (429, 503):
        return ModelBusy(text, _retry_after(headers or {}, now))
    if status >= 500 or status in (408, 425):
        return ModelUnavailable(text, status)
    if status < 400:
        return EndpointRefused(
            f"{text}. That is no OpenAI-compatible API: TERTULIA_MODEL_URL ends in /v1.", status
        )
    return ModelRefused(text) if status in _ABOUT_THE_REQUEST else EndpointRefused(text, status)


def message_of(body: bytes) -> str:
    """The human part of an error body, in any of the shapes that servers use."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body[:300].decode(errors="replace").strip()
    if isinstance(value, dict) and isinstance(value.get("error"), dict):
        value = value["error"]
    if isinstance(value, dict):
        parts = [value.get(k) for k in ("message", "detail", "error", "code", "n_ctx")]
        known = [f"n_ctx: {p}" if i == 4 else str(p) for i, p in enumerate(parts) if p]
        return " ".join(known)[:600]
    return str(value)[:300]


def code_of(body: bytes) -> int:
    """The status that an error inside a stream (status 200) stands for; 500 where it says none."""
    try:
        code = msgspec.json.decode(body, type=_Coded).code
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 500
    return code if isinstance(code, int) and 400 <= code < 600 else 500


class _Coded(msgspec.Struct):
    code: int | str | None = None


def _retry_after(headers: Mapping[str, str], now: float) -> float:
    """Seconds (RFC 9110 section 10.2.3: a number or a date); 0 where none is given."""
    value = headers.get("retry-after", "").strip()
    try:
        return max(0.0, min(float(value), 3600.0))
    except ValueError:
        pass
    try:
        return max(0.0, min(parsedate_to_datetime(value).timestamp() - now, 3600.0))
    except (ValueError, TypeError, OverflowError):
        return 0.0
