"""Co-simulation of AI-generated image delivery over mobile networks.

Where Gymnasium is imported first, this makes the environment `mobaigc_sim:SlotScheduling-v0` known to it;
`mobaigc_sim.interop:SlotScheduling-v0` names it in any order of imports.
"""

import sys
from importlib import import_module

from .version import __version__

__all__ = ["__version__"]

if "gymnasium" in sys.modules:
    import_module(".interop", __name__)
