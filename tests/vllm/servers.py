"""The real model servers, started from `.venv-vllm` on loopback ports that the system gives.

    async with vllm_server(model, logs=tmp_path) as server:
        server.url            # http://127.0.0.1:PORT
        await server.metrics()
        server.kill()         # SIGKILL: the client sees its stream break off
        await server.start()  # the same port again

They run in a session of their own, so that ending one ends its children, and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.vllm.setup import PYTHON, ROOT

START_SECONDS = 300.0
"""A vLLM takes 40 to 60 s on two idle cores, and more on busy ones."""
PACE = "TERTULIA_TEST_PACE"
"""Names the file that `tests/vllm/pace.py` reads, in the server's environment."""
MODEL = "tiny"
"""The name under which vLLM serves whatever it serves."""


class ServerFailed(AssertionError):
    """The server did not start; the message ends with its log."""


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@dataclass
class Server:
    """A server's process, which may be killed and started again on the same port."""

    command: Sequence[str]
    log: Path
    environment: dict[str, str]
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started_in: float = field(default=0.0, init=False)
    """Seconds that the last start took."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Returns when `/health` answers. Raises ServerFailed with the log if it does not.

        One that still runs is ended first.
        """
        self.kill()
        began = time.monotonic()
        self.process = self._spawn()
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            while not await _healthy(client):
                if self.process.poll() is not None or time.monotonic() - began > START_SECONDS:
                    self.kill()
                    raise ServerFailed(f"{self.command[:4]} did not start:\n{self.tail()}")
                await asyncio.sleep(0.2)
        self.started_in = time.monotonic() - began

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
                env=os.environ | self.environment,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End the server and its children as a crash would; returns when it is gone."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=60)
            self.process = None

    def terminate(self) -> None:
        """Ask the server to end, as a rolling restart does; its children are its own affair."""
        assert self.process is not None
        self.process.terminate()

    @property
    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    @contextmanager
    def paced(self, seconds: float) -> Iterator[None]:
        """Each token takes so long, at least, whatever the machine. For a server with `pace`."""
        before = self.pace
        self.pace = seconds
        try:
            yield
        finally:
            self.pace = before

    @property
    def pace(self) -> float:
        """Seconds that a token takes at least."""
        return float(Path(self.environment[PACE]).read_text("ascii"))

    @pace.setter
    def pace(self, seconds: float) -> None:
        file = Path(self.environment[PACE])
        written = file.with_suffix(".new")
        written.write_text(str(seconds), "ascii")
        written.replace(file)

    def tail(self, lines: int = 60) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    async def metrics(self) -> Metrics:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            reply = await client.get("/metrics")
        return Metrics(reply.raise_for_status().text)


class Metrics:
    """One reading of vLLM's `/metrics`; `metrics["generation_tokens_total"]` sums over labels."""

    def __init__(self, text: str) -> None:
        samples = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("vllm:"))
        self._samples = [(name.removeprefix("vllm:"), float(value)) for name, value in samples]

    def __getitem__(self, name: str) -> float:
        return self.get(name)

    def get(self, name: str, label: str = "") -> float:
        """The sum of the samples of this name whose labels contain `label`, as ``key="value"``."""
        found = [v for n, v in self._samples if n.partition("{")[0] == name and label in n]
        if not found:
            raise KeyError(f"no metric {name!r} with {label!r}")
        return sum(found)


def grown(after: Metrics, before: Metrics, name: str) -> float:
    """What was counted between two readings."""
    return after[name] - before[name]


async def _healthy(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health")).is_success
    except httpx.TransportError:
        return False


@asynccontextmanager
async def _running(server: Server) -> AsyncIterator[Server]:
    try:
        await server.start()
        yield server
    finally:
        server.kill()


@asynccontextmanager
async def vllm_server(
    model: Path, *, logs: Path, args: Sequence[str] = (), pace: bool = False
) -> AsyncIterator[Server]:
    """A CPU vLLM that serves `model` as MODEL with a window of 2,048 tokens, in float32: greedy
    answers do not depend on how requests were batched. With `pace` it can be slowed."""
    port = free_port()
    options = {
        "--model": str(model),
        "--served-model-name": MODEL,
        "--host": "127.0.0.1",
        "--port": str(port),
        "--max-model-len": "2048",
        "--dtype": "float32",
    }
    command = [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", "--enforce-eager"]
    command += [part for option in options.items() for part in option] + list(args)
    environment = {
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
    }
    server = Server(command, logs / f"vllm-{port}.log", environment, port)
    if pace:
        command += ["--logits-processors", "tests.vllm.pace:Pace"]
        environment |= {"PYTHONPATH": str(ROOT), PACE: str(logs / f"pace-{port}")}
        server.pace = 0.0
    async with _running(server):
        yield server


@asynccontextmanager
async def transformers_server(model: Path, *, logs: Path) -> AsyncIterator[Server]:
    """`transformers serve` with `model`: an OpenAI-compatible server of another make, without
    `/tokenize` and `/metrics`, with an empty list of models, that refuses fields it does not know."""
    port = free_port()
    home = logs / "huggingface"
    (home / "hub").mkdir(parents=True, exist_ok=True)
    program = str(PYTHON.parent / "transformers")
    command = [program, "serve", str(model), "--host", "127.0.0.1", "--port", str(port)]
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home)}
    async with _running(Server(command, logs / f"transformers-{port}.log", environment, port)) as server:
        yield server
