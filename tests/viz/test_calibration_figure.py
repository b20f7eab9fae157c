"""The calibration figure draws each distribution and each range where the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from mobaigc_sim.viz.calibration_figure import calibration_figure

SAMPLES = {"UMa": np.linspace(-160.0, -60.0, 1001), "office": np.linspace(-80.0, -40.0, 1001)}
RANGES = {"UMa": {5: (-155.0, -158.0, -150.0), 50: (-110.0, -112.0, -108.0)}, "office": {50: (-60.0, -61.0, -59.0)}}


def test_curves_bars_and_means_stand_at_their_values() -> None:
    gain, ratio = calibration_figure({"gain (dB)": (SAMPLES, RANGES), "SIR (dB)": (SAMPLES, RANGES)}).axes
    assert [gain.get_xlabel(), ratio.get_xlabel()] == ["gain (dB)", "SIR (dB)"]
    curves = {line.get_label(): line for line in gain.lines if len(np.asarray(line.get_xdata())) > 1}
    assert set(curves) == set(SAMPLES)
    for case, curve in curves.items():
        values, share = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
        assert np.interp(0.5, share, values) == pytest.approx(np.median(SAMPLES[str(case)]))
        assert np.all(np.diff(values) > 0) and np.all(np.diff(share) > 0)
    bars = [each.get_segments()[0] for each in gain.collections if isinstance(each, LineCollection)]
    drawn = sorted((float(bar[0][1]), float(bar[0][0]), float(bar[1][0])) for bar in bars)
    assert drawn == [(0.05, -158.0, -150.0), (0.5, -112.0, -108.0), (0.5, -61.0, -59.0)]
    means = sorted(float(np.asarray(line.get_xdata())[0]) for line in gain.lines if line.get_marker() == "|")
    assert means == [-155.0, -110.0, -60.0]
    figure = gain.get_figure()
    assert figure is not None
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["UMa", "office", "companies, mean and range"]
