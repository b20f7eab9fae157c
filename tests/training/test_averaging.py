"""Averages of weights: what they weigh, and that the weights in training are left alone."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mobaigc_sim.training.averaging import AveragedWeights


def module(value: float) -> nn.Linear:
    layer = nn.Linear(2, 1)
    set_to(layer, value)
    return layer


def set_to(layer: nn.Linear, value: float) -> None:
    with torch.no_grad():
        for tensor in layer.parameters():
            tensor.fill_(value)


def test_the_average_of_a_step_response_is_exponential() -> None:
    layer = module(0.0)
    average = AveragedWeights(layer, 1000)
    set_to(layer, 1.0)
    for steps in (100, 400, 1500):
        average.follow(steps)
        torch.testing.assert_close(average.tensors["weight"], torch.full((1, 2), 1 - math.exp(-steps / 1000)))


def test_without_a_horizon_it_is_the_last_weights() -> None:
    layer = module(0.0)
    average = AveragedWeights(layer, 0)
    set_to(layer, 3.0)
    average.follow(1)
    assert average.tensors["bias"].item() == 3.0


def test_weights_in_training_come_back_even_after_an_error() -> None:
    layer = module(1.0)
    average = AveragedWeights(layer, 10)
    set_to(layer, 2.0)
    with pytest.raises(RuntimeError, match="halt"), average.in_force():
        assert layer.bias.item() == 1.0
        raise RuntimeError("halt")
    assert layer.bias.item() == 2.0
    assert average.tensors["bias"].item() == 1.0
