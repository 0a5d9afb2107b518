"""The HTTP client: kept connections, proxies, and every failure as one of the model errors."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from bot.errors import ModelRefused, ModelTimeout, ModelUnavailable
from inference.http import Http
from inference.openai_api import OpenAIModel
from inference.tokens import OVERHEAD, estimate
from inference.wire import Endpoint, Patience, Wire
from tests.unit.test_inference_wire import Impatient

EVENTS = (
    b'data: {"choices": [{"delta": {"content": "good day"}}]}\n\n'
    b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
LIST = b'{"data": [{"id": "m", "owned_by": "vllm"}]}'
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
MALFORMED = "malformed|no key has"
PAUSE = b"(pause)"
"""Where it stands in an answer, the network rests."""


def whole(body: bytes, head: bytes = b"200 OK\r\nx: y") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (head, len(body), body)


class Raw:
    """Says `answers` in their order, one to each request on whatever connection it comes. Where
    `ends`, it closes the connection after each without having said so in the answer."""

    def __init__(self, *answers: bytes, ends: bool = False) -> None:
        self.answers, self.ends = list(answers), ends
        self.asked: list[bytes] = []
        self.connections = 0
        self.reached, self.left = asyncio.Event(), asyncio.Event()
        self.url = ""

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[Raw]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length.group(1)) if length else 0)
                self.asked.append(head + body)
                self.reached.set()
                ends = self.ends
                for piece in self.answers.pop(0).split(PAUSE):
                    writer.write(piece)
                    await asyncio.sleep(0.02)
                if ends:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()


def model(server: Raw, http: Http, clock: Impatient) -> Wire:
    return Wire(Endpoint(f"{server.url}/v1"), http, clock, patience=Patience(), random=Random(1))


async def drained(http: Http, url: str) -> bytes:
    async with http.stream(url, headers={}, body=[b"{}"]) as answer:
        return await answer.read()


async def said(wire: Wire) -> str:
    return "".join([chunk.text async for chunk in wire.stream("/chat/completions", [b"{}"], {})])


async def test_a_connection_is_kept_for_the_next_request() -> None:
    async with Raw(whole(EVENTS), whole(EVENTS), whole(LIST)).lifespan() as server, Http().lifespan() as http:
        wire = model(server, http, Impatient())
        assert await said(wire) == await said(wire) == "good day"
        await wire.models()
        assert server.connections == 1


async def test_a_connection_that_the_server_closed_while_idle_is_not_used_again() -> None:
    clock = Impatient()
    async with Raw(whole(EVENTS), whole(EVENTS), ends=True).lifespan() as server, Http().lifespan() as http:
        wire = model(server, http, clock)
        for _ in range(2):
            assert await said(wire) == "good day"
            await asyncio.sleep(0.05)
        assert (server.connections, clock.slept) == (2, [])


async def test_a_connection_closed_under_a_request_loses_no_answer() -> None:
    """As when the server's patience with an idle connection ends while the request is on its way."""
    clock = Impatient()
    async with Raw(whole(EVENTS)).lifespan() as server, Http().lifespan() as http:
        wire = model(server, http, clock)
        await said(wire)
        server.ends, server.answers = True, [b"", whole(EVENTS)]
        assert await said(wire) == "good day"
        assert (server.connections, len(server.asked), len(clock.slept)) == (2, 3, 1)


async def test_a_connection_closed_under_a_count_leaves_an_estimate() -> None:
    async with Raw(whole(LIST), ends=True).lifespan() as server, Http().lifespan() as http:
        asked = OpenAIModel(Endpoint(f"{server.url}/v1"), http, Impatient())
        await asked.refresh()
        server.answers = [b""] * 9
        assert await asked.count(["how many?"]) == [estimate("how many?") + OVERHEAD]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        whole(EVENTS)[:-40],
        HEAD + b"5\r\ndata:\r\n",
        HEAD + b"5\r\ndata:\r\nno size\r\n",
        HEAD + b"5\r\ndata:\r\n" + PAUSE + b"no size\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_what_breaks_off_or_is_no_http_is_unavailable(answer: bytes) -> None:
    async with Raw(*[answer] * 2, ends=True).lifespan() as server, Http().lifespan() as http:
        with pytest.raises(ModelUnavailable):
            await drained(http, server.url)
        with pytest.raises(ModelUnavailable):
            await http.fetch("POST", server.url, within=5)


async def test_who_is_not_there_or_does_not_let_in_is_unavailable() -> None:
    async with Raw().lifespan() as silent, Http(connect_timeout=0.1).lifespan() as http:
        with pytest.raises(ModelUnavailable, match=r"^127\.0\.0\.1:9 cannot be reached: \w"):
            await http.fetch("GET", "http://user:secret@127.0.0.1:9/v1", within=5)
        without_tls = silent.url.replace("http:", "https:")
        with pytest.raises(ModelUnavailable, match="no connection in time"):
            await http.fetch("GET", without_tls, within=5)


@pytest.mark.parametrize("answer", [b"", HEAD, whole(EVENTS)[:-9]])
async def test_a_question_without_an_answer_in_time_is_given_up(answer: bytes) -> None:
    async with Raw(answer).lifespan() as server, Http().lifespan() as http:
        with pytest.raises(ModelTimeout):
            await http.fetch("GET", server.url, within=0.1)
        await asyncio.wait_for(server.left.wait(), 5)


