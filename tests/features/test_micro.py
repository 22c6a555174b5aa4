"""The kind "micro" is TFLM's micro frontend: the operator that TensorFlow ships is the judge."""

from __future__ import annotations

import numpy as np
import pytest

from tests.features.clips import clips
from tinykit.features.frontend import FrontEnd
from tinykit.features.transforms import Micro

CASES = {
    "micro speech": (16000, 30, 20, 40, 125.0, 7500.0, True),
    "defaults of the operator": (16000, 25, 10, 32, 125.0, 7500.0, False),
    "8 kHz": (8000, 32, 16, 20, 60.0, 3800.0, True),
    "1024 points": (16000, 64, 32, 64, 100.0, 7900.0, True),
    "64 points": (4000, 16, 16, 10, 125.0, 1900.0, True),
}


@pytest.mark.parametrize("case", CASES)
def test_equals_the_operator(case: str) -> None:
    pytest.importorskip("tensorflow")
    import tensorflow as tf
    from tensorflow.lite.experimental.microfrontend.python.ops import audio_microfrontend_op as operator

    rate, window, hop, count, low, high, gain_control = CASES[case]
    transform = Micro(window * rate // 1000, rate, low, high, count, gain_control)
    front = FrontEnd(transform, hop=hop * rate // 1000, samples=rate)
    counts = clips(rate, 1, seed=3)
    judged = [
        operator.audio_microfrontend(
            tf.constant(clip[:, 0]),
            sample_rate=rate,
            window_size=window,
            window_step=hop,
            num_channels=count,
            lower_band_limit=low,
            upper_band_limit=high,
            enable_pcan=gain_control,
        ).numpy()
        for clip in counts
    ]
    np.testing.assert_array_equal(front.values(counts), np.stack(judged))
    assert np.stack(judged).any(axis=(1, 2)).sum() > len(counts) // 2
