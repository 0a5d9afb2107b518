"""Forms: fields read off a settings schema, and posted values checked against fields. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Secret, SecretBytes, SecretStr, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from bot.errors import FieldsRefused
from bot.mistakes import sentence
from bot.plugins.api import Said
from bot.plugins.pages import Upload
from bot.types import FieldKind, FormField, Origin

_KINDS = {
    "boolean": FieldKind.SWITCH,
    "integer": FieldKind.NUMBER,
    "number": FieldKind.NUMBER,
    "string": FieldKind.TEXT,
}
_SECRETS = (SecretStr, SecretBytes, Secret)
_TRUE, _FALSE = frozenset({"on", "true", "1", "yes"}), frozenset({"", "off", "false", "0", "no"})
LONGEST = 100_000
"""Characters of a posted text, at most."""


class _Quiet(GenerateJsonSchema):
    """A default that JSON has no form for, as a secret's, is left out in silence: it is read elsewhere."""

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        if kind != "non-serializable-default":
            super().emit_warning(kind, detail)


def fields_of(
    schema: type[BaseModel],
    values: BaseModel,
    origins: Mapping[str, Origin] | None = None,
    language: str = "",
) -> list[FormField]:
    """A field for each setting, with its value in force, and its `Said` words in this language. A setting
    that no field can hold (a table, a list of tables) is shown as JSON and read-only."""
    known = schema.model_json_schema(schema_generator=_Quiet)
    required = known.get("required", ())
    found = []
    for name, given in known.get("properties", {}).items():
        rules = _plain(given, known.get("$defs", {}))
        value = getattr(values, name, None)
        default = schema.model_fields[name].get_default(call_default_factory=True)
        if _is_secret(schema.model_fields[name].annotation):  # pydantic says so of texts and bytes alone
            rules = {**rules, "writeOnly": True}
        origin = (origins or {}).get(name, Origin.DEFAULT)
        field = _field(name, given, rules, value, default, origin, required=name in required)
        found.append(_said(field, schema.model_fields[name].metadata, language))
    return found


def _said(field: FormField, metadata: Sequence[Any], language: str) -> FormField:
    """The field in the words that the setting has for the language, or for the nearest it begins with."""
    tags = [language.lower()] if language else []
    while tags and "-" in tags[-1]:
        tags.append(tags[-1].rpartition("-")[0])
    for said in (one for one in metadata if isinstance(one, Said)):
        label = next((said.label[tag] for tag in tags if tag in said.label), field.label)
        help = next((said.help[tag] for tag in tags if tag in said.help), field.help)
        field = replace(field, label=label, help=help)
    return field


def _field(
    name: str,
    given: Mapping[str, Any],
    rules: Mapping[str, Any],
    value: Any,
    default: Any,
    origin: Origin,
    *,
    required: bool,
) -> FormField:
    kind = _kind(rules)
    secret = kind is FieldKind.SECRET
    held = kind is not None
    title = given.get("title", "")
    return FormField(
        name,
        kind or FieldKind.LINES,
        label=name.replace("_", " ") if title == name.replace("_", " ").title() else title,
        help=given.get("description", ""),
        value=None if secret else _shown(value, held),
        default=None if secret or required else _shown(default, held),
        required=required,
        is_set=bool(bare(value)),
        choices=tuple(map(str, rules.get("enum", ()))),
        whole=rules.get("type") == "integer",
        minimum=_first(rules, "minimum", "minLength", "minItems"),
        maximum=_first(rules, "maximum", "maxLength", "maxItems"),
        above=rules.get("exclusiveMinimum"),
        below=rules.get("exclusiveMaximum"),
        read_only=not held,
        origin=origin,
    )


