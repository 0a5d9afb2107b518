"""Makes a vLLM as slow as a test needs it: what must happen in the middle of an answer has the time for
it on any machine. Loaded by the server (`--logits-processors`), in `.venv-vllm`.

Every step of the engine first sleeps for the seconds that stand in the file which the environment
names (`tests/vllm/servers.py`). No token is changed. Source: https://docs.vllm.ai/en/stable/features/custom_logitsprocs/
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from vllm.v1.sample.logits_processor import LogitsProcessor  # type: ignore[import-not-found]


class Pace(LogitsProcessor):  # type: ignore[misc]
    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        self._file = Path(os.environ["TERTULIA_TEST_PACE"])

    def is_argmax_invariant(self) -> bool:
        return True

    def update_state(self, batch_update: Any) -> None:
        time.sleep(float(self._file.read_text("ascii")))

    def apply(self, logits: Any) -> Any:
        return logits
