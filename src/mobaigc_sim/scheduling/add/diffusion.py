"""Diffusion policy over the actions of a set of users: a chain of T denoising steps that all users walk together.

Forward process: a_t = √ᾱ_t a + √(1 − ᾱ_t) ε, t = 1 … T, variance-preserving. Two schedules:

- "vp", that of Diffusion-QL (Wang, Hunt, Zhou, "Diffusion policies as an expressive policy class for offline RL", ICLR
  2023, after Xiao et al., "Tackling the generative learning trilemma", ICLR 2022), b_min = 0.1, b_max = 10:

      α_t = exp(−b_min / T − (b_max − b_min)(2t − 1) / (2T²))

- "log_snr", the default: the ratio of noise to signal √(1/ᾱ_t − 1) grows geometrically from 0.1 to 5 (even steps of
  log SNR, as in Kingma et al., "Variational diffusion models", 2021). The last step of a chain returns a mean, which
  washes out what is finer than the noise left there: 0.44 for "vp" with T = 5, 0.1 here. Trained on N(0, 0.15²), five
  steps return 26 % of the standard deviation with "vp" and 62 % with "log_snr"; of two modes at ±0.7, 79 % and 95 %.

The network predicts the clean action through tanh, so what the chain returns lies in (−1, 1) and nothing is clamped.
Before tanh it is the sum of two parts: what the user alone calls for, the same in every step, and what the noisy
actions of all users add. The first is learned as fast as a policy without a chain; the second is for what that cannot
say.
Ancestral steps are those of DDPM (Ho et al. 2020, eq. 7), deterministic steps DDIM with η = 0 (Song et al. 2021, eq.
12). Indices of steps count from 0: `step` t here is t + 1 above.

Shapes: B batch, M samples per state, N tokens, P users of the whole batch, W width of the encoder, D width of the head,
T steps; the last axis, 2, is a user's action.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..tokens import ACTIONS

Schedule = Literal["log_snr", "vp"]
RATIO_MIN = 0.1
RATIO_MAX = 5.0
BETA_MIN = 0.1
BETA_MAX = 10.0
FIRST_SCALE = 0.1
"""Of the last layer at the start: the first policy stays near the zero action."""


def start_near_zero(last: nn.Linear) -> None:
    """Make the results of a last layer small, so that a policy starts near the zero action."""
    with torch.no_grad():
        last.weight.mul_(FIRST_SCALE)
        last.bias.zero_()


class Steps(NamedTuple):
    """Coefficients of a_{t−1} = clean·x̂ + kept·a_t + spread·ε."""

    clean_T: list[float]
    kept_T: list[float]
    spread_T: list[float]


def alpha_bars(steps: int, schedule: Schedule = "log_snr") -> list[float]:
    """ᾱ (T): the share of the action's variance left after each forward step; ValueError for an unknown schedule."""
    if schedule == "vp":
        betas = (BETA_MIN / steps + (BETA_MAX - BETA_MIN) * (2 * t - 1) / (2 * steps**2) for t in range(1, steps + 1))
        return [math.exp(-total) for total in accumulate(betas)]
    if schedule == "log_snr":
        growth = (RATIO_MAX / RATIO_MIN) ** (1 / max(steps - 1, 1))
        return [1 / (1 + (RATIO_MAX / growth**left) ** 2) for left in range(steps - 1, -1, -1)]
    raise ValueError(f"schedule must be one of {', '.join(get_args(Schedule))}, not {schedule!r}")


def ancestral_steps(alpha_bar_T: list[float]) -> Steps:
    """The posterior q(a_{t−1} | a_t, x̂) of DDPM; the last step (t = 0) returns x̂."""
    steps = Steps([], [], [])
    before = 1.0
    for after in alpha_bar_T:
        alpha = after / before
        steps.clean_T.append((1 - alpha) * math.sqrt(before) / (1 - after))
        steps.kept_T.append(math.sqrt(alpha) * (1 - before) / (1 - after))
        steps.spread_T.append(math.sqrt((1 - alpha) * (1 - before) / (1 - after)))
        before = after
    return steps


