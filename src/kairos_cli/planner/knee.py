"""The knee of a rising curve: the point after which more of x brings clearly less of y.

The rule is Kneedle (Satopaa, Albrecht, Irwin, Raghavan: Finding a "Kneedle" in a Haystack, ICDCS workshops
2011), without its smoothing and for the whole curve at once. Both axes are scaled to 0..1; the knee is the
point furthest above the chord from the first point to the last. It counts only if it is further above than
SENSITIVITY times the average step of x: a straight line, or one bent less than the steps can show, has none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Kneedle's sensitivity S, at its usual value.
SENSITIVITY = 1.0
_TOLERANCE = 1e-9


def knee(x: Sequence[float], y: Sequence[float]) -> int | None:
    """Return the index of the knee of points (N,) with rising x and y that never falls; None if there is none."""
    if len(x) < 3 or y[-1] <= y[0]:
        return None
    over_x, over_y = (np.asarray(each, dtype=np.float64) for each in (x, y))
    scaled_x = (over_x - over_x[0]) / (over_x[-1] - over_x[0])
    scaled_y = (over_y - over_y[0]) / (over_y[-1] - over_y[0])
    above_chord = scaled_y - scaled_x
    furthest = float(above_chord.max())
    if furthest <= SENSITIVITY / (len(x) - 1) + _TOLERANCE:
        return None
    return int(np.argmax(above_chord >= furthest - _TOLERANCE))  # of equals the first: it costs least
