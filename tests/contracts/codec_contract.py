"""What every codec must do; inherit `CodecContract` and name its kind.

Shapes: H × W pixels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from mobaigc_sim.media.codecs import Codec, CodecConfig, codec_by_wire_id, codecs, make_codec
from mobaigc_sim.media.entropy import BitstreamError

inherited = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.differing_executors])


def picture(height_px: int, width_px: int, seed: int = 0) -> NDArray[np.uint8]:
    """A picture with smooth areas, an edge and some noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (3, 3, 3), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((width_px, height_px), Image.Resampling.BICUBIC)
    image = np.asarray(smooth, np.float64) + rng.normal(0, 4, (height_px, width_px, 3))
    image[:, width_px // 2 :] *= 0.7
    return np.clip(image, 0, 255).astype(np.uint8)


def psnr_db(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal to noise ratio of two pictures."""
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((a.astype(float) - b) ** 2))))


class CodecContract(ABC):
    """The behaviour that packets, levels and the decoder rely on."""

    kind: str

    @abstractmethod
    def lowest_psnr_db(self) -> float:
        """What the codec reaches at quality 90 on `picture(64, 48)`, less a margin."""

    def codec(self) -> Codec:
        """The codec under test, with its default configuration."""
        config: CodecConfig = codecs.get(self.kind).Config()
        return make_codec(config)

    def test_wire_id_is_its_own_and_fits_three_bits(self) -> None:
        ids = [codecs.get(kind).wire_id for kind in codecs.names()]
        assert len(set(ids)) == len(ids)
        assert 0 <= self.codec().wire_id < 8
        assert type(codec_by_wire_id(self.codec().wire_id)) is type(self.codec())

    def test_picture_survives_at_high_quality(self) -> None:
        image = picture(64, 48)
        payload = self.codec().encode(image, 90)
        assert psnr_db(self.codec().decode(payload, 64, 48, 90), image) > self.lowest_psnr_db()

    @pytest.mark.parametrize("shape", [(8, 8), (16, 16), (8, 128), (48, 32), (37, 53), (256, 16)])
    def test_every_size_comes_back_with_its_size(self, shape: tuple[int, int]) -> None:
        image = picture(*shape)
        shown = self.codec().decode(self.codec().encode(image, 80), *shape, 80)
        assert shown.shape == image.shape
        assert shown.dtype == np.uint8
        assert psnr_db(shown, image) > 20

    def test_same_input_same_bytes(self) -> None:
        image = picture(64, 64)
        assert self.codec().encode(image, 70) == self.codec().encode(image.copy(), 70)

    def test_a_draft_is_a_picture_of_about_the_same_error(self) -> None:
        image = picture(96, 96)
        shown = [
            self.codec().decode(self.codec().encode(image, 60, draft=draft), 96, 96, 60) for draft in (True, False)
        ]
        assert abs(psnr_db(shown[0], image) - psnr_db(shown[1], image)) < 1.5

    def test_quality_trades_bytes_for_error(self) -> None:
        image = picture(96, 96)
        payloads = [self.codec().encode(image, q) for q in (20, 50, 80, 95)]
        sizes = [len(p) for p in payloads]
        errors = [
            -psnr_db(self.codec().decode(p, 96, 96, q), image) for p, q in zip(payloads, (20, 50, 80, 95), strict=True)
        ]
        assert sizes == sorted(sizes)
        assert errors == sorted(errors, reverse=True)
        assert sizes[-1] > 2 * sizes[0]

    def test_another_size_than_declared_is_never_taken(self) -> None:
        payload = self.codec().encode(picture(64, 64), 80)
        try:
            shown = self.codec().decode(payload, 32, 32, 80)
        except BitstreamError:
            return
        assert shown.shape == (32, 32, 3)

    def test_empty_payload_is_an_error(self) -> None:
        with pytest.raises(BitstreamError):
            self.codec().decode(b"", 16, 16, 80)

    @given(data=st.data())
    @inherited
    def test_damage_gives_a_picture_of_the_declared_size_or_an_error(self, data: st.DataObject) -> None:
        payload = bytearray(self.codec().encode(picture(48, 32), 60))
        for _ in range(data.draw(st.integers(1, 8))):
            payload[data.draw(st.integers(0, min(len(payload) - 1, 60)))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(payload)))
        damaged = bytes(payload[:cut]) if data.draw(st.booleans()) else bytes(payload)
        try:
            assert self.codec().decode(damaged, 48, 32, 60).shape == (48, 32, 3)
        except BitstreamError as error:
            assert "packet" in str(error)
