"""Every setting: what it may be, and its default. `bot.loading` reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_validator,
    model_validator,
)

from bot.sampling import SamplingSettings as SamplingSettings
from bot.sealing import keys_of
from bot.types import Origin

PREFIX = "TERTULIA_"
FILE = "tertulia.toml"
_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
TELEGRAM = "https://api.telegram.org"
_MOST_SUGGESTIONS, _LONGEST_SUGGESTION = 6, 200
_ORIGIN = re.compile(r"https?://[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?")


class Access(StrEnum):
    INVITE = "invite"
    OPEN = "open"


class AmbiguousSend(StrEnum):
    """What to do with a first send of which a crash hid the outcome (Telegram has no key)."""

    AT_LEAST_ONCE = "at_least_once"
    AT_MOST_ONCE = "at_most_once"


class PersonaSettings(BaseModel):
    """A way to speak: a system prompt, and the model and sampling that go with it."""

    model_config = _STRICT

    prompt: str
    model: str = ""
    sampling: SamplingSettings = SamplingSettings()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was found: a variable, the file with its line, a command-line option."""

    origin: Origin
    where: str


class Settings(BaseModel):
    """All settings; each field's description is its line in the README's table."""

    model_config = _STRICT

    home: Path = Field(default_factory=lambda: user_data_path("tertulia"), description="Folder for all data.")
    database_url: str = Field(
        "",
        repr=False,
        description="`sqlite:///FILE` or `postgresql://…`; default: `tertulia.db` in the home.",
    )
    broker_url: str = Field(
        "", repr=False, description="`amqp://…` for the cluster runtime; unset: one process."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Seals the secrets that the console sets: 32 random bytes in base64, as of `openssl rand -base64 32`; of several, comma-separated, the first seals and all open; default: `secret.key` in the home, made when it is first needed.",
    )

    model_url: str = Field(
        "",
        description="Root of an OpenAI-compatible API, e.g. `http://127.0.0.1:8000/v1`; several, comma-separated, are tried in order.",
    )
    model: str = Field("", description="Model name; default: the server's first.")
    model_api_key: SecretStr = Field(SecretStr(""), description="Key of the model server.")
    model_discovery: bool = Field(
        True, description="With no model URL: look for vLLM, Ollama or LM Studio on this machine."
    )
    model_window: int = Field(0, ge=0, description="Tokens of prompt and answer together; 0: ask the server.")
    model_vision: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether the model is shown pictures: `on`, `off`, or `auto`: until its server refuses them, and an hour later again.",
    )
    cache_salt: SecretStr = Field(
        SecretStr(""), description="Parts this bot's prefix cache from other tenants of the same vLLM."
    )
    sampling: SamplingSettings = Field(
        SamplingSettings(),
        description="Sampling of the bot: temperature, top_p, top_k, min_p, repetition_penalty, max_tokens, stop, seed.",
    )
    system_prompt: str = Field("", description="Replaces the built-in system prompt.")
    personas: dict[str, PersonaSettings] = Field(
        {}, description="Named ways to speak: prompt, model, sampling."
    )

    telegram_token: SecretStr = Field(SecretStr(""), description="Bot token from @BotFather.")
    telegram_api_url: str = Field(TELEGRAM, description="Root of the Bot API.")
    telegram_mode: Literal["polling", "webhook"] = Field("polling", description="How updates arrive.")
    telegram_webhook_url: str = Field(
        "",
        description="For `webhook`: the address that leads to `/hooks/telegram` here; public and https unless a local Bot API server is used.",
    )
    telegram_drafts: bool = Field(
        True,
        description="Show growing answers as drafts in private chats; else as messages that are edited, with a stop button.",
    )
    telegram_seen: str = Field(
        "", description="Emoji that the bot reacts with to questions in groups, e.g. 👀."
    )
    telegram_chat_rate: float = Field(1, gt=0, description="Calls a second to one chat.")
    telegram_group_rate: int = Field(20, ge=1, description="Calls a minute to one group.")
    telegram_rate: int = Field(30, ge=1, description="Calls a second to all chats together.")
    discord_token: SecretStr = Field(
        SecretStr(""), description="Bot token from the Discord developer portal."
    )
    discord_api_url: str = Field("https://discord.com/api/v10", description="Root of Discord's REST API.")
    discord_message_content: bool = Field(
        True, description="Ask Discord for the text of all messages; without its switch the bot does without."
    )
    discord_seen: str = Field(
        "", description="Emoji that the bot reacts with to questions that it takes, e.g. 👀."
    )
    discord_backfill: int = Field(
        100, ge=0, description="Messages of each channel that are caught up with after a gap, at most."
    )
    discord_shards: int = Field(1, ge=0, description="Gateway connections; 0: as many as Discord advises.")
    discord_allow_bots: tuple[str, ...] = Field((), description="Ids of bots and webhooks to listen to.")

    access: Access = Field(
        Access.INVITE, description="`invite`: owner code and invites; `open`: everybody may chat."
    )
    web: bool = Field(True, description="Serve the chat page, the API and the metrics.")
    web_host: str = Field("127.0.0.1", description="Address to listen on.")
    web_port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    web_upload_limit: int = Field(
        10_000_000, ge=0, description="Bytes that a file brought to the page may have; 0: none is taken."
    )
    web_files_total: int = Field(
        10_000_000_000, ge=0, description="Bytes that all files brought to the page may have together."
    )
    web_thoughts: bool = Field(
        True,
        description="Show on the page, folded, what a model thinks before it answers; `false`: it is not kept either.",
    )

    web_widget_origins: tuple[str, ...] = Field(
        (),
        description="Sites that may show the chat in a widget, comma-separated, e.g. `https://www.example.org`; empty: none.",
    )

    suggestions: tuple[str, ...] | dict[str, tuple[str, ...]] | None = Field(
        None,
        description="Questions offered on an empty page, separated by `;`, or in the file a list for each language (`[suggestions]`, `en = […]`); default: the handbook's on the chat page, none in the widget; `;`: none.",
    )

    concurrency: int = Field(64, ge=1, description="Turns that generate at the same time.")
    turn_timeout: float = Field(600, gt=0, description="Seconds one turn may take to generate.")
    first_chunk_timeout: float = Field(120, gt=0, description="Seconds until the model's first chunk.")
    stall_timeout: float = Field(
        60, gt=0, description="Seconds between two chunks of a model's answer, at most."
    )
    model_patience: float = Field(
        180,
        ge=0,
        description="Seconds to wait for a model server that is down or restarting before a question is answered with an apology.",
    )
    max_answer: int = Field(
        100_000, ge=1, description="Longest answer, in characters; a model that goes on is stopped there."
    )
    stop_grace: float = Field(20, ge=0, description="Seconds running turns may take to end at SIGTERM.")
    checkpoint_interval: float = Field(
        2, gt=0, description="Seconds between two stored checkpoints of an answer."
    )
    ambiguous_send: AmbiguousSend = Field(
        AmbiguousSend.AT_LEAST_ONCE,
        description="A first message whose sending a crash hid: `at_least_once` sends it again, `at_most_once` does not.",
    )
    max_input: int = Field(100_000, ge=1, description="Longest question, in characters.")
    rate_limit: int = Field(30, ge=0, description="Questions one person may ask in a minute; 0: any number.")

    takeover_idle: int = Field(
        30,
        ge=0,
        description="Minutes without a word of the operator's after which a conversation that was taken over is the assistant's again; 0: never.",
    )

    prompt_budget: int = Field(
        0, ge=0, description="Most tokens of a prompt; 0: the window less the room for the answer."
    )
    summaries: bool = Field(True, description="Summarise what is cut from the window, in the background.")
    tool_steps: int = Field(6, ge=0, description="Rounds of tool calls in one turn.")
    tool_timeout: float = Field(30, gt=0, description="Seconds one tool call may take.")
    plugin_timeout: float = Field(10, gt=0, description="Seconds a plugin may take to add its context.")
    plugins_disabled: tuple[str, ...] = Field((), description="Plugins not to load.")
    plugins: dict[str, dict[str, Any]] = Field({}, description="Each plugin's own settings, by its name.")

    _places: Mapping[str, Place] = PrivateAttr({})

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        try:
            return value.expanduser().absolute()
        except RuntimeError as error:  # ~name of nobody
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        if self.telegram_mode == "webhook" and not self.telegram_webhook_url:
            raise ValueError("TERTULIA_TELEGRAM_MODE=webhook needs TERTULIA_TELEGRAM_WEBHOOK_URL")
        theirs = urlsplit(self.telegram_api_url).hostname == urlsplit(TELEGRAM).hostname
        if theirs and self.telegram_webhook_url.startswith("http://"):
            raise ValueError(
                "TERTULIA_TELEGRAM_WEBHOOK_URL: Telegram brings updates to https:// addresses only"
                " (a local Bot API server to http:// too)"
            )
        return self

    @field_validator("secret_key", mode="after")
    @classmethod
    def _keys(cls, value: SecretStr) -> SecretStr:
        keys_of(value.get_secret_value())
        return value

    @field_validator("model_url", mode="after")
    @classmethod
    def _urls(cls, value: str) -> str:
        return ",".join(_checked(url.strip()).rstrip("/") for url in value.split(",") if url.strip())

    @field_validator("telegram_api_url", "discord_api_url", mode="after")
    @classmethod
    def _root(cls, value: str) -> str:
        return _checked(value.strip()).rstrip("/")

    @field_validator("web_widget_origins", mode="after")
    @classmethod
    def _origins(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_origin(value.strip()) for value in values if value.strip())

    @field_validator("suggestions", mode="before")
    @classmethod
    def _suggested(cls, value: Any) -> Any:
        lists = value.values() if isinstance(value, Mapping) else [value]
        for each in lists if value is not None else ():
            if not isinstance(each, list | tuple) or not all(isinstance(text, str) for text in each):
                raise ValueError("this is no list of questions, nor one for each language")
            if len(each) > _MOST_SUGGESTIONS or any(len(text) > _LONGEST_SUGGESTION for text in each):
                raise ValueError(
                    f"at most {_MOST_SUGGESTIONS} questions of {_LONGEST_SUGGESTION} characters fit the page"
                )
        return value

    @field_validator("telegram_webhook_url", mode="after")
    @classmethod
    def _url(cls, value: str) -> str:
        return _checked(value.strip()) if value.strip() else ""

    @field_validator("broker_url", mode="after")
    @classmethod
    def _broker(cls, value: str) -> str:
        try:
            whole = not value or (urlsplit(value).scheme in ("amqp", "amqps") and _reaches(value))
        except ValueError:
            whole = False
        if not whole:  # it may hold a password, and is not shown
            raise ValueError("this is no amqp:// or amqps:// URL")
        return value

    @property
    def places(self) -> Mapping[str, Place]:
        """Where each value was found that is no default, by name; of sampling each field by itself
        (``sampling.NAME``)."""
        return self._places

    def found_at(self, places: Mapping[str, Place]) -> Settings:
        """The same, with the places."""
        self._places = places
        return self

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'tertulia.db'}"

    @property
    def files(self) -> Path:
        """The folder for what visitors of the page bring."""
        return self.home / "files"

    @property
    def model_urls(self) -> tuple[str, ...]:
        return tuple(u.strip().rstrip("/") for u in self.model_url.split(",") if u.strip())


def _checked(url: str) -> str:
    """The URL. Raises ValueError for one that leads nowhere."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no http:// or https:// URL")
    try:
        whole = _reaches(url)
    except ValueError as error:
        raise ValueError(f"{url!r} is no URL: {error}") from None
    if not whole:
        raise ValueError(f"{url!r} names no host")
    return url


def _origin(value: str) -> str:
    """The origin as browsers write it: it becomes a part of a security policy."""
    origin = value.lower().rstrip("/")
    if not _ORIGIN.fullmatch(origin) or not _reaches(_checked(origin)):
        raise ValueError(f"{value!r} is no origin such as https://www.example.org, without a path or *")
    port = ":443" if origin.startswith("https:") else ":80"
    return origin.removesuffix(port)


def _reaches(url: str) -> bool:
    """Whether the URL names a host, and a port if any. Raises ValueError."""
    parts = urlsplit(url)
    return bool(parts.hostname) and parts.port != 0
