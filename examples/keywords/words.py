"""Eight spoken words and background noise, synthesized: no recordings, no licence, the same samples every time.

A word is a chain of sounds. Voiced ones are harmonics of a falling pitch under three resonances (formants), which glide
from one sound to the next; hisses and bursts are noise in a band. Formants of the vowels are the men's averages of
Peterson and Barney, "Control methods used in a study of the vowels", JASA 24 (1952); those of other sounds are rough.
Every speaker has a pitch and a length of the vocal tract; tempo, start, loudness and background differ by clip.

It is no speech: a model that knows these clips does not know yours.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

RATE, LENGTH = 8000, 8000
SPEAKERS, TIMES = 40, 2

VOWELS = {
    "a": (730, 1090, 2440), "e": (530, 1840, 2480), "i": (270, 2290, 3010), "o": (570, 840, 2410),
    "u": (440, 1020, 2240), "uh": (640, 1190, 2390),
    "y": (270, 2200, 3000), "n": (250, 1200, 2300), "l": (360, 1300, 2700), "r": (310, 1060, 1400),
}  # fmt: skip
NOISES = {"s": (2900, 3900), "f": (1500, 3900), "t": (2600, 3900), "p": (500, 1800), "g": (1200, 2500)}
LOUDNESS = {"n": 0.5, "l": 0.6, "r": 0.7, "y": 0.7, "s": 0.25, "f": 0.1, "t": 0.3, "p": 0.3, "g": 0.3}

WORDS = {
    "yes": (("y", 60), ("e", 140), ("s", 140)),
    "no": (("n", 90), ("o", 120), ("u", 90)),
    "up": (("uh", 140), ("", 50), ("p", 25)),
    "down": (("t", 15), ("a", 120), ("u", 70), ("n", 100)),
    "left": (("l", 70), ("e", 110), ("f", 80), ("", 40), ("t", 30)),
    "right": (("r", 80), ("a", 100), ("i", 90), ("", 40), ("t", 30)),
    "stop": (("s", 120), ("", 40), ("t", 20), ("a", 130), ("", 45), ("p", 25)),
    "go": (("g", 25), ("o", 140), ("u", 100)),
}
"""Sounds and their milliseconds; "" is silence."""

SPREADS = (41.0, 6.7, 4.3, 3.4, 2.9, 2.2, 2.0, 1.8, 1.7, 1.6)
"""Standard deviations of the real set's ten coefficients."""

CLASSES = (*WORDS, "noise")


def load(speaking: int = SPEAKERS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clips int16 (n, 8000), 1 s at 8 kHz; their classes (n,); their speakers (n,), who are never in two splits."""
    random = np.random.default_rng(7)
    clips, labels, speakers = [], [], []
    for speaker in range(speaking):
        pitch, tract = random.uniform(90, 240), random.uniform(0.88, 1.15)
        for label, word in enumerate(CLASSES * TIMES):
            clips.append(clip(word, pitch, tract, random))
            labels.append(label % len(CLASSES))
            speakers.append(speaker)
    return np.stack(clips), np.array(labels), np.array(speakers)


def few() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first speakers only, for a run of seconds."""
    return load(8)


def real() -> tuple[np.ndarray, np.ndarray]:
    """The public keyword set of MLPerf Tiny in $TINYKIT_SHARED/models: MFCC images (1000, 49, 10, 1) and 12 classes.

    They are int8 with the zero point of the reference model's input, 83; each coefficient here is divided by its
    spread.
    """
    shared = Path(os.environ["TINYKIT_SHARED"])
    with np.load(shared / "models" / "kws01_test.npz", allow_pickle=False) as arrays:
        images = (arrays["x"].astype(np.float32) - 83) / np.array(SPREADS, np.float32)[:, np.newaxis]
        return images, arrays["y"].astype(np.int64)


def clip(word: str, pitch: float, tract: float, random: np.random.Generator) -> np.ndarray:
    """One second: the word somewhere in it, over a background of noise and hum."""
    samples = np.zeros(LENGTH)
    if word in WORDS:
        spoken = say(WORDS[word], pitch * random.uniform(0.9, 1.1), tract, random.uniform(0.8, 1.25), random)
        start = random.integers(200, LENGTH - len(spoken) - 200)
        samples[start : start + len(spoken)] = spoken / np.abs(spoken).max() * 10 ** random.uniform(3.2, 4.2)
    t = np.arange(LENGTH) / RATE
    background = random.normal(size=LENGTH) + random.uniform(0, 2) * np.sin(2 * np.pi * random.uniform(50, 400) * t)
    samples += background * 10 ** random.uniform(1.3, 2.6)
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def say(
    sounds: tuple[tuple[str, int], ...], pitch: float, tract: float, tempo: float, random: np.random.Generator
) -> np.ndarray:
    """The sounds in a row, each fading into the next."""
    lengths = [round(ms * tempo * RATE / 1000) for _, ms in sounds]
    total, smooth = sum(lengths), np.hanning(161) / np.hanning(161).sum()
    formants, voiced, hiss = np.zeros((total, 3)), np.zeros(total), np.zeros(total)
    last = next(VOWELS[sound] for sound, _ in sounds if sound in VOWELS)
    start = 0
    for (sound, _), length in zip(sounds, lengths, strict=True):
        place = slice(start, start + length)
        last = VOWELS.get(sound, last)
        formants[place] = np.array(last) * tract
        voiced[place] = LOUDNESS.get(sound, 1.0) if sound in VOWELS else 0.0
        if sound in NOISES:
            hiss[place] = band(NOISES[sound], tract, length, random) * LOUDNESS[sound]
        start += length
    glide = np.stack([np.convolve(np.pad(f, 80, "edge"), smooth, "valid") for f in formants.T])
    return harmonics(pitch, glide) * np.convolve(voiced, smooth, "same") + hiss


def harmonics(pitch: float, formants: np.ndarray) -> np.ndarray:
    """Multiples of a pitch that falls by a fifth, each as loud as the resonances at its frequency let it be."""
    falling = pitch * np.linspace(1.1, 0.9, formants.shape[1])
    phase = 2 * np.pi * np.cumsum(falling) / RATE
    sound = np.zeros(formants.shape[1])
    for number in range(1, int(3900 / falling.max()) + 1):
        away = (number * falling - formants) / np.array([[60.0], [90.0], [130.0]])
        sound += (np.array([[1.0], [0.6], [0.3]]) / (1 + away**2)).sum(axis=0) * np.sin(number * phase)
    return sound


def band(limits: tuple[int, int], tract: float, length: int, random: np.random.Generator) -> np.ndarray:
    """Noise between two frequencies, in Hz."""
    spectrum = np.fft.rfft(random.normal(size=max(length, 16)))
    hertz = np.fft.rfftfreq(max(length, 16), 1 / RATE)
    spectrum[(hertz < limits[0] * tract) | (hertz > min(3950.0, limits[1] * tract))] = 0
    noise = np.fft.irfft(spectrum, max(length, 16))[:length]
    return np.asarray(noise / (np.abs(noise).max() + 1e-9))
