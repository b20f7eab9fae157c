"""Co-simulation of AI-generated image delivery over mobile networks."""

__version__ = "0.1.0"
