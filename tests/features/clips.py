"""Samples that reach a front end's corners: silence, full scale of either sign, steps, noise, tones of all sizes."""

from __future__ import annotations

import numpy as np


def clips(samples: int, channels: int, seed: int = 0) -> np.ndarray:
    """int16 (n, samples, channels)."""
    random = np.random.default_rng(seed)
    t = np.arange(samples)[:, np.newaxis] + np.arange(channels) * 7
    noise = random.normal(size=(samples, channels))
    shapes = [
        np.zeros((samples, channels)),
        np.full((samples, channels), 32767),
        np.full((samples, channels), -32768),
        np.where(t % 2 == 0, 32767, -32768),
        np.where(t < samples // 2, -32768, 32767),
        random.choice([-32768, 32767], size=(samples, channels)),
        *(noise * size for size in (0.7, 30, 3000, 20000)),
        *(np.sin(t * w) * size for w, size in ((0.02, 32767), (0.3, 9000), (1.1, 400), (2.9, 20))),
        np.sin(t * t * 2.0 / samples) * 15000 * np.linspace(0, 1, samples)[:, np.newaxis] + noise * 50,
    ]
    return np.stack([np.clip(np.rint(s), -32768, 32767) for s in shapes]).astype(np.int16)