def _plain(rules: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without references, and without the choice of nothing."""
    if "$ref" in rules:
        return _plain(defs[rules["$ref"].rpartition("/")[2]], defs)
    for choice in ("anyOf", "allOf", "oneOf"):
        some = [r for r in rules.get(choice, ()) if r.get("type") != "null"]
        if len(some) == 1:
            return _plain(some[0], defs)
    if "const" in rules:
        return {**rules, "enum": [rules["const"]]}
    return {**rules, "items": _plain(rules["items"], defs)} if rules.get("items") else rules


def _is_secret(annotation: Any) -> bool:
    """Whether values of this type are secrets, also where there is none yet."""
    origin = get_origin(annotation) or annotation
    if origin in (Union, UnionType, Annotated):
        return any(map(_is_secret, get_args(annotation)))
    return isinstance(origin, type) and issubclass(origin, _SECRETS)


def _kind(rules: Mapping[str, Any]) -> FieldKind | None:
    """None for what no field can hold."""
    if rules.get("writeOnly"):
        return FieldKind.SECRET
    if "enum" in rules:
        return FieldKind.CHOICE
    kind = rules.get("type")
    if kind == "array":
        items = rules.get("items", {})
        plain = items.get("type") in ("string", "integer", "number") and not items.get("writeOnly")
        return FieldKind.LIST if plain else None
    if kind == "string" and rules.get("multiline"):
        return FieldKind.LINES
    return _KINDS.get(str(kind))


def bare(value: Any) -> Any:
    """The value, a secret one in the clear; bytes as text, as a form gives them."""
    clear = value.get_secret_value() if isinstance(value, _SECRETS) else value
    return clear.decode() if isinstance(clear, bytes) else clear


def _shown(value: Any, held: bool) -> Any:
    if not held:
        return json.dumps(_builtin(value), ensure_ascii=False, indent=2, default=_masked)
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(map(str, value))
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _builtin(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _masked(value: Any) -> str | dict[str, Any]:
    """What JSON has no form for; secrets show as stars."""
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def _first(rules: Mapping[str, Any], *names: str) -> float | None:
    return next((rules[name] for name in names if name in rules), None)


def read(fields: Sequence[FormField], posted: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the fields that can be changed, from what a form posted: texts, lists of texts,
    `Upload`s. A secret that is left empty is left out: it stays. Raises FieldsRefused."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {
        name: "there is no such field" for name in posted.keys() - {f.name for f in fields}
    }
    for field in fields:
        if field.read_only:
            if field.name in posted:
                wrong[field.name] = "cannot be changed here"
            continue
        try:
            value = _value(field, posted.get(field.name))
        except ValueError as error:
            wrong[field.name] = str(error)
            continue
        if field.kind is not FieldKind.SECRET or value:
            values[field.name] = value
    if wrong:
        raise FieldsRefused(wrong)
    return values


def _value(field: FormField, given: Any) -> Any:
    """Raises ValueError with a sentence."""
    if field.kind is FieldKind.SWITCH:
        return _switch(given)
    if field.kind is FieldKind.FILE:
        return _upload(field, given)
    if field.kind is FieldKind.LIST:
        return _list(field, given)
    if given is not None and not isinstance(given, str | int | float):
        raise ValueError("is no text")
    text = "" if given is None else str(given)
    if field.kind is FieldKind.NUMBER:
        return _number(field, text.strip())
    kept = field.kind is FieldKind.SECRET and field.is_set
    if field.required and not kept and not text.strip():
        raise ValueError("is needed")
    if field.kind is FieldKind.CHOICE and text not in ("", *field.choices):
        raise ValueError(f"is none of {', '.join(field.choices)}")
    if field.kind is FieldKind.CHOICE:
        return text or None
    if field.kind is not FieldKind.SECRET or text:
        _bounded(field, len(text), "characters")
    return text.replace("\r\n", "\n")


def _switch(given: Any) -> bool:
    text = "" if given is None else str(given).lower()
    if text not in _TRUE | _FALSE:
        raise ValueError("is neither on nor off")
    return text in _TRUE


def _upload(field: FormField, given: Any) -> Upload | None:
    if not isinstance(given, Upload) or not given.name:
        if field.required:
            raise ValueError("a file is needed")
        return None
    _bounded(field, given.size, "bytes")
    return given


def _list(field: FormField, given: Any) -> tuple[str, ...]:
    texts = given.split("\n") if isinstance(given, str) else given or ()
    items = tuple(text.strip() for text in map(str, texts) if text.strip())
    if field.required and not items:
        raise ValueError("is needed")
    _bounded(field, len(items), "entries")
    return items


def _number(field: FormField, text: str) -> float | int | None:
    if not text:
        if field.required:
            raise ValueError("is needed")
        return None
    try:
        value = int(text) if field.whole else float(text)
    except ValueError:
        raise ValueError("is no whole number" if field.whole else "is no number") from None
    if not isfinite(value):
        raise ValueError("is no number")
    _bounded(field, value)
    return value


def _bounded(field: FormField, value: float, what: str = "") -> None:
    unit = f" {what}" if what else ""
    if field.minimum is not None and value < field.minimum:
        raise ValueError(f"at least {field.minimum:,.10g}{unit}")
    most = field.maximum
    if most is None and what == "characters":
        most = LONGEST
    if most is not None and value > most:
        raise ValueError(f"at most {most:,.10g}{unit}")
    if field.above is not None and value <= field.above:
        raise ValueError(f"more than {field.above:,.10g}{unit}")
    if field.below is not None and value >= field.below:
        raise ValueError(f"less than {field.below:,.10g}{unit}")


def refused(error: ValidationError) -> FieldsRefused:
    """What pydantic found wrong (`bot.mistakes`), by the first name of each place."""
    wrong: dict[str, str] = {}
    for item in error.errors():
        name = str(item["loc"][0]) if item["loc"] else ""
        wrong.setdefault(name, sentence(item))
    return FieldsRefused(wrong)
