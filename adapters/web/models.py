"""What the API takes and gives; the OpenAPI document is made of these."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.sampling import SamplingSettings

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _clean(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("the text holds control characters or half a surrogate pair")
    return text


def _readable(text: str) -> str:
    _clean(text)
    if not text.strip():
        raise ValueError("the text is empty")
    return text


def _readable_or_none(text: str) -> str:
    return _readable(text) if text else text


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Id = Annotated[str, Field(min_length=1, max_length=200, description="An id from a `start` event.")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(BaseModel):
    """Why a call was refused, in a sentence."""

    message: str


MOST_ATTACHMENTS = 10
FileId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="From an upload.")]


class Ask(Strict):
    """A question; or, with `retry_of`, the wish for another answer to that question; or, with
    `edit_of`, a question's new wording."""

    text: Annotated[str, AfterValidator(_readable_or_none)] = Field(
        "", description="The question, or a command such as `/help`. Not needed with `retry_of`."
    )
    conversation: Name | None = Field(None, description="From an earlier `start`; none: a new one.")
    id: Name | None = Field(None, description="The client's own id: the same id never asks twice.")
    attachments: Annotated[tuple[FileId, ...], Field(max_length=MOST_ATTACHMENTS)] = Field(
        (), description="Files that go with the question, which may then have no text."
    )
    retry_of: Id | None = None
    edit_of: Id | None = None
    language: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,35}$")] = Field(
        "", description="A BCP 47 tag; empty: as Accept-Language says."
    )
    sampling: SamplingSettings | None = Field(
        None, description="Sampling of this answer alone; what is left out stays as the conversation has it."
    )
    html: bool = Field(False, description="Also tell the answer as HTML that is safe to show.")


class Feedback(Strict):
    value: Literal[-1, 0, 1] = Field(description="1 good, -1 bad, 0 takes it back.")
    reason: Annotated[str, Field(max_length=2000), AfterValidator(_clean)] = ""


class Nothing(Strict):
    """An empty object."""


class Accepted(BaseModel):
    accepted: bool = Field(description="False: there was nothing to do.")


class CitationOut(BaseModel):
    """`[number]` in the answer stands for this passage."""

    number: int
    passage_id: str
    source: str
    title: str
    quote: str


class PassageOut(BaseModel):
    """What a citation stands for. `text` is the whole passage that `quote` was taken from; empty if the
    document has changed since, or is not there any more."""

    number: int
    source: str
    title: str
    quote: str
    text: str


class FileOut(BaseModel):
    """`image`: a browser may show it."""

    id: str
    name: str
    media_type: str
    size: int
    image: bool


class Uploaded(FileOut):
    seen: bool = Field(
        description="Whether the assistant is shown the picture. If not, as with files that are no text, it"
        " learns its name alone."
    )
    unreadable: bool = Field(
        description="Whether the assistant, which sees, is not shown this picture because it is too large,"
        " too small or broken, as far as its header tells."
    )


class ConversationOut(BaseModel):
    """`here`: questions can be asked in it on this page; one of another account of the same person,
    or of another browser, can be read. `answering` is the id of an answer under way."""

    id: str
    title: str
    active_at: float = Field(description="Seconds since 1970: when a question was last asked.")
    platform: str
    here: bool
    answering: str = ""
    staff: str = Field("", description="Who answers there in the assistant's place; empty: it answers.")
    excerpt: str = Field("", description="Of a search: what was said around the words.")


class Conversations(BaseModel):
    """`older`: ask again with this as `before`; empty: there are no more."""

    conversations: list[ConversationOut]
    older: str = ""


class Rename(Strict):
    title: Annotated[str, Field(max_length=200), AfterValidator(_readable)]


class NewShare(Strict):
    days: Literal[1, 7, 30] = Field(description="How long the link can be read.")
    title: Annotated[str, Field(max_length=200), AfterValidator(_clean)] = Field(
        "", description="What stands above the shared page; empty: the conversation's title."
    )


class ShareOut(BaseModel):
    id: str
    title: str
    created_at: float
    expires_at: float


class Shared(ShareOut):
    path: str = Field(description="Where it is read. It is told once; only its hash is stored.")


class SharesOut(BaseModel):
    """`older`: ask again with this as `before`; empty: there are no more."""

    shares: list[ShareOut]
    older: str = ""


class ThoughtsOut(BaseModel):
    """What a model thought for an answer: plain text. `cut`: it went on, and no more was kept."""

    text: str
    seconds: float = Field(description="How long it thought.")
    cut: bool


class MessageOut(BaseModel):
    """One question with its answer. `html` holds the answer's blocks, safe to show."""

    id: str
    question: str
    answer: str
    html: list[str]
    citations: list[CitationOut]
    state: Literal["generating", "delivering", "done", "cancelled", "failed"]
    finish_reason: str
    fate: Literal["", "waits", "later", "unanswered"] = Field(
        "",
        description="Of a question that was kept for a person: it waits, a later answer was for it, too, or"
        " nobody answered it.",
    )
    vote: int = Field(
        0, description="What the visitor thinks of the answer: 1 good, -1 bad, 0 they have not said."
    )
    attachments: list[FileOut] = Field([], description="Files that came with the question.")
    thoughts: ThoughtsOut | None = Field(None, description="Where the model thought, and they may be seen.")


class Messages(BaseModel):
    conversation: str
    title: str = ""
    platform: str = "web"
    messages: list[MessageOut]
    older: bool = Field(False, description="Whether there are messages before these.")


class Health(BaseModel):
    status: Literal["ok"]


class DependencyState(BaseModel):
    ok: bool
    detail: str = ""


class Readiness(BaseModel):
    ready: bool
    dependencies: dict[str, DependencyState]
