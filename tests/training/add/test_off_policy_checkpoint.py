import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mobaigc_sim.training.add import CheckpointError, SaveCheckpoint
from mobaigc_sim.training.add import OffPolicyADD as ADD

from .toy import SetBandit

STEPS = 240


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(env: SetBandit, **options: Any) -> ADD:
    sizes = {"learning_starts": 80, "batch_size": 16, "policy_kwargs": {"width": 16, "hidden": 8}}
    return ADD("SetPolicy", env, **{**sizes, "buffer_size": 320, "seed": 3, "reward_centring": True, **options})


def disturb() -> None:
    """What another process would have done to the shared random states."""
    torch.manual_seed(999)
    np.random.seed(999)


def assert_same(one: ADD, other: ADD) -> None:
    for (name, a), b in zip(one.policy.state_dict().items(), other.policy.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert one.replay_buffer is not None
    for name in ("observations", "actions", "rewards", "timeouts", "pos", "full"):
        np.testing.assert_array_equal(getattr(one.replay_buffer, name), getattr(other.replay_buffer, name))
    assert (one.num_timesteps, one._n_updates, one._episode_num) == (
        other.num_timesteps,
        other._n_updates,
        other._episode_num,
    )
    assert list(one.ep_info_buffer or ()) == list(other.ep_info_buffer or ())


@pytest.mark.parametrize("options", [{}, {"n_steps": 3, "gamma": 0.9}, {"learning_starts": 300, "credit": "user"}])
def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path, options: dict[str, Any]) -> None:
    """Also across the wrap of the replay buffer, and (last case) in the middle of the warm-up."""
    env = SetBandit()
    model = make(env, **options)
    model.learn(STEPS)
    model.save_checkpoint(tmp_path / "point")
    kept = env.state()
    model.learn(STEPS, reset_num_timesteps=False)

    disturb()
    again = SetBandit(seed=55)
    again.reset()
    again.restore(kept)
    resumed = ADD.load_checkpoint(tmp_path / "point", again, env_restored=True)
    assert resumed.num_timesteps == STEPS
    resumed.learn(STEPS, reset_num_timesteps=False)
    assert_same(model, resumed)
    assert resumed._n_updates > 0


def test_a_resumed_run_equals_one_whose_environment_was_reset(tmp_path: Path) -> None:
    """n-step returns must not reach across the reset."""
    env = SetBandit()
    model = make(env, n_steps=3)
    model.learn(STEPS - 16)
    model.save_checkpoint(tmp_path / "point")
    kept = env.state()
    assert env.step_count not in (0, 5)

    runs = []
    for _ in range(2):
        disturb()
        again = SetBandit()
        again.restore(kept)
        runs.append(ADD.load_checkpoint(tmp_path / "point", again))
        last = runs[-1].replay_buffer.pos - 1
        assert runs[-1].replay_buffer.timeouts[last].all()
        assert not model.replay_buffer.timeouts[last].any()
        runs[-1].learn(STEPS, reset_num_timesteps=False)
    assert_same(*runs)


def test_a_checkpoint_saved_during_learning_resumes_exactly(tmp_path: Path) -> None:
    class Keep(SaveCheckpoint):
        def _on_rollout_start(self) -> None:
            before = self.saved_steps
            super()._on_rollout_start()
            if self.saved_steps != before:
                self.kept = (env.state(), self.saved_steps)

    env = SetBandit()
    model, callback = make(env), Keep(tmp_path / "point", every_steps=200)
    model.learn(360, callback=callback)
    state, at = callback.kept
    assert at == 200
    again = SetBandit()
    again.restore(state)
    resumed = ADD.load_checkpoint(tmp_path / "point", again, env_restored=True)
    resumed.learn(360 - at, reset_num_timesteps=False)
    assert_same(model, resumed)


def test_the_folder_holds_no_pickle_and_replaces_an_older_one(tmp_path: Path) -> None:
    model = make(SetBandit()).learn(160)
    (tmp_path / "point").mkdir()
    (tmp_path / "point" / "old.txt").write_text("old")
    model.save_checkpoint(tmp_path / "point")
    names = {path.name for path in (tmp_path / "point").iterdir()}
    assert names == {"tensors.safetensors", "arrays.npz", "state.json"}
    with np.load(tmp_path / "point" / "arrays.npz", allow_pickle=False) as arrays:
        assert len(arrays["rewards"]) == 160 // 8
        assert all(arrays[name].dtype != object for name in arrays)
    assert not (tmp_path / "point.part").exists()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no complete checkpoint"):
        ADD.load_checkpoint(tmp_path, SetBandit())
    make(SetBandit(), learning_rate=lambda left: 1e-3 * left).learn(120).save_checkpoint(tmp_path / "point")
    with pytest.raises(CheckpointError, match="8 environments, not 4"):
        ADD.load_checkpoint(tmp_path / "point", SetBandit(4))
    with pytest.raises(CheckpointError, match="pass learning_rate"):
        ADD.load_checkpoint(tmp_path / "point", SetBandit())
    with pytest.raises(CheckpointError, match="do not fit"):
        ADD.load_checkpoint(tmp_path / "point", SetBandit(), learning_rate=1e-3, buffer_size=80)
    state = json.loads((tmp_path / "point" / "state.json").read_text())
    (tmp_path / "point" / "state.json").write_text(json.dumps({**state, "format": "other"}))
    with pytest.raises(CheckpointError, match="not a checkpoint of OffPolicyADD"):
        ADD.load_checkpoint(tmp_path / "point", SetBandit())
