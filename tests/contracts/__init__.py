"""Contract suites: a plug-in's test class inherits one and says how to make the plug-in."""

import pytest

for suite in ("mobility", "arrivals", "scheduler"):
    pytest.register_assert_rewrite(f"{__name__}.{suite}_contract")
