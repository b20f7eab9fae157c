"""10^4 damaged bitstreams of all codecs together: a clear error or a whole picture each time, within memory and time.

They run in a process of their own, which a crash of a C library, a leak or an endless loop would end.
"""

from __future__ import annotations

import binascii
import json
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mobaigc_sim.media.bitstream import _binding, read_base, split_stream
from mobaigc_sim.media.codecs import codecs
from mobaigc_sim.media.decode import Decoded, decode
from mobaigc_sim.media.encode import encode, encode_whole
from mobaigc_sim.media.entropy import BitstreamError
from mobaigc_sim.media.prompt_code import FORMAT_CHECK

from ..contracts.codec_contract import picture

COUNT = 10_000
MEMORY_BYTES = 1 << 30
"""What the process may take beyond what it has when the first stream comes."""
CPU_S = 300


def _streams(kind: str) -> list[list[bytes]]:
    config = codecs.get(kind).Config()
    found = []
    for i, side in enumerate((64, 96)):
        image = picture(side, side, seed=i)
        importance = np.random.default_rng(i).random((8, 8))
        found.append(list(encode(image, importance, "a fox in the desert", i, (1.0, 0.5)[i], config).packets))
    return [*found, [encode_whole(picture(48, 64), config)]]


def _damaged(data: bytes, other: bytes, rng: random.Random, shortest: int = 1) -> bytes:
    """One to three random edits; `other` is what splices are taken from."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(out) + 1)
        how = rng.randrange(6)
        if how == 0:
            del out[max(shortest, at) :]
        elif how == 1:
            start = rng.randrange(len(other) + 1)
            out[at : at + rng.randint(0, 40)] = other[start : start + rng.randint(0, 40)]
        elif how == 2:
            out[at:at] = rng.randbytes(rng.randint(1, 6))
        elif how == 3:
            del out[at : at + rng.randint(1, 6)]
        else:
            for _ in range(rng.randint(1, 4)):
                if out:
                    out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _resealed(packet: bytes, other: bytes, packets: list[bytes], rng: random.Random) -> bytes:
    """The packet with a damaged body, or other low header bits, under a right length and a right checksum."""
    start = 1 + re.match(rb"[\x80-\xff]*[\x00-\x7f]", packet[1:]).end()  # type: ignore[union-attr]
    first, body = packet[0], packet[start:-2]
    if rng.random() < 0.2:
        first ^= 1 << rng.randrange(6)
    body = _damaged(body, other, rng)
    # damage near the start of the body reaches the deepest
    if body and rng.random() < 0.5:
        at = rng.randrange(min(len(body), 12))
        body = body[:at] + rng.randbytes(1) + body[at + 1 :]
    length = len(body)
    framed = bytes([first, length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14]) + body
    crc = FORMAT_CHECK
    if first >> 6 == 2:
        base = read_base(packets[0])
        crc = _binding(base, min(first >> 2 & 15, base.levels - 1))
    return framed + binascii.crc_hqx(framed, crc).to_bytes(2, "big")


def _relabelled(packet: bytes, rng: random.Random) -> bytes:
    """The packet with other bytes where its length stands."""
    return packet[:1] + rng.randbytes(rng.randint(0, 4)) + packet[1 + rng.randint(0, 2) :]


def mutated(streams: list[list[bytes]], rng: random.Random) -> bytes | list[bytes]:
    """A damaged stream, as one byte string or as packets."""
    packets = list(rng.choice(streams))
    other = b"".join(rng.choice(streams))
    how = rng.randrange(5)
    if how == 0:
        return _damaged(b"".join(packets), other, rng)
    at = rng.randrange(len(packets))
    if how == 1:
        packets[at] = _damaged(packets[at], other, rng)
    elif how == 2:
        packets[at] = _relabelled(packets[at], rng)
        return b"".join(packets) if rng.random() < 0.5 else packets
    else:
        packets[at] = _resealed(packets[at], other, packets, rng)
    rng.shuffle(packets)
    return packets


def check(shown: Decoded) -> None:
    """Fail unless it is a whole picture within what a packet may declare."""
    height, width = shown.known_HW.shape
    assert 0 < height <= 2048
    assert 0 < width <= 2048
    assert shown.image.shape == (height, width, 3)
    assert shown.image.dtype == np.uint8
    assert 0 < shown.keep <= 1
    if shown.level_RC is not None:
        offered = set(np.unique(shown.level_RC)) - {-1}
        assert set(shown.received) <= offered


def survive(kind: str, count: int) -> Counter[str]:
    """Decode damaged streams of one codec and count what came of them."""
    rng = random.Random(f"mutations of {kind}")
    streams = _streams(kind)
    seen: Counter[str] = Counter()
    for _ in range(count):
        stream = mutated(streams, rng)
        try:
            shown = decode(stream)
        except BitstreamError as error:
            assert str(error)
            seen["errors"] += 1
            continue
        check(shown)
        seen["pictures"] += 1
        seen["pictures with a rejected packet"] += shown.rejected > 0
        seen["pictures of another size"] += shown.known_HW.shape not in {(64, 64), (96, 96), (48, 64)}
        pieces = split_stream(stream) if isinstance(stream, bytes) else stream
        seen["damage shown"] += not shown.rejected and not any(set(pieces) <= set(s) for s in streams)
    return seen


def main(kind: str, count: int) -> None:
    """Run `survive` with memory and processor time limited by the system."""
    import resource

    survive(kind, 200)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    print(json.dumps(survive(kind, count)))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits are set as Linux does it")
@pytest.mark.parametrize("kind", codecs.names())
def test_ten_thousand_damaged_streams(kind: str) -> None:
    share = -(-COUNT // len(codecs.names()))
    code = f"from tests.media.test_mutations import main; main({kind!r}, {share})"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    seen = Counter(json.loads(ran.stdout))
    assert seen["errors"] + seen["pictures"] == share
    # the mutations reach every depth: refused packets, decoders, and pictures that damage changed
    assert min(seen["errors"], seen["pictures with a rejected packet"], seen["damage shown"]) > share / 50
    assert seen["pictures of another size"] > 0
