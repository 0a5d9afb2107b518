"""What is stored about a person, on its way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Exported:
    """A piece of an export: more of the list, or of the object, of this name, as JSON-ready values.
    Pieces of one name follow one another; one that is empty says that there is this name."""

    name: str
    more: Sequence[Any] | Mapping[str, Any]
