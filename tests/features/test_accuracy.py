"""How near the integers come to what they stand for, computed in double precision."""

from __future__ import annotations

import numpy as np
import pytest

from tests.features.clips import clips
from tinykit.features.bands import mel
from tinykit.features.fft import real_fft
from tinykit.features.frontend import FrontEnd
from tinykit.features.transforms import Mel, Mfcc, Spectrum, Statistics


@pytest.mark.parametrize("points", [8, 16, 64, 256, 512, 1024, 4096])
def test_the_transform_is_the_fourier_transform_divided_by_its_length(points: int) -> None:
    x = np.random.default_rng(points).integers(-12000, 12000, (20, points)).astype(np.int16)
    re, im = real_fft(x)
    exact = np.fft.rfft(x) / points
    # Each of about log4(points) passes rounds, and its factors lose up to 4 parts in 10000.
    assert np.abs(re + 1j * im - exact).max() < 4 + 1e-3 * np.abs(exact).max()


def test_statistics_are_those_of_numpy() -> None:
    front = FrontEnd(Statistics(60), hop=20, samples=200)
    counts = clips(200, 1)
    x = np.lib.stride_tricks.sliding_window_view(counts[:, :, 0].astype(float), 60, axis=1)[:, ::20]
    mean, least, most, rms, deviation, crossings = np.moveaxis(front.values(counts), -1, 0)
    np.testing.assert_allclose(mean, x.mean(-1), atol=0.5)
    np.testing.assert_array_equal(least, x.min(-1))
    np.testing.assert_array_equal(most, x.max(-1))
    np.testing.assert_allclose(rms, np.sqrt((x * x).mean(-1)), atol=1)
    np.testing.assert_allclose(deviation, x.std(-1), atol=1)
    above = x >= mean[..., np.newaxis]
    np.testing.assert_array_equal(crossings, (above[..., 1:] != above[..., :-1]).sum(-1))


def _tones(samples: int, rate: int) -> np.ndarray:
    t = np.arange(samples) / rate
    random = np.random.default_rng(5)
    clean = [sum(a * np.sin(2 * np.pi * f * t + f) for f, a in pairs) for pairs in (
        ((300, 8000), (1200, 4000)), ((700, 300), (2500, 150)), ((150, 12000), (3300, 900)))]  # fmt: skip
    return np.rint(np.stack(clean) + random.normal(size=(3, samples)) * 60)[..., np.newaxis].astype(np.int16)


def _power(counts: np.ndarray, window: int, hop: int, points: int) -> np.ndarray:
    views = np.lib.stride_tricks.sliding_window_view(counts[..., 0].astype(float), window, axis=1)[:, ::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(window) + 0.5) / window)
    return np.abs(np.fft.rfft(views * hann, points) / points) ** 2


def test_mel_levels_and_coefficients_follow_the_definition() -> None:
    rate, window, hop, count = 16000, 480, 320, 40
    counts = _tones(8000, rate)
    power = _power(counts, window, hop, 512)
    edges = mel(np.array(60.0)) + (mel(np.array(7000.0)) - mel(np.array(60.0))) * np.arange(count + 2) / (count + 1)
    places = mel(np.arange(257) * rate / 512)
    up = (places[:, np.newaxis] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - places[:, np.newaxis]) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(up, down))
    exact = np.log2(np.maximum(power @ filters * 4096, 1))
    loud = exact > exact.max(axis=-1, keepdims=True) - 12  # 36 dB; below lies the noise of 16 bits
    levels = FrontEnd(Mel(window, rate, 60.0, 7000.0, count), hop=hop, samples=8000).values(counts) / 256
    assert np.abs(levels - exact)[loud].mean() < 0.02
    assert np.abs(levels - exact)[loud].max() < 0.2
    found = FrontEnd(Mfcc(window, rate, 60.0, 7000.0, count, 13), hop=hop, samples=8000).values(counts) / 64
    k, m = np.arange(13)[:, np.newaxis], np.arange(count)
    dct = np.cos(np.pi * k * (m + 0.5) / count) * np.where(k == 0, np.sqrt(1 / count), np.sqrt(2 / count))
    assert np.abs(found - levels @ dct.T).max() < 0.1


def test_spectrum_levels_are_logarithms_of_power() -> None:
    counts = _tones(2000, 8000)
    front = FrontEnd(Spectrum(256, 8000, 0.0, 4000.0), hop=256, samples=2000)
    exact = np.log2(np.maximum(_power(counts, 256, 256, 256)[..., 1:] * 4096, 1))
    loud = exact > exact.max(axis=-1, keepdims=True) - 10
    assert np.abs(front.values(counts) / 256 - exact)[loud].max() < 0.1