def ddim_steps(alpha_bar_T: list[float]) -> Steps:
    """DDIM with η = 0: the noise that x̂ implies is kept, none is added."""
    steps = Steps([], [], [])
    before = 1.0
    for after in alpha_bar_T:
        kept = math.sqrt((1 - before) / (1 - after))
        steps.clean_T.append(math.sqrt(before) - kept * math.sqrt(after))
        steps.kept_T.append(kept)
        steps.spread_T.append(0.0)
        before = after
    return steps


class _Users:
    """The users that there are, of all observations in one list."""

    def __init__(self, h_BNW: Tensor, mask_BN: Tensor) -> None:
        self.shape = mask_BN.shape
        self.row_P, self.place_P = mask_BN.nonzero(as_tuple=True)
        self.h_PW = h_BNW[self.row_P, self.place_P]
        self.share_P1 = 1.0 / mask_BN.sum(1)[self.row_P].unsqueeze(1)

    def of(self, values_BMN2: Tensor) -> Tensor:
        """Theirs (P, M, 2) of numbers for all tokens (B, M, N, 2)."""
        return values_BMN2.transpose(1, 2)[self.row_P, self.place_P]

    def mean_of_row(self, values_PX: Tensor) -> Tensor:
        """The mean (B, X) over the users of each observation, 0 where there is none."""
        zeros_BX = values_PX.new_zeros(self.shape[0], values_PX.shape[1])
        return zeros_BX.index_add(0, self.row_P, values_PX * self.share_P1)

    def put(self, values_PMX: Tensor) -> Tensor:
        """Numbers (B, M, N, X) for all tokens, 0 for padding."""
        put_BNMX = values_PMX.new_zeros(*self.shape, *values_PMX.shape[1:])
        put_BNMX[self.row_P, self.place_P] = values_PMX
        return put_BNMX.transpose(1, 2)


