"""The state of a `CellVecEnv` as arrays, so that training can go on in the middle of episodes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .vec_env import CellVecEnv


def environment_arrays(env: CellVecEnv) -> dict[str, NDArray[Any]]:
    """Everything of the cells that changes, and the state of the generators that draw traces, as text."""
    generators = json.dumps([generator.bit_generator.state for generator in env._generators])
    return {name: array.copy() for name, array in _changing(env)} | {"generators": np.array(generators)}


def restore_environment(env: CellVecEnv, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Bring an environment of the same pool and size to the state that `environment_arrays` told.

    Raises ValueError for arrays of other sizes, KeyError where one is missing.
    """
    for name, array in _changing(env):
        if array.shape != arrays[name].shape:
            raise ValueError(f"{name}: expected the shape {array.shape}, got {arrays[name].shape}")
        array[...] = arrays[name]
    for generator, state in zip(env._generators, json.loads(str(arrays["generators"])), strict=True):
        generator.bit_generator.state = state


def _changing(env: CellVecEnv) -> Iterator[tuple[str, NDArray[Any]]]:
    yield "return_N", env._return_N
    yield "length_N", env._length_N
    yield "left_N", env.problem._left_N
    yield "observation_NL", env.problem.observation_NL
    for n, member in enumerate(env.problem.world.members):
        yield from _fields(f"member.{n}", member)


def _fields(name: str, value: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    if isinstance(value, np.ndarray):
        yield name, value
        return
    for field, below in zip(value._fields, value, strict=True):
        yield from _fields(f"{name}.{field}", below)
