"""The three codecs of the package against the contract, and their payloads against standard files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from mobaigc_sim.errors import UnknownNameError
from mobaigc_sim.media.codecs import (
    AvifConfig,
    Codec,
    CodecConfig,
    JpegConfig,
    WebpConfig,
    codec_by_wire_id,
    make_codec,
)
from mobaigc_sim.media.entropy import BitstreamError

from ..contracts.codec_contract import CodecContract, picture


class TestWebp(CodecContract):
    kind = "webp"

    def lowest_psnr_db(self) -> float:
        return 34.0


class TestAvif(CodecContract):
    kind = "avif"

    def lowest_psnr_db(self) -> float:
        return 36.5


class TestJpeg(CodecContract):
    kind = "jpeg"

    def lowest_psnr_db(self) -> float:
        return 36.0


def _pillow_file(config: CodecConfig, image: np.ndarray, quality: int) -> bytes:
    options = {
        "webp": {"method": getattr(config, "effort", 0)},
        "avif": {
            "speed": 10 - getattr(config, "effort", 0),
            "subsampling": "4:4:4",
            "max_threads": 1,
            "advanced": {"tune": "psnr"},
        },
        "jpeg": {"subsampling": 0},
    }[config.kind]
    out = io.BytesIO()
    Image.fromarray(image).save(out, config.kind, quality=quality, **options)
    return out.getvalue()


@pytest.mark.parametrize(("config", "saved"), [(WebpConfig(), 26), (AvifConfig(), 284), (JpegConfig(), 600)])
@pytest.mark.parametrize("shape", [(128, 128), (48, 80), (24, 8)])
def test_payload_is_the_standard_file_less_what_the_receiver_can_write(
    config: CodecConfig, saved: int, shape: tuple[int, int]
) -> None:
    image = picture(*shape)
    codec = make_codec(config)
    payload = codec.encode(image, 75)
    file = _pillow_file(config, image, 75)
    assert codec.to_file(payload, *shape, 75) == file
    assert len(file) - len(payload) >= saved


def test_avif_refuses_data_that_announces_a_larger_picture_before_decoding_it() -> None:
    codec = make_codec(AvifConfig())
    payload = codec.encode(picture(1024, 1024), 20)
    with pytest.raises(BitstreamError, match="not a picture of 16 x 16"):
        codec.decode(payload, 16, 16, 20)


def test_effort_buys_bytes() -> None:
    image = picture(128, 128)
    sizes = [len(make_codec(WebpConfig(effort=effort)).encode(image, 90)) for effort in (0, 6)]
    assert sizes[1] < sizes[0]
    sizes = [len(make_codec(AvifConfig(effort=effort)).encode(image, 60)) for effort in (0, 4)]
    assert sizes[1] < sizes[0]


def test_a_plain_configuration_names_its_codec() -> None:
    codec = make_codec(CodecConfig(kind="jpeg", quality=33))
    assert isinstance(codec, Codec)
    assert (codec.config.kind, codec.config.quality) == ("jpeg", 33)
    # what it does not say is the codec's own default, not that of another codec
    assert make_codec(CodecConfig(kind="jpeg")).config == JpegConfig()


def test_unknown_codec_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'webp'"):
        make_codec(CodecConfig(kind="wepb"))
    with pytest.raises(BitstreamError, match="codec number 7"):
        codec_by_wire_id(7)


@pytest.mark.parametrize(
    "levels", [[], [0.5], [0.5, 0.5, 1.0], [0.6, 0.3, 1.0], [0.0, 1.0], [i / 16 for i in range(1, 17)]]
)
def test_levels_rise_to_one(levels: list[float]) -> None:
    with pytest.raises(ValidationError, match="rising shares that end with 1"):
        CodecConfig.model_validate({"levels": levels})


def test_levels_are_read_from_a_list_as_a_scenario_gives_them() -> None:
    assert WebpConfig.model_validate({"levels": [0.5, 1]}).levels == (0.5, 1.0)
