"""Makes the two tiny models that the real servers serve in the tests. Run by `.venv-vllm`'s Python.

- ``llama``: 2 layers of 128 dimensions with fixed random weights, a byte-level BPE tokenizer and a
  ChatML template with tools. It can only say whole words with a space before them, and never
  ends by itself: whatever it said is tokenized again to the very tokens it said, so an answer
  continued from its text must equal the uninterrupted one. Answers have exactly `max_tokens`.
- ``gpt2``: the same size in GPT-2's shape, no chat template, free to say anything (halves of
  characters included) and to end.

Both are functions of this file and `corpus.txt` alone, and take seconds to make.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VOCABULARY = 1536
WINDOW = 2048
SEED = 7
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = """\
{%- if tools %}{{ '<|im_start|>system\\n' }}
{%- if messages[0].role == 'system' %}{{ messages[0].content + '\\n\\n' }}{% endif %}
{{- 'Tools:' }}{% for tool in tools %}{{ '\\n' + (tool | tojson) }}{% endfor %}
{{- '\\nTo call one: <tool_call>{"name": ..., "arguments": ...}</tool_call><|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}{{ '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role != 'system' or not loop.first %}
{{- '<|im_start|>' + message.role + '\\n' + (message.content or '') }}
{%- for call in message.tool_calls or [] %}
{{- '\\n<tool_call>' + ({'name': call.function.name, 'arguments': call.function.arguments} | tojson) }}
{{- '</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""


def digest() -> str:
    """Changes when what is made would change."""
    text = Path(__file__).read_bytes() + (HERE / "corpus.txt").read_bytes()
    return hashlib.sha256(text).hexdigest()[:16]


def tokenizer(*, template: str | None) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # type: ignore[import-not-found]
    from transformers import PreTrainedTokenizerFast  # type: ignore[import-not-found]

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator((HERE / "corpus.txt").read_text("utf-8").splitlines(), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=SPECIAL[2] if template else SPECIAL[0],
        bos_token=SPECIAL[0],
        pad_token=SPECIAL[0],
        additional_special_tokens=list(SPECIAL[1:]),
        model_max_length=WINDOW,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = template
    return fast


def words(fast: Any) -> list[int]:
    """Tokens that are letters with a space before them, and that their own text gives again."""
    return [
        number
        for token, number in sorted(fast.get_vocab().items())
        if token.startswith("Ġ")
        and token[1:].isascii()
        and token[1:].isalpha()
        and fast.encode(" " + token[1:], add_special_tokens=False) == [number]
    ]


def llama(fast: Any) -> Any:
    import torch  # type: ignore[import-not-found]
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(SEED)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(fast),
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=WINDOW,
            initializer_range=0.25,
            bos_token_id=fast.bos_token_id,
            eos_token_id=fast.eos_token_id,
            pad_token_id=fast.pad_token_id,
            tie_word_embeddings=False,
        )
    )
    with torch.no_grad():
        # The residual's first dimension is held at a constant that no layer touches, and the
        # head subtracts much of it from every token that may not be said.
        model.model.embed_tokens.weight[:, 0] = 1.0
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight[0] = 0.0
            layer.mlp.down_proj.weight[0] = 0.0
        model.lm_head.weight[:, 0] = -1000.0
        model.lm_head.weight[words(fast), 0] = 0.0
    return model


def gpt2(fast: Any) -> Any:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(SEED)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(fast),
            n_positions=WINDOW,
            n_embd=128,
            n_layer=2,
            n_head=4,
            initializer_range=0.25,
            bos_token_id=fast.bos_token_id,
            eos_token_id=fast.eos_token_id,
        )
    )


def make(folder: Path) -> None:
    """Make both under `folder`, if they are not there as this file would make them."""
    stamp = folder / "stamp.json"
    if stamp.exists() and json.loads(stamp.read_text()) == {"digest": digest()}:
        return
    shutil.rmtree(folder, ignore_errors=True)
    for name, template, build in (("llama", TEMPLATE, llama), ("gpt2", None, gpt2)):
        fast = tokenizer(template=template)
        fast.save_pretrained(folder / name)
        build(fast).save_pretrained(folder / name)
    stamp.write_text(json.dumps({"digest": digest()}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    make(parser.parse_args().folder)
