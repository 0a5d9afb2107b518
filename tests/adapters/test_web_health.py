"""Health, readiness, metrics, and what the page costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from httpx import Response

from adapters.web.metrics import MOST_VALUES, PrometheusTelemetry
from tests.adapters.test_web_guard import in_process

HERE = Path(__file__).parents[2] / "adapters" / "web"


async def _well() -> tuple[bool, str]:
    return True, "fine"


async def _down() -> tuple[bool, str]:
    return False, "no route to the database"


async def test_ready_tells_each_dependency_and_is_503_when_one_is_down() -> None:
    async with in_process(checks={"database": _well}) as client:
        ready = await client.get("/readyz")
    async with in_process(checks={"database": _well, "model": _down}) as client:
        unready = await client.get("/readyz")
        assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert ready.status_code == 200
    assert unready.status_code == 503
    assert unready.json()["dependencies"]["model"] == {"ok": False, "detail": "no route to the database"}


async def test_details_and_metrics_are_for_this_machine_unless_opened() -> None:
    checks = {"database": _down}
    async with in_process(client_address="192.0.2.1", checks=checks) as client:
        assert (await client.get("/readyz")).json() == {"ready": False, "dependencies": {}}
        assert (await client.get("/metrics")).status_code == 404
    async with in_process(client_address="192.0.2.1", checks=checks, open_metrics=True) as client:
        assert (await client.get("/readyz")).json()["dependencies"]
        assert (await client.get("/metrics")).status_code == 200


async def test_metrics_hold_stages_counts_and_the_process() -> None:
    telemetry = PrometheusTelemetry()
    for stage in ("generate", "queue", "tool"):
        telemetry.observe(stage, 0.2)
    telemetry.observe("made up from input", 0.2)
    telemetry.count("turns", state="done")
    telemetry.gauge("running", 3)
    levels = [4.0, 0.0]
    telemetry.watch("waiting", lambda: levels.pop(0))
    async with in_process(metrics=telemetry) as client:
        text = (await client.get("/metrics")).text
        later = (await client.get("/metrics")).text
    assert "tertulia_waiting 4.0" in text
    assert "tertulia_waiting 0.0" in later
    for stage in ("generate", "queue", "tool"):
        assert f'tertulia_stage_seconds_count{{stage="{stage}"}} 1.0' in text
    assert 'tertulia_stage_seconds_count{stage="other"} 1.0' in text
    assert 'tertulia_turns_total{state="done"} 1.0' in text
    assert "tertulia_running 3.0" in text
    assert "_created" not in text
    if sys.platform == "linux":
        assert "process_resident_memory_bytes" in text


def test_labels_are_bounded_whatever_comes() -> None:
    telemetry = PrometheusTelemetry()
    for number in range(1000):
        telemetry.count("events", kind=f"kind {number}")
        telemetry.count(f"name_{number}")
    text = telemetry.exposition()[0].decode()
    assert text.count("tertulia_events_total{") <= MOST_VALUES + 1
    assert 'tertulia_events_total{kind="other"}' in text
    assert len(text) < 100_000


def test_a_missing_or_surplus_label_is_no_error() -> None:
    telemetry = PrometheusTelemetry()
    telemetry.count("calls", ok="true")
    telemetry.count("calls")
    telemetry.count("calls", ok="true", more="x")
    assert 'tertulia_calls_total{ok="true"} 2.0' in telemetry.exposition()[0].decode()


async def test_the_page_speaks_the_visitors_language_and_can_be_switched() -> None:
    async with in_process() as client:
        assert "How do I connect Telegram?" in (await client.get("/")).text
        chinese = await client.get("/", headers={"Accept-Language": "fr;q=0.1,zh-CN"})
        assert "怎么连接 Telegram？" in chinese.text
        assert '<html lang="en"' in (await client.get("/?lang=en", headers={"Accept-Language": "zh"})).text
        assert '<html lang="en"' in (await client.get("/", headers={"Accept-Language": "zh"})).text


async def test_the_operators_suggestions_are_shown_as_text() -> None:
    async with in_process(suggestions={"en": ["<b>Hello</b>"]}) as client:
        assert "&lt;b&gt;Hello&lt;/b&gt;" in (await client.get("/")).text
        assert suggested(await client.get("/?lang=zh")) == []


def suggested(page: Response) -> list[str]:
    (place,) = re.findall(r'<div class="suggestions">(.*?)</div>', page.text, re.DOTALL)
    return re.findall('<button type="button">(.*?)</button>', place)


async def test_the_handbooks_questions_are_offered_to_no_visitor_of_a_site() -> None:
    shops = ["https://shop.example"]
    async with in_process(console=None, widget_origins=shops) as client:
        assert "How do I connect Telegram?" in suggested(await client.get("/"))
        assert suggested(await client.get("/widget")) == []
    async with in_process(console=None, suggestions=["Do you ship?"], widget_origins=shops) as client:
        for path in ("/", "/widget", "/?lang=zh", "/widget?lang=zh"):
            assert suggested(await client.get(path)) == ["Do you ship?"]
    async with in_process(suggestions=[]) as client:
        assert suggested(await client.get("/")) == []


def test_no_language_lacks_a_word() -> None:
    from adapters.web.pages import words

    assert set(words("en")) == set(words("zh"))
    assert all(words("zh").values())


def test_importing_the_channel_and_the_server_brings_no_web_framework() -> None:
    code = (
        "import sys, adapters.web, adapters.web.channel, adapters.web.server, adapters.web.deps;"
        "sys.exit(any(m in sys.modules for m in ('fastapi', 'starlette', 'uvicorn', 'jinja2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=HERE.parents[1]).returncode == 0
