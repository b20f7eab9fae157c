"""Co-simulation of AI-generated image delivery over mobile networks."""

from importlib.util import find_spec

from .interop import register_envs

__version__ = "0.1.0"

if find_spec("gymnasium") is not None:
    register_envs()
