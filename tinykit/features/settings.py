"""From a recipe's [features] and the shape of its samples to a front end."""

from __future__ import annotations

from tinykit.errors import RecipeError
from tinykit.features.frontend import FrontEnd
from tinykit.features.limits import require_sound
from tinykit.features.transforms import STATISTICS, Mel, Mfcc, Micro, Spectrum, Statistics, Transform
from tinykit.recipe import Features

_HIGHEST = 15 / 32
"""Of the rate: 7500 Hz at 16 kHz."""


def front_end(features: Features, shape: tuple[int, ...]) -> FrontEnd:
    """The front end for raw samples of `shape`: (moments,), (moments, channels) or (moments, 1, channels).

    Raises: RecipeError for what cannot be computed.
    """
    if len(shape) == 3 and shape[1] == 1:
        shape = (shape[0], shape[2])
    if len(shape) > 2:
        raise RecipeError(
            "[features] reads series",
            expected="samples of shape (moments,), (moments, channels) or (moments, 1, channels)",
            found=shape,
            next_step="Leave [features] out for images",
            page="front-end",
        )
    samples, channels = shape[0], shape[1] if len(shape) == 2 else 1
    window = _moments(features.window_ms, features.rate) or samples
    hop = _moments(features.hop_ms, features.rate) or window
    front = FrontEnd(_transform(features, window), hop, samples, channels, features.resolution)
    return require_sound(front)


def _moments(milliseconds: float, rate: float) -> int:
    """Whole moments in so many milliseconds; what float arithmetic loses is given back."""
    return int(milliseconds * rate / 1000 + 1e-6)


def _transform(features: Features, window: int) -> Transform:
    rate = features.rate
    high = features.high if features.high is not None else _HIGHEST * rate
    made: dict[str, Transform] = {
        "statistics": Statistics(window, features.statistics or STATISTICS),
        "spectrum": Spectrum(window, rate, features.low, high),
        "mel": Mel(window, rate, features.low, high, features.bands),
        "mfcc": Mfcc(window, rate, features.low, high, features.bands, features.coefficients),
        "micro": Micro(window, rate, features.low, high, features.bands, features.gain_control),
    }
    return made[features.kind]
