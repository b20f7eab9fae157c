"""Agents of a training file: made, written as safetensors, read again, and turned into what plays an episode."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from ..errors import MobaigcError
from ..scheduling.add.corrected import CorrectedRule
from ..scheduling.add.network import AddNetwork
from ..scheduling.classic.priced_utility import PricedUtilityConfig
from .add import ADD, OffPolicyADD
from .baselines.agents import make_agent
from .baselines.best_of import BestOf
from .baselines.wrappers import CentredReward, RelativeReward, Undiscretised
from .config import AgentConfig, AnyAddHyper
from .episodes import Predictor

AnyADD = ADD | OffPolicyADD
RESUMABLE: dict[str, type[AnyADD]] = {"add": ADD, "add-off-policy": OffPolicyADD}
"""Agents that have checkpoints."""


class OtherSizesError(MobaigcError):
    """Weights of a policy for another number of users."""


def make_policy(entry: AgentConfig, env: VecEnv, seed: int, tensorboard: str | None = None) -> BaseAlgorithm:
    """A fresh agent on environments of tokens."""
    if entry.centred:
        env = CentredReward(env)
    if entry.relative:
        env = RelativeReward(env)
    if isinstance(entry.hyper, AnyAddHyper):
        options = entry.hyper.arguments()
        return RESUMABLE[entry.agent]("SetPolicy", env, seed=seed, device="cpu", tensorboard_log=tensorboard, **options)
    return make_agent(entry.agent, env, entry.hyper, seed, tensorboard)


def make_untrained(entry: AgentConfig, env: VecEnv) -> BaseAlgorithm:
    """An agent whose weights are to be read, with no room for experience."""
    if "buffer_size" in type(entry.hyper).model_fields:
        entry = entry.model_copy(update={"hyper": entry.hyper.model_copy(update={"buffer_size": 1})})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You have specified a mini-batch size")  # nothing will be learned from
        return make_policy(entry.model_copy(update={"centred": False, "relative": False}), env, seed=0)


def decider(entry: AgentConfig, agent: BaseAlgorithm, numbers: int) -> Predictor:
    """What decides in evaluation; `numbers` is the length of an action."""
    if entry.agent == "dqn":
        return Undiscretised(agent, numbers)
    return BestOf(agent, entry.best_of) if entry.best_of else agent


def save_weights(agent: BaseAlgorithm, rule: PricedUtilityConfig, path: Path) -> None:
    """Write the tensors of the policy; of ADD those of its network with the rule it corrects, for `kind: add`."""
    if isinstance(agent, AnyADD):
        agent.policy.network.save(path, corrected=CorrectedRule(rule=rule))
        return
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in agent.policy.state_dict().items()}
    save_file(tensors, path)


def load_weights(agent: BaseAlgorithm, path: Path) -> None:
    """Read what `save_weights` wrote; set networks take it for any number of tokens.

    Raises OtherSizesError for tensors of other sizes, MobaigcError for a file that is not theirs.
    """
    if isinstance(agent, AnyADD):
        network, _ = AddNetwork.load(path)
        module: Any = agent.policy.network
        tensors = network.state_dict()
    else:
        module = agent.policy
        try:
            tensors = load_file(path)
        except (OSError, SafetensorError) as error:
            raise MobaigcError(f"{path}: cannot be read as safetensors: {error}") from error
    wanted = module.state_dict()
    if tensors.keys() != wanted.keys():
        raise MobaigcError(f"{path}: holds the tensors of another policy")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise OtherSizesError(f"{path}: {name} is {tuple(tensor.shape)}, not {tuple(wanted[name].shape)}")
    module.load_state_dict(tensors)
