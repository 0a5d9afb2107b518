"""The contract of models, on real servers of two makes, with and without a chat template."""

from __future__ import annotations

import pytest

from bot.ports import Model
from tests.contract.model_suite import GeneratingContract, ModelContract, ask, collect

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("makes"), pytest.mark.timeout(900)]


class TestVllm(ModelContract, GeneratingContract):
    pass


class TestVllmWithoutAChatTemplate(ModelContract, GeneratingContract):
    @pytest.fixture
    def model(self, template_less: Model) -> Model:
        return template_less


class TestTransformersServe(ModelContract, GeneratingContract):
    @pytest.fixture
    def model(self, other_make: Model) -> Model:
        return other_make

    async def test_a_prompt_beyond_the_window_is_an_overflow(self, model: Model) -> None:
        """Not here: this server reads on beyond its model's window. The core's own cut holds it."""
        chunks = await collect(model, ask("far too long " * 1000, max_tokens=2))
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.prompt > 2048

    async def test_counts_bound_the_true_prompt_closely(self, model: Model) -> None:
        """Not here: it cannot count. The estimate is made for vocabularies of a hundred thousand
        tokens; one of 1,536 cuts words smaller."""
        request = ask()
        total = sum(await model.count([m.content for m in request.messages]))
        used = (await collect(model, request))[-1].usage
        assert used is not None
        assert total / 3 <= used.prompt <= 3 * total
