"""The word-level tokenizer shared by the generator's text encoder and the scorer's text tower.

One token a word, lower case, split at white space. `[EOS]` has the highest id, so that "position of the end token" and
"position of the largest id" (the two pooling rules of CLIP text towers) agree, and differs from 2, the value at which
`transformers.CLIPTextModel` falls back to the second rule. The longest caption of the scenes has fewer than the 30
words that fit.
"""

from __future__ import annotations

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from ..vocabulary import words

CONTEXT_TOKENS = 32
PAD, UNK, BOS, EOS = "[PAD]", "[UNK]", "[BOS]", "[EOS]"


def vocabulary_ids() -> dict[str, int]:
    """Token → id: padding 0, unknown 1, the words in alphabetical order, begin, end."""
    return {token: i for i, token in enumerate((PAD, UNK, *words(), BOS, EOS))}


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer: `[BOS] words… [EOS]`, padded and cut to CONTEXT_TOKENS on request.

    `save_pretrained` writes standard files that `PreTrainedTokenizerFast.from_pretrained` and `AutoTokenizer` read.
    """
    ids = vocabulary_ids()
    core = Tokenizer(WordLevel(ids, unk_token=UNK))
    core.normalizer = Lowercase()
    core.pre_tokenizer = WhitespaceSplit()
    core.post_processor = TemplateProcessing(
        single=f"{BOS} $A {EOS}",
        pair=f"{BOS} $A {EOS} $B:1 {EOS}:1",
        special_tokens=[(BOS, ids[BOS]), (EOS, ids[EOS])],
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core,
        model_max_length=CONTEXT_TOKENS,
        padding_side="right",
        truncation_side="right",
        pad_token=PAD,
        unk_token=UNK,
        bos_token=BOS,
        eos_token=EOS,
        clean_up_tokenization_spaces=False,
    )