async def test_who_waits_no_more_for_the_first_byte_leaves_the_server() -> None:
    async with Raw(b"").lifespan() as server, Http().lifespan() as http:
        asking = asyncio.create_task(said(model(server, http, Impatient())))
        await server.reached.wait()
        asking.cancel()
        await asyncio.wait_for(server.left.wait(), 5)
        with pytest.raises(asyncio.CancelledError):
            await asking


@pytest.mark.parametrize(
    "url",
    [
        *("http://[::1/v1", "http://:80/v1", "http:///v1", "ftp://host/v1", "host", ""),
        *("http://127.0.0.1:99999/v1", "http://a..b/v1", "http://日本:x@127.0.0.1:9/", f"http://{'a' * 99}/"),
    ],
)
async def test_a_malformed_url_is_refused(url: str) -> None:
    async with Http().lifespan() as http:
        with pytest.raises(ModelRefused, match=MALFORMED):
            await http.fetch("GET", url, within=5)


@pytest.mark.parametrize("key", ["schlüssel", "钥匙", "two\nlines", "nul\0"])
async def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(key: str) -> None:
    async with Raw().lifespan() as server, Http().lifespan() as http:
        with pytest.raises(ModelRefused, match=MALFORMED) as caught:
            await Wire(
                Endpoint(server.url, key), http, Impatient(), patience=Patience(), random=Random(1)
            ).models()
        assert key not in str(caught.value)


async def test_credentials_in_the_url_win_over_a_key() -> None:
    async with Raw(whole(LIST)).lifespan() as server, Http().lifespan() as http:
        endpoint = Endpoint(server.url.replace("//", "//ann:p%40ss@"), "a-key")
        await Wire(endpoint, http, Impatient(), patience=Patience(), random=Random(1)).models()
    assert b64encode(b"ann:p@ss") in server.asked[0]
    assert b"a-key" not in server.asked[0]


async def test_redirects_are_not_followed_cookies_not_kept_and_nothing_is_unpacked() -> None:
    answers = (
        whole(b"", b"307 Elsewhere\r\nlocation: /other\r\nset-cookie: a=b"),
        whole(b"\x1f\x8b", b"200 OK\r\ncontent-encoding: gzip"),
    )
    async with Raw(*answers).lifespan() as server, Http().lifespan() as http:
        assert (await http.fetch("GET", server.url, within=5))[0] == 307
        assert (await http.fetch("GET", server.url, within=5))[2] == b"\x1f\x8b"
    assert b"accept-encoding: identity" in server.asked[1].lower()
    assert b"cookie" not in server.asked[1].lower()


async def test_megabytes_are_sent_whole() -> None:
    body = [b"x" * 3_000_000, b"y", b"z" * 100_000]
    async with Raw(whole(EVENTS)).lifespan() as server, Http().lifespan() as http:
        async with http.stream(server.url, headers={}, body=body) as answer:
            assert await answer.read() == EVENTS
    assert server.asked[0].endswith(b"\r\n\r\n" + b"".join(body))


async def test_a_client_that_was_closed_can_be_used_again() -> None:
    async with Raw(whole(LIST), whole(LIST)).lifespan() as server, Http().lifespan() as http:
        for _ in range(2):
            await http.fetch("GET", server.url, within=5)
            await http.aclose()
        assert server.connections == 2


def test_a_client_that_nobody_closes_ends_with_its_loop_and_serves_the_next() -> None:
    """Whatever stayed open would warn when it is collected, and warnings are errors."""

    async def ask(http: Http) -> int:
        async with Raw(whole(LIST)).lifespan() as server:
            return (await http.fetch("GET", server.url, within=5))[0]

    def forget() -> None:
        http = Http()
        assert asyncio.run(ask(http)) == asyncio.run(ask(http)) == 200

    forget()
    gc.collect()


ASK = """
import asyncio, sys
from bot.errors import ModelRefused, ModelUnavailable
from inference.http import Http

async def main():
    async with Http().lifespan() as http:
        for url in sys.argv[1:]:
            try:
                print((await http.fetch("GET", url, within=20))[0])
            except ModelUnavailable:
                print("unavailable")
            except ModelRefused as error:
                print(error)

asyncio.run(main())
"""


async def asked_with(proxies: dict[str, str], *urls: str) -> list[str]:
    """What `ASK` prints for each URL where the environment has just these proxies."""
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ASK, *urls, env={**clean, **proxies}, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 60)
    return printed.decode().splitlines()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY", "http_proxy"])
async def test_the_environments_proxy_is_asked_for_all_but_loopback_and_exceptions(name: str) -> None:
    proxy, server = Raw(whole(LIST, b"203 By Proxy")), Raw(*[whole(LIST)] * 2)
    async with proxy.lifespan(), server.lifespan():
        there = proxy.url.replace("//", "//ann:pw@").removeprefix("http://" if name == "ALL_PROXY" else "")
        urls = ["http://model.invalid/v1", "http://bare.invalid:81/", server.url]
        urls.append(server.url.replace("127.0.0.1", "localhost"))
        printed = await asked_with({name: there, "NO_PROXY": "other.invalid,bare.invalid"}, *urls)
    assert printed == ["203", "unavailable", "200", "200"]
    assert proxy.asked[0].startswith(b"GET http://model.invalid/v1 HTTP/1.1\r\n")
    assert b64encode(b"ann:pw") in proxy.asked[0]


async def test_a_proxy_of_another_kind_is_refused_by_name() -> None:
    (printed,) = await asked_with({"ALL_PROXY": "socks5://ann:pw@127.0.0.1:1080"}, "http://model.invalid/v1")
    assert printed == "model.invalid: the environment's proxy, 127.0.0.1:1080, is no HTTP proxy"