class DiffusionActor(nn.Module):
    """The denoiser, a small network per user that sees the others through a masked mean, and its sampler.

    With `steps` 0 there is no chain: one prediction from no noise, the mean of a Gaussian policy.
    """

    signal_T: Tensor
    noise_T: Tensor

    def __init__(self, width: int, hidden: int = 32, steps: int = 5, schedule: Schedule = "log_snr") -> None:
        super().__init__()
        if steps < 0:
            raise ValueError(f"denoising steps must be at least 0, not {steps}")
        self.start_scale = 1.0 if steps else 0.0
        self.steps = steps = max(steps, 1)
        self.alone = nn.Sequential(nn.Linear(width, hidden), nn.ReLU())
        self.direct = nn.Linear(hidden, ACTIONS)
        self.context = nn.Linear(width, hidden, bias=False)
        self.enter = nn.Linear(ACTIONS + steps, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.pool = nn.Linear(hidden, hidden, bias=False)
        self.out = nn.Linear(hidden, ACTIONS)
        start_near_zero(self.out)
        start_near_zero(self.direct)
        alpha_bar_T = alpha_bars(steps, schedule)
        self.ancestral = ancestral_steps(alpha_bar_T)
        self.ddim = ddim_steps(alpha_bar_T)
        self.register_buffer("signal_T", torch.tensor(alpha_bar_T).sqrt(), persistent=False)
        self.register_buffer("noise_T", (1 - torch.tensor(alpha_bar_T)).sqrt(), persistent=False)

    def diffuse(self, clean_BMN2: Tensor, step_BM: Tensor, noise_BMN2: Tensor) -> Tensor:
        """Actions after `step_BM` (int64, from 0) forward steps with the given standard normal noise."""
        signal, spread = self.signal_T[step_BM], self.noise_T[step_BM]
        return signal[..., None, None] * clean_BMN2 + spread[..., None, None] * noise_BMN2

    def forward(self, h_BNW: Tensor, mask_BN: Tensor, noisy_BMN2: Tensor, step_BM: Tensor) -> Tensor:
        """The clean actions (B, M, N, 2), each in (−1, 1), that noisy ones at `step_BM` seem to come from.

        They are 0 for padding.
        """
        users = _Users(h_BNW, mask_BN)
        step_PMT = F.one_hot(step_BM, self.steps).to(noisy_BMN2.dtype)[users.row_P]
        entered_PMD = self.enter(torch.cat((users.of(noisy_BMN2), step_PMT), -1))
        direct_P12 = self.direct(self.alone(users.h_PW)).unsqueeze(1)
        return users.put(torch.tanh(self._finish(entered_PMD, self.context(users.h_PW), direct_P12, users)))

    def sample(self, h_BNW: Tensor, mask_BN: Tensor, start_BMN2: Tensor, noise_TBMN2: Tensor | None = None) -> Tensor:
        """Actions (B, M, N, 2) from the chain that starts at the standard normal `start_BMN2`.

        `noise_TBMN2` (T − 1 steps at least) makes the steps ancestral; without it they are deterministic. Gradients
        flow through every step.
        """
        users = _Users(h_BNW, mask_BN)
        raw_PM2 = self._walk(users, self.alone(users.h_PW), start_BMN2, noise_TBMN2)
        return users.put(torch.tanh(raw_PM2))

    def before_tanh(self, h_BNW: Tensor, mask_BN: Tensor, start_BMN2: Tensor) -> tuple[Tensor, Tensor]:
        """The actions of `sample` before tanh, by deterministic steps, and what each user alone is (B, 1, N, D)."""
        users = _Users(h_BNW, mask_BN)
        alone_PD = self.alone(users.h_PW)
        return users.put(self._walk(users, alone_PD, start_BMN2, None)), users.put(alone_PD.unsqueeze(1))

    def _walk(self, users: _Users, alone_PD: Tensor, start_BMN2: Tensor, noise_TBMN2: Tensor | None) -> Tensor:
        context_PD, direct_P12 = self.context(users.h_PW), self.direct(alone_PD).unsqueeze(1)
        in_2D, in_TD = self.enter.weight[:, :ACTIONS], (self.enter.weight[:, ACTIONS:] + self.enter.bias[:, None]).T
        clean_T, kept_T, spread_T = self.ddim if noise_TBMN2 is None else self.ancestral
        noisy_PM2 = self.start_scale * users.of(start_BMN2)
        for step in range(self.steps - 1, 0, -1):
            raw_PM2 = self._finish(F.linear(noisy_PM2, in_2D, in_TD[step]), context_PD, direct_P12, users)
            noisy_PM2 = clean_T[step] * torch.tanh(raw_PM2) + kept_T[step] * noisy_PM2
            if noise_TBMN2 is not None:
                noisy_PM2 = noisy_PM2 + spread_T[step] * users.of(noise_TBMN2[step - 1])
        return self._finish(F.linear(noisy_PM2, in_2D, in_TD[0]), context_PD, direct_P12, users)

    def _finish(self, entered_PMD: Tensor, context_PD: Tensor, direct_P12: Tensor, users: _Users) -> Tensor:
        """Clean actions (P, M, 2) before tanh from the first layer, in place on its output, which no gradient needs."""
        z_PMD = F.relu(entered_PMD.add_(context_PD.unsqueeze(1)), inplace=True)
        pooled_BMD = users.mean_of_row(z_PMD.flatten(1)).view(-1, *z_PMD.shape[1:])
        y_PMD = F.relu(self.mix(z_PMD).add_(self.pool(pooled_BMD)[users.row_P]), inplace=True)
        return self.out(y_PMD) + direct_P12  # type: ignore[no-any-return]
