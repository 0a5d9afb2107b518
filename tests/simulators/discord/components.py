"""Components and embeds, held to Discord's limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import count

from tests.simulators.discord.messages import walk
from tests.simulators.discord.model import Json

ROW, BUTTON, TEXT_DISPLAY = 1, 2, 10
SELECTS = frozenset({3, 5, 6, 7, 8})
ROW_CHILDREN = SELECTS | {BUTTON}
TOP_V2 = frozenset({1, 9, 10, 12, 13, 14, 17})
LAYOUT_LIMIT = 40
TEXT_LIMIT = 4000
EMBED_LIMIT = 6000
Problem = tuple[str, str, str]
REQUIRED = ("BASE_TYPE_REQUIRED", "This field is required")


def numbered(components: Iterable[Json]) -> tuple[Json, ...]:
    """The components with ids, as Discord keeps them: those without get the next that no other has."""
    given = deepcopy(tuple(components))
    taken = {c["id"] for c in walk(given) if c.get("id")}
    free = (number for number in count(1) if number not in taken)
    for component in walk(given):
        component["id"] = component.get("id") or next(free)
    return given


def component_problems(components: list[Json], *, v2: bool) -> Iterator[Problem]:
    path = "components"
    if not v2 and len(components) > 5:
        yield path, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."
    allowed = TOP_V2 if v2 else {ROW}
    for number, component in enumerate(components):
        at = f"{path}.{number}"
        if component.get("type") not in allowed:
            choices = ", ".join(map(str, sorted(allowed)))
            yield f"{at}.type", "BASE_TYPE_CHOICES", f"Value must be one of ({choices},)."
        else:
            yield from _nested_problems(component, at)
    everything = list(walk(components))
    if v2 and len(everything) > LAYOUT_LIMIT:
        yield (
            path,
            "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
            "Total number of components exceeds maximum of 40",
        )
    if v2 and sum(len(c.get("content") or "") for c in everything) > TEXT_LIMIT:
        code = "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"
        yield path, code, f"Total text size exceeds maximum of {TEXT_LIMIT}"
    ids = [c["custom_id"] for c in everything if c.get("custom_id")]
    if len(set(ids)) < len(ids):
        yield path, "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"


def _nested_problems(component: Json, at: str) -> Iterator[Problem]:
    kind = component.get("type")
    if kind == ROW:
        yield from _row_problems(component.get("components") or [], at)
    elif kind == BUTTON:
        yield from _button_problems(component, at)
    elif kind in SELECTS:
        yield from _select_problems(component, at)
    elif kind == TEXT_DISPLAY:
        yield from _length(component, "content", at, 1, TEXT_LIMIT)
    else:
        for number, inner in enumerate(component.get("components") or []):
            yield from _nested_problems(inner, f"{at}.components.{number}")
        if isinstance(component.get("accessory"), dict):
            yield from _nested_problems(component["accessory"], f"{at}.accessory")


def _row_problems(children: list[Json], at: str) -> Iterator[Problem]:
    width = sum(5 if c.get("type") in SELECTS else 1 for c in children)
    if not children or len(children) > 5:
        yield f"{at}.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."
    elif width > 5:
        yield (
            f"{at}.components",
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
            "The specified component exceeds the maximum width",
        )
    for number, child in enumerate(children):
        inner = f"{at}.components.{number}"
        if child.get("type") in ROW_CHILDREN:
            yield from _nested_problems(child, inner)
        else:
            yield f"{inner}.type", "BASE_TYPE_CHOICES", "Value must be one of (2, 3, 5, 6, 7, 8)."


def _button_problems(button: Json, at: str) -> Iterator[Problem]:
    style = button.get("style")
    if style not in range(1, 7):
        yield f"{at}.style", "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3, 4, 5, 6)."
    if style == 5 and not button.get("url"):
        yield f"{at}.url", "BUTTON_COMPONENT_URL_REQUIRED", "A url is required"
    if style == 5 and button.get("custom_id"):
        code = "BUTTON_COMPONENT_INVALID_CUSTOM_ID_AND_URL"
        yield f"{at}.custom_id", code, "A custom id and url cannot both be specified"
    if style in (1, 2, 3, 4) and not button.get("custom_id"):
        yield f"{at}.custom_id", "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", "A custom id is required"
    if style != 6 and not button.get("label") and not button.get("emoji"):
        yield f"{at}.label", "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A label or emoji is required"
    yield from _length(button, "label", at, 0, 80)
    yield from _length(button, "custom_id", at, 0, 100)
    yield from _length(button, "url", at, 0, 512)


def _select_problems(select: Json, at: str) -> Iterator[Problem]:
    if not select.get("custom_id"):
        yield f"{at}.custom_id", *REQUIRED
    yield from _length(select, "custom_id", at, 0, 100)
    yield from _length(select, "placeholder", at, 0, 150)
    if select["type"] != 3:
        return
    options = select.get("options") or []
    if not 1 <= len(options) <= 25:
        yield f"{at}.options", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length."
    for number, option in enumerate(options):
        inner = f"{at}.options.{number}"
        yield from _length(option, "label", inner, 1, 100)
        yield from _length(option, "value", inner, 1, 100)
        yield from _length(option, "description", inner, 0, 100)
    values = [o.get("value") for o in options]
    if len(set(values)) < len(values):
        code = "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED"
        yield f"{at}.options", code, "The specified option value is already used"


def modal_problems(modal: Json) -> Iterator[Problem]:
    """A form that is shown to somebody."""
    yield from _length(modal, "title", "data", 1, 45)
    yield from _length(modal, "custom_id", "data", 1, 100)
    rows = modal.get("components") or []
    if not 1 <= len(rows) <= 5:
        yield "data.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."
    for number, row in enumerate(rows):
        if row.get("type") not in (ROW, TEXT_DISPLAY, 18):
            at = f"data.components.{number}.type"
            yield at, "BASE_TYPE_CHOICES", "Value must be one of (1, 10, 18)."
    inputs = [c for c in walk(rows) if c.get("type") == 4]
    for field in inputs:
        yield from _length(field, "custom_id", "data.components", 1, 100)
        yield from _length(field, "value", "data.components", 0, 4000)
        yield from _length(field, "placeholder", "data.components", 0, 100)


def embed_problems(embeds: list[Json]) -> Iterator[Problem]:
    if len(embeds) > 10:
        yield "embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length."
    for number, embed in enumerate(embeds):
        at = f"embeds.{number}"
        yield from _length(embed, "title", at, 0, 256)
        yield from _length(embed, "description", at, 0, 4096)
        yield from _length(embed.get("footer") or {}, "text", f"{at}.footer", 0, 2048)
        yield from _length(embed.get("author") or {}, "name", f"{at}.author", 0, 256)
        fields = embed.get("fields") or []
        if len(fields) > 25:
            yield f"{at}.fields", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length."
        for index, field in enumerate(fields):
            for name, most in (("name", 256), ("value", 1024)):
                if not field.get(name):
                    yield f"{at}.fields.{index}.{name}", *REQUIRED
                yield from _length(field, name, f"{at}.fields.{index}", 0, most)
    if sum(map(_embed_size, embeds)) > EMBED_LIMIT:
        yield "embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {EMBED_LIMIT}"


def _embed_size(embed: Json) -> int:
    texts = [embed.get("title"), embed.get("description")]
    texts += [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
    texts += [f.get(k) for f in embed.get("fields") or [] for k in ("name", "value")]
    return sum(len(t or "") for t in texts)


def _length(holder: Json, name: str, at: str, least: int, most: int) -> Iterator[Problem]:
    text = holder.get(name) or ""
    if len(text) > most and not least:
        yield f"{at}.{name}", "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length."
    elif not least <= len(text) <= most:
        yield f"{at}.{name}", "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length."
