"""The prompt as side information: three codings, the shortest is kept.

| coding | content | for |
|---|---|---|
| words | number of words, then one of N equally likely words each (6 bits a word) | the closed vocabulary |
| deflate | number of bytes, raw DEFLATE (RFC 1951) with a preset dictionary of the vocabulary's phrases | free text |
| plain | number of bytes, UTF-8 | short or incompressible text |

The dictionary is part of the format: `FORMAT_CHECK` enters the checksum of every base packet, so a receiver with other
words rejects the packet instead of reading another sentence.
"""

from __future__ import annotations

import binascii
import zlib

from ..errors import MobaigcError
from .entropy import BitstreamError, Coder
from .pack.vocabulary import OBJECTS, PLACES, TIMES, words

MAX_PROMPT_BYTES = 4095
_WORDS = words()
_INDEX = {word: i for i, word in enumerate(_WORDS)}
_DICTIONARY = " ".join(
    [
        *(o.name for o in OBJECTS),
        *(p.phrase for p in PLACES),
        *(f"with a {o.name} in the sky" for o in OBJECTS if o.kind == "sky"),
        "and a on the left on the right",
        *(t[1] for t in TIMES),
    ]
).encode()
FORMAT_CHECK = binascii.crc_hqx(" ".join(_WORDS).encode() + _DICTIONARY, 0xFFFF)

_CODINGS = ("words", "deflate", "plain")
_MAX_WORDS = 63


def code_prompt(coder: Coder, prompt: str | None = None) -> str:
    """Code the prompt, or read it back.

    Raises MobaigcError when the prompt has more than MAX_PROMPT_BYTES bytes of UTF-8, BitstreamError when a reader
    finds no text.
    """
    if prompt is None:
        return _read(coder)
    plain = prompt.encode("utf-8", "surrogatepass")
    if len(plain) > MAX_PROMPT_BYTES:
        raise MobaigcError(f"the prompt has {len(plain)} bytes; at most {MAX_PROMPT_BYTES} can be sent")
    split = prompt.split(" ")
    deflated = _deflate(plain)
    if len(split) <= _MAX_WORDS and all(word in _INDEX for word in split):
        coder.uniform(3, 0)
        coder.uniform(_MAX_WORDS, len(split) - 1)
        for word in split:
            coder.uniform(len(_WORDS), _INDEX[word])
    elif len(deflated) < len(plain):
        coder.uniform(3, 1)
        _code_bytes(coder, deflated)
    else:
        coder.uniform(3, 2)
        _code_bytes(coder, plain)
    return prompt


def _read(coder: Coder) -> str:
    coding = _CODINGS[coder.uniform(3)]
    if coding == "words":
        return " ".join(_WORDS[coder.uniform(len(_WORDS))] for _ in range(coder.uniform(_MAX_WORDS) + 1))
    data = _code_bytes(coder, None)
    try:
        return (_inflate(data) if coding == "deflate" else data).decode("utf-8", "surrogatepass")
    except (zlib.error, UnicodeDecodeError) as error:
        raise BitstreamError(f"the prompt in the packet is damaged: {error}") from None


def _code_bytes(coder: Coder, data: bytes | None) -> bytes:
    # most prompts have fewer than 256 bytes: one flag chooses between an 8-bit and a 12-bit length
    long = coder.chance(1 << 12, None if data is None else int(len(data) > 255))
    length = coder.uniform(MAX_PROMPT_BYTES + 1 if long else 256, None if data is None else len(data))
    if data is None:
        return bytes(coder.uniform(256) for _ in range(length))
    for byte in data:
        coder.uniform(256, byte)
    return data


def _deflate(plain: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    return packer.compress(plain) + packer.flush()


def _inflate(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(-15, _DICTIONARY)
    plain = unpacker.decompress(data, MAX_PROMPT_BYTES)
    if not unpacker.eof:
        raise BitstreamError("the prompt in the packet is cut short or too long")
    return plain
