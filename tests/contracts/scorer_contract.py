"""What every scorer must do; inherit `ScorerContract` and say how to make the scorer.

Shapes: B pictures, H × W pixels.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mobaigc_sim.media.score import Scorer, ScorerError

FIELDS = ("s_B", "q_B", "jpsq_B", "psnr_db_B", "ssim_B")


def pictures(count: int, height_px: int, width_px: int, seed: int = 0) -> NDArray[np.uint8]:
    """Pictures of blobs with some noise, each of its own."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((width_px, height_px), Image.Resampling.BICUBIC), float)
        made.append(np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8))
    return np.stack(made)


class ScorerContract(ABC):
    """Properties of S, Q and JPSQ that the stack relies on."""

    size_hw = (64, 64)

    @abstractmethod
    def make(self) -> Scorer:
        """A fresh instance."""

    @pytest.fixture(autouse=True)
    def _no_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("a scorer reached for the network")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)

    def test_identical_pictures_have_similarity_exactly_one(self) -> None:
        images = pictures(3, *self.size_hw)
        assert self.make().score(images, images.copy()).s_B.tolist() == [1, 1, 1]

    def test_scores_lie_in_the_unit_interval_for_pictures_of_any_kind(self) -> None:
        images = pictures(4, *self.size_hw)
        noise = np.random.default_rng(1).integers(0, 256, images.shape[1:], dtype=np.uint8)
        odd = np.stack([noise, np.zeros_like(noise), np.full_like(noise, 255), images[0]])
        found = self.make().score(images, odd, 0.3)
        for values_B in (found.s_B, found.q_B, found.jpsq_B):
            assert values_B.shape == (4,)
            assert ((values_B >= 0) & (values_B <= 1)).all()
        np.testing.assert_allclose(found.jpsq_B, 0.3 * found.s_B + 0.7 * found.q_B)

    def test_scores_repeat_and_depend_on_their_own_pair_only(self) -> None:
        a, b = pictures(5, *self.size_hw, seed=2), pictures(5, *self.size_hw, seed=3)
        scorer, order = self.make(), np.array([3, 0, 4, 1, 2])
        whole, again, mixed = scorer.score(a, b), self.make().score(a, b), scorer.score(a[order], b[order])
        alone = scorer.score(a[2:3], b[2:3])
        for field in FIELDS:
            value_B = getattr(whole, field)
            np.testing.assert_array_equal(getattr(again, field), value_B)
            np.testing.assert_allclose(getattr(mixed, field), value_B[order], atol=1e-5)
            np.testing.assert_allclose(getattr(alone, field), value_B[2:3], atol=1e-5)

    def test_similarity_does_not_depend_on_which_of_a_pair_comes_first(self) -> None:
        a, b = pictures(3, *self.size_hw, seed=4), pictures(3, *self.size_hw, seed=5)
        scorer = self.make()
        np.testing.assert_allclose(scorer.similarity(a, b), scorer.similarity(b, a), atol=1e-6)

    def test_no_pictures_have_no_scores(self) -> None:
        none = np.zeros((0, *self.size_hw, 3), np.uint8)
        assert self.make().similarity(none, none).shape == self.make().quality(none).shape == (0,)

    def test_stacks_that_do_not_match_are_refused(self) -> None:
        images, scorer = pictures(2, *self.size_hw), self.make()
        for originals, recovered, message in [
            (images, images[:1], "one shape"),
            (images, images[:, :-8], "one shape"),
            (images.astype(np.float32), images, "uint8"),
            (images[0], images[0], "uint8 pictures"),
        ]:
            with pytest.raises(ScorerError, match=message):
                scorer.score(originals, recovered)
        with pytest.raises(ScorerError, match=r"\[0, 1\]"):
            scorer.score(images, images, 1.01)

    def test_the_pictures_and_the_global_random_state_are_left_as_they_were(self) -> None:
        import torch

        images = pictures(2, *self.size_hw)
        before, state = images.copy(), torch.get_rng_state()
        self.make().score(images, images[::-1])
        np.testing.assert_array_equal(images, before)
        assert torch.equal(torch.get_rng_state(), state)

    def test_the_files_it_names_are_there(self) -> None:
        for path in self.make().files().values():
            assert path.is_file()
