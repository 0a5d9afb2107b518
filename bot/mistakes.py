"""What pydantic finds wrong with a value, in the few sentences that forms have for it.

Pydantic's own are made for programmers, differ from version to version, and are in English alone
(https://docs.pydantic.dev/latest/errors/validation_errors/). These are fit for people, and pages know each of
them in their language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import ErrorDetails

_KINDS: Mapping[str, str] = {
    "is needed": "missing missing_argument missing_keyword_only_argument missing_positional_only_argument",
    "there is no such field": "extra_forbidden unexpected_keyword_argument unexpected_positional_argument",
    "cannot be changed here": "frozen_field frozen_instance",
    "has to be empty": "none_required",
    "is no text": "string_type string_unicode bytes_type bytes_invalid_encoding base64_decode",
    "has to be plain ASCII": "string_not_ascii",
    "does not match the pattern {pattern}": "string_pattern_mismatch",
    "is none of {expected}": "enum literal_error",
    "is neither on nor off": "bool_type bool_parsing",
    "is no whole number": "int_type int_parsing int_from_float",
    "has too many digits": "int_parsing_size",
    "is no number": (
        "float_type float_parsing finite_number decimal_type decimal_parsing fraction_type fraction_parsing"
        " complex_type complex_str_parsing"
    ),
    "more than {gt}": "greater_than",
    "at least {ge}": "greater_than_equal",
    "less than {lt}": "less_than",
    "at most {le}": "less_than_equal",
    "is no multiple of {multiple_of}": "multiple_of",
    "at most {max_digits} digits": "decimal_max_digits",
    "at most {decimal_places} digits after the point": "decimal_max_places",
    "at most {whole_digits} digits before the point": "decimal_whole_digits",
    "at least {min_length} entries": "too_short",
    "at most {max_length} entries": "too_long",
    "at least {min_length} characters": "string_too_short",
    "at most {max_length} characters": "string_too_long url_too_long",
    "at least {min_length} bytes": "bytes_too_short",
    "at most {max_length} bytes": "bytes_too_long",
    "is no list": (
        "list_type tuple_type set_type frozen_set_type deque_type iterable_type iteration_error sequence_str"
        " set_item_not_hashable"
    ),
    "is no table": (
        "dict_type frozen_dict_type ordered_dict_type counter_type mapping_type invalid_key arguments_type"
        " model_type model_attributes_type dataclass_type dataclass_exact_type named_tuple_type"
    ),
    "is no JSON": "json_invalid json_type",
    "is no date as 2026-12-31": (
        "date_type date_parsing date_from_datetime_parsing date_from_datetime_inexact"
    ),
    "is no time as 18:30": "time_type time_parsing",
    "is no date and time as 2026-12-31T18:30": (
        "datetime_type datetime_parsing datetime_from_date_parsing datetime_object_invalid"
    ),
    "is no duration as 1:30:00": "time_delta_type time_delta_parsing",
    "is not in the past": "date_past datetime_past",
    "is not in the future": "date_future datetime_future",
    "needs a time zone": "timezone_aware timezone_offset",
    "may have no time zone": "timezone_naive",
    "is no time zone": "zoneinfo_str",
    "is no URL": "url_type url_parsing url_syntax_violation",
    "is no URL that begins with {expected_schemes}": "url_scheme",
    "is no UUID": "uuid_type uuid_parsing uuid_version",
    "is no IP address": (
        "ip_any_address ip_v4_address ip_v6_address ip_any_interface ip_v4_interface ip_v6_interface"
        " ip_any_network ip_v4_network ip_v6_network"
    ),
    "is no email address": "email",
    "is no file that is there": "path_not_file path_not_socket",
    "is no folder that is there": "path_not_directory parent_does_not_exist",
    "is there already": "path_exists",
    "is no path": "path_type",
    "is no size as 10 MB": "byte_size byte_size_unit",
    "is no regular expression": "pattern_type pattern_str_type pattern_bytes_type pattern_regex",
    "is no card number": "payment_card_number_digits payment_card_number_luhn payment_card_number_brand",
}
"""The kinds of pydantic's errors, by what is said of them."""
_SENTENCES = {kind: sentence for sentence, kinds in _KINDS.items() for kind in kinds.split()}
_OTHERS = frozenset(
    "no_such_attribute needs_python_object recursion_loop recursion_depth_exceeded get_attribute_error"
    " default_factory_not_called is_instance_of is_subclass_of callable_type union_tag_invalid"
    " union_tag_not_found multiple_argument_values missing_sentinel_error ellipsis_error import_error"
    " predicate_failed not_operation_failed color_error".split()
)
"""Pydantic's kinds that have no sentence: what is typed into a form hardly raises them."""
_OWN = ("Value error, ", "Assertion failed, ")
_CHOICES = ("expected", "expected_schemes")
"""In these pydantic writes 'or' before the last."""
_UNITS = {"day": "d", "hour": "h", "minute": "min", "second": "s", "microsecond": "µs"}
_UNIT = re.compile(f"({'|'.join(_UNITS)})s?")
_DURATION = re.compile(rf"-?\d+ {_UNIT.pattern}(?: and \d+ {_UNIT.pattern})*")
_EMAIL = "value is not a valid email address"


def sentence(found: ErrorDetails) -> str:
    """What is wrong, in English and as short as a form's own checks say it. The words of whoever wrote a
    validator stay as they are."""
    kind, context = found["type"], found.get("ctx", {})
    if kind == "value_error" and found["msg"].startswith(_EMAIL):
        kind = "email"
    if known := _SENTENCES.get(kind):
        return known.format(**{name: _text(name, value) for name, value in context.items()})
    if kind in _OTHERS or (kind == "assertion_error" and not str(context.get("error", ""))):
        return f"does not fit: {', '.join((kind, *_limits(context)))}"
    said = found["msg"]
    return next((said.removeprefix(own) for own in _OWN if said.startswith(own)), said)


def _limits(context: Mapping[str, Any]) -> Iterator[str]:
    """What the value is measured by, but not what some library says about it."""
    return (f"{name} {_text(name, value)}" for name, value in context.items() if name != "error")


def _text(name: str, value: Any) -> str:
    """A limit, or the choices that there are."""
    if isinstance(value, float):
        return f"{value:,.10g}"
    if isinstance(value, int):
        return f"{value:,}"
    if name in _CHOICES:
        return re.sub(r"(?<=') or (?=')| or (?=[^']*$)", ", ", str(value))
    if _DURATION.fullmatch(str(value)):
        return _UNIT.sub(lambda unit: _UNITS[unit[1]], str(value).replace(" and ", " "))
    return str(value)
