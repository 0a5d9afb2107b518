"""Plugins' values: JSON in, the same JSON out, within one scope."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.text import clean
from tests.contract.conftest import Stores

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 53), 1 << 53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc字", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON, key=st.text(st.characters(exclude_categories=()), max_size=5))
async def test_a_value_comes_back_the_same(stores: Stores, value: Any, key: str) -> None:
    await stores.keyvalue.put("p", "s", key, value)
    assert await stores.keyvalue.get("p", "s", key) == value
    assert (await stores.keyvalue.items("p", "s"))[clean(key)] == value
    await stores.keyvalue.delete("p", "s", key)
    assert await stores.keyvalue.get("p", "s", key) is None


async def test_scopes_and_plugins_are_apart(stores: Stores) -> None:
    for plugin in ("p", "q"):
        for scope in ("ann", "bob", ""):
            await stores.keyvalue.put(plugin, scope, "k", f"{plugin} {scope}")
    assert await stores.keyvalue.items("p", "ann") == {"k": "p ann"}
    await stores.keyvalue.delete_scope("ann")
    assert await stores.keyvalue.items("q", "ann") == {}
    assert await stores.keyvalue.get("q", "bob", "k") == "q bob"


async def test_items_of_a_prefix_come_in_the_order_of_code_points(stores: Stores) -> None:
    keys = [
        "a",
        "B",
        "a%",
        "a_b",
        "A",
        "aé",
        "a字",
        "a\U0010ffff",
        "a\U0010ffffz",
        "b",
        "\ud7ff",
        "\ue000",
        "",
    ]
    for key in keys:
        await stores.keyvalue.put("p", "s", key, key)
    for prefix in ("", "a", "a\U0010ffff", "\ud7ff", "\U0010ffff", "A", "a%", "zz"):
        found = await stores.keyvalue.items("p", "s", prefix)
        own = sorted(k for k in keys if k.startswith(prefix))
        assert list(found) == own
        pages: list[list[str]] = []
        after: str | None = None
        while page := await stores.keyvalue.items("p", "s", prefix, after=after, limit=2):
            pages.append(list(page))
            after = pages[-1][-1]
        assert [key for page in pages for key in page] == own
        assert all(len(page) == 2 for page in pages[:-1])
        assert await stores.keyvalue.items("p", "s", prefix, limit=0) == {}
        beyond = await stores.keyvalue.items("p", "s", prefix, after="a_\0b")
        assert list(beyond) == [key for key in own if key > "a_b"]
