"""Weights of a smaller vocabulary as the start of a larger one."""

import pytest
import torch
from torch import nn

from mobaigc_sim.media.pack.train.warm_start import adopt, origin


class Tower(nn.Module):
    def __init__(self, words, positions):
        super().__init__()
        self.token_embedding = nn.Embedding(words, 6)
        self.position_embedding = nn.Embedding(positions, 6)
        self.head = nn.Linear(6, 2)


def test_words_keep_their_rows_wherever_their_numbers_went():
    torch.manual_seed(0)
    old, new = Tower(3, 4), Tower(5, 7)
    before = new.token_embedding.weight.detach().clone()
    old_ids, ids = {"fox": 0, "lion": 1, "[EOS]": 2}, {"fox": 0, "big": 1, "lion": 2, "red": 3, "[EOS]": 4}
    adopt(new, old.state_dict(), old_ids, ids)
    for word, row in old_ids.items():
        assert torch.equal(new.token_embedding.weight[ids[word]], old.token_embedding.weight[row])
    fresh = new.token_embedding.weight[[1, 3]] / before[[1, 3]]
    assert torch.allclose(fresh, fresh[0, 0].expand_as(fresh), atol=1e-5)
    assert torch.equal(new.position_embedding.weight[:4], old.position_embedding.weight)
    assert torch.equal(new.position_embedding.weight[4:], old.position_embedding.weight[-1:].expand(3, -1))
    assert torch.equal(new.head.weight, old.head.weight)


def test_weights_that_do_not_fit_are_refused():
    new = Tower(3, 4)
    with pytest.raises(ValueError, match=r"head.weight: expected shape \(2, 6\), found \(9, 6\)"):
        adopt(new, {"head.weight": torch.zeros(9, 6)}, {}, {})
    with pytest.raises(KeyError):
        adopt(new, {"tail.weight": torch.zeros(1)}, {}, {})


def test_the_origin_names_the_file_and_its_sha_256(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"abc")  # the example of FIPS 180-4
    assert origin(tmp_path, "w.safetensors") == "`w.safetensors` of SHA-256 ba7816bf8f01…"
    assert origin(None, "w.safetensors") == ""
    with pytest.raises(FileNotFoundError):
        origin(tmp_path, "other.safetensors")
