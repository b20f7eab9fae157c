"""The ADD policy as one network: encoder, diffusion actor and twin critic, with the rule that picks an action.

Decision: a few actions drawn from the chain, and the zero action (the rule that the actions correct), are compared by
the smaller of the two critics, as in Chen et al., "Offline RL via high-fidelity generative behavior modeling", ICLR
2023, and Ding et al., "Diffusion-based RL via Q-weighted variational policy optimization", NeurIPS 2024.

Shapes: B batch, M actions per state, N tokens, W width, G features of the cell, L length of an observation; the last
axis of actions, 2, is a user's action.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Self

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ...errors import MobaigcError
from ..tokens import ACTIONS, TokenLayout
from .corrected import CorrectedRule
from .critic import Pooling, TwinCritic
from .diffusion import DiffusionActor, Schedule
from .encoder import SetEncoder
from .padded_encoder import PaddedEncoder

FORMAT = "mobaigc-add-1"
START_SEED = 0
CORRECTED = "corrected"
"""Key of the metadata with the rule that the policy corrects."""
EncoderKind = Literal["attention", "padded"]
BLOCK = 8
"""Start noise is drawn for this many tokens at a time, so that a user's does not depend on how much padding follows."""


def fixed_start(batch: int, samples: int, tokens: int) -> Tensor:
    """The noise (B, M, N, 2) that deterministic decisions start from, the same for every state."""
    generator = torch.Generator().manual_seed(START_SEED)
    blocks = -(-tokens // BLOCK)
    start_NM2 = torch.cat([torch.randn((BLOCK, samples, ACTIONS), generator=generator) for _ in range(blocks)])
    return start_NM2[:tokens].transpose(0, 1).expand(batch, -1, -1, -1)


class WeightsError(MobaigcError):
    """A file that does not hold the weights of an ADD network."""


@dataclass(frozen=True)
class AddConfig:
    """Sizes of the network. The number of tokens is that of training; the weights serve any other."""

    tokens: int
    levels: int
    width: int = 64
    heads: int = 2
    layers: int = 1
    hidden: int = 32
    """Width of the actor's and the critic's heads."""
    denoising_steps: int = 5
    """0 for a Gaussian policy in the place of the chain."""
    schedule: Schedule = "log_snr"
    encoder: EncoderKind = "attention"
    """"padded" for an MLP over all numbers, which serves no other number of tokens and always sees the content."""
    content: bool = True
    """False leaves the content tokens out."""
    critic: bool = True
    """False for a policy whose training needs no critic of actions; it takes what the chain gives."""
    critic_norm: bool = True
    pooling: Pooling = "sum"
    """How the critic joins the terms of the users."""

    @property
    def layout(self) -> TokenLayout:
        """Layout of the observations."""
        return TokenLayout(self.tokens, self.levels)

    def make_encoder(self) -> SetEncoder | PaddedEncoder:
        """A fresh encoder."""
        if self.encoder == "padded":
            return PaddedEncoder(self.layout, self.width)
        return SetEncoder(self.layout, self.width, self.heads, self.layers, content=self.content)


class Encoded(NamedTuple):
    """What the heads need to know of a state."""

    h_BNW: Tensor
    mask_BN: Tensor
    cell_BG: Tensor


class AddNetwork(nn.Module):
    """Encoder, actor and critic; `act` decides."""

    def __init__(self, config: AddConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = config.make_encoder()
        self.actor = DiffusionActor(config.width, config.hidden, config.denoising_steps, config.schedule)
        if config.critic:
            self.critic = TwinCritic(config.width, config.hidden, norm=config.critic_norm, pooling=config.pooling)

    @classmethod
    def of(cls, config: AddConfig, encoder: SetEncoder | PaddedEncoder, actor: DiffusionActor) -> Self:
        """A network without critics of parts that there are."""
        network = cls(config)
        network.encoder, network.actor = encoder, actor
        return network

    def encode(self, obs_BL: Tensor) -> Encoded:
        """State of each observation."""
        h_BNW, mask_BN = self.encoder(obs_BL)
        return Encoded(h_BNW, mask_BN, self.encoder.unpack(obs_BL).cell_G)

    def draw(self, state: Encoded, samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Actions (B, M, N, 2) from the ancestral chain; noise from `generator`, or from torch's own."""
        batch, tokens, _ = state.h_BNW.shape
        shape, device = (self.actor.steps, batch, samples, tokens, ACTIONS), state.h_BNW.device
        noise_TBMN2 = torch.randn(shape, generator=generator, device=device)
        return self.actor.sample(state.h_BNW, state.mask_BN, noise_TBMN2[-1], noise_TBMN2[:-1])

    def draw_fixed(self, state: Encoded, samples: int) -> Tensor:
        """Actions (B, M, N, 2) from the deterministic chain; every state starts from the same noise."""
        start_BMN2 = fixed_start(len(state.h_BNW), samples, state.h_BNW.shape[1]).to(state.h_BNW.device)
        return self.actor.sample(state.h_BNW, state.mask_BN, start_BMN2)

    def values(self, state: Encoded, actions_BMN2: Tensor) -> Tensor:
        """The smaller value (B, M) of the two critics."""
        return self.critic(*state, actions_BMN2).amin(0)  # type: ignore[no-any-return]

    @torch.no_grad()
    def act(
        self,
        obs_BL: Tensor,
        candidates: int,
        generator: torch.Generator | None = None,
        *,
        deterministic: bool = False,
        temperature: float = 0.0,
    ) -> Tensor:
        """An action (B, N, 2) for each observation, zero for padding.

        Of `candidates` actions from the chain and the zero action, the one of the largest value, the zero action in a
        tie. `temperature` (in units of value) draws one by softmax(value / temperature) instead. With `deterministic`
        no noise is drawn, the temperature is ignored, and equal observations get equal actions. Without a critic it is
        the chain's own action; a policy whose last draw has a spread of its own is not complete without that.
        """
        state = self.encode(obs_BL)
        if not self.config.critic:
            candidates = 1
        drawn_BMN2 = self.draw_fixed(state, candidates) if deterministic else self.draw(state, candidates, generator)
        if not self.config.critic:
            return drawn_BMN2[:, 0] * state.mask_BN.unsqueeze(-1)
        actions_BMN2 = torch.cat((torch.zeros_like(drawn_BMN2[:, :1]), drawn_BMN2), 1)
        values_BM = self.values(state, actions_BMN2)
        if deterministic or temperature <= 0.0:
            chosen_B = values_BM.argmax(1)
        else:
            chosen_B = torch.multinomial(torch.softmax(values_BM / temperature, 1), 1, generator=generator).squeeze(1)
        picked_BN2 = actions_BMN2[torch.arange(len(chosen_B), device=chosen_B.device), chosen_B]
        return picked_BN2 * state.mask_BN.unsqueeze(-1)

    def save(
        self, path: Path | str, metadata: Mapping[str, str] | None = None, corrected: CorrectedRule | None = None
    ) -> None:
        """Write weights and sizes as safetensors; `metadata` (strings) and the rule `corrected` are kept with them."""
        tensors = {name: tensor.detach().contiguous() for name, tensor in self.state_dict().items()}
        told = {**(metadata or {}), "format": FORMAT, "config": json.dumps(asdict(self.config))}
        if corrected is not None:
            told[CORRECTED] = corrected.model_dump_json()
        save_file(tensors, path, told)

    @classmethod
    def load(cls, path: Path | str) -> tuple[Self, dict[str, str]]:
        """The network in a file written by `save`, and its metadata; raises WeightsError for any other file."""
        try:
            with safe_open(path, framework="pt") as file:
                metadata = dict(file.metadata() or {})
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise WeightsError(f"{path}: cannot be read as safetensors: {error}") from error
        if metadata.get("format") != FORMAT:
            raise WeightsError(f"{path}: holds no ADD network (format {metadata.get('format')!r}, not {FORMAT!r})")
        try:
            network = cls(AddConfig(**json.loads(metadata.pop("config"))))
            network.load_state_dict(tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{path}: weights and sizes do not fit: {' '.join(str(error).split())}") from error
        del metadata["format"]
        return network, metadata


def load_policy(path: Path | str) -> tuple[AddNetwork, CorrectedRule]:
    """The network in a file written by `save` and the rule it corrects, the default one if the file has none.

    Raises WeightsError for any other file.
    """
    network, metadata = AddNetwork.load(path)
    try:
        return network, CorrectedRule.model_validate_json(metadata.get(CORRECTED, "{}"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, (CORRECTED, *first["loc"])))
        raise WeightsError(f"{path}: {where} in the metadata: {first['msg']}") from error
