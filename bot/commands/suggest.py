"""What the argument of a command can become while it is typed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

PREFIXES = ("channel", "everywhere")


def fitting(options: Iterable[str], typed: str) -> list[str]:
    """The options that have what is typed in them; those that begin with it come first."""
    wish = typed.strip().casefold()
    found = [option for option in options if wish in option.casefold()]
    return sorted(found, key=lambda option: not option.casefold().startswith(wish))


def settings(
    typed: str, keys: Sequence[str], values: Mapping[str, Sequence[str]], several: Collection[str] = ()
) -> list[str]:
    """Whole arguments of `/settings`: a key, or one with its value; of `several` each value is added to
    those before it."""
    *done, last = typed.lstrip().split(" ")
    place = done[:1] if done and done[0].lower() in PREFIXES else []
    if done == place:
        named = fitting([key for key in keys if not place or key not in PREFIXES], last)
        whole = [f"{last} {value}" for value in values.get(last.lower(), ())]  # a space at the end is lost
        return [" ".join((*place, option)) for option in (*named, *whole)]
    key, before = done[len(place)].lower(), done[len(place) + 1 :]
    if before and key not in several:
        return []
    offered = [value for value in values.get(key, ()) if value not in before]
    return [" ".join((*done, value)) for value in fitting(offered, last)]
