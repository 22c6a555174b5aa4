"""Fields of tomatoes through a season, every half hour, and what three cheap sensors see of them.

    python simulate.py FIELD            prints soil moisture [%], air temperature [C], leaf wetness [%], and the answer
    python simulate.py FIELD --header   the first fifteen days of these values as C, for sensor.c

The physics, a step of 30 minutes in mm of water over the root zone:

- Temperature: a daily mean that wanders from day to day, and a cosine with its peak at 15 h; clouds damp it.
- Evapotranspiration: FAO Irrigation and Drainage Paper 56 (Allen 1998). Reference ET0 of a day by Hargreaves,
  0.0023 Ra (T + 17.8) sqrt(Tmax - Tmin) (equation 52), extraterrestrial radiation Ra at latitude 40 N by equation 21,
  spread over the day as a half sine; the crop's is Kc ET0, times Ks of equation 84 where the soil is dry.
- Soil: a bucket of 400 mm depth. Rain and irrigation fill it, what is above field capacity drains with a time constant
  of 12 h. Total available water TAW lies between field capacity and wilting point; the probes were calibrated to
  their field's soil, which leaves a point of difference between fields.
- Dew: leaves cool below the air at night, by up to 3.5 K under a clear sky. Below the dew point (Tmin - 1 to + 2 K, by
  the day's clouds) water condenses on them, at most 0.25 mm; rain wets them too; it dries at the rate of ET0.
- A farmer irrigates some hours to days after it was due, so that a season shows wet and dry soil.

The answer at the end of a window, from the true state, not from what the sensors say:

- "irrigate": more than the readily available water, p TAW with p = 0.4 (FAO 56, table 22), is used up, the leaves are
  dry (wet leaves that get wetter breed blight) and the air is above 5 C;
- "sensor fault": one of the sensors has been stuck, unplugged or loose for at least a quarter of the window;
- "wait": anything else.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np

CLASSES = ("wait", "irrigate", "sensor fault")
FIELDS, DAYS, STEPS_A_DAY = 40, 40, 48
WINDOW, STEP = 48, 12
"""Rows of a window, a day; rows from one window to the next, six hours."""
SEED = 7

_DEPTH = 400.0
_DEPLETION = 0.4
_LATITUDE = np.deg2rad(40.0)
_FIRST_DAY = 140
_DRAINAGE_HOURS = 12.0
_WET_LEAF = 0.02
"""Water on leaves, in mm, from which on they count as wet."""
_FAULT_PART = 0.25


class Weather(NamedTuple):
    """(fields, steps) each: temperature [C], leaf temperature [C], dew point [C], rain and ET0 [mm a step]."""

    air: np.ndarray
    leaf: np.ndarray
    dew_point: np.ndarray
    rain: np.ndarray
    et0: np.ndarray


class Season(NamedTuple):
    """(fields, steps, 3) what the sensors say; (fields, steps) the answers' places in CLASSES."""

    sensors: np.ndarray
    answers: np.ndarray


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows x (n, WINDOW, 1, 3), answers y (n,), and the field of each window, which the recipe's splits respect."""
    season = simulate()
    starts = np.arange(0, DAYS * STEPS_A_DAY - WINDOW + 1, STEP)
    rows = starts[:, np.newaxis] + np.arange(WINDOW)
    x = season.sensors[:, rows].reshape(-1, WINDOW, 1, 3)
    y = season.answers[:, starts + WINDOW - 1].reshape(-1)
    return x.astype(np.float32), y, np.repeat(np.arange(FIELDS), len(starts))


def simulate(seed: int = SEED) -> Season:
    """All fields."""
    random = np.random.default_rng(seed)
    weather = _weather(random)
    moisture, used_up = _soil(weather, random)
    wetness = _leaves(weather)
    sensors, is_faulty = _sensors(moisture, weather.air, wetness, random)
    irrigate = used_up & (wetness < _WET_LEAF) & (weather.air > 5.0)
    recent = np.cumsum(np.pad(is_faulty, ((0, 0), (WINDOW, 0))), axis=1)
    fault = recent[:, WINDOW:] - recent[:, :-WINDOW] >= _FAULT_PART * WINDOW
    return Season(sensors, np.where(fault, 2, np.where(irrigate, 1, 0)))


def _weather(random: np.random.Generator) -> Weather:
    days = _FIRST_DAY + np.arange(DAYS)
    clouds = random.beta(1.2, 1.8, (FIELDS, DAYS))
    wander = np.zeros((FIELDS, DAYS))
    for day in range(1, DAYS):
        wander[:, day] = 0.7 * wander[:, day - 1] + random.normal(0, 1.8, FIELDS)
    mean = 17.0 + 6.0 * np.sin((days - 110) / 365 * 2 * np.pi) + wander
    swing = 4.0 + 9.0 * (1 - clouds)
    hours = np.arange(STEPS_A_DAY) / 2
    daily = np.cos((hours - 15) / 24 * 2 * np.pi)
    air = (mean[..., np.newaxis] + swing[..., np.newaxis] / 2 * daily).reshape(FIELDS, -1)
    sun = np.clip(np.sin((hours - 6) / 12 * np.pi), 0, None)
    night = np.repeat(1 - clouds, STEPS_A_DAY, axis=1) * np.tile(sun == 0, DAYS)
    dew_point = (mean - swing / 2)[..., np.newaxis] + 3.0 * clouds[..., np.newaxis] - 1.0
    et0 = 0.0023 * _radiation(days) * (mean + 17.8) * np.sqrt(swing)
    storms = random.random((FIELDS, DAYS * STEPS_A_DAY)) < np.repeat(0.006 * clouds, STEPS_A_DAY, axis=1)
    return Weather(
        air=air,
        leaf=air - 3.5 * night,
        dew_point=np.repeat(dew_point[..., 0], STEPS_A_DAY, axis=1),
        rain=storms * random.exponential(6.0, storms.shape),
        et0=(et0[..., np.newaxis] * sun / sun.sum()).reshape(FIELDS, -1),
    )


def _radiation(days: np.ndarray, latitude: float = _LATITUDE) -> np.ndarray:
    """Extraterrestrial radiation as mm of evaporation a day (FAO 56, equations 20 to 25)."""
    distance = 1 + 0.033 * np.cos(2 * np.pi * days / 365)
    declination = 0.409 * np.sin(2 * np.pi * days / 365 - 1.39)
    sunset = np.arccos(-np.tan(latitude) * np.tan(declination))
    height = sunset * np.sin(latitude) * np.sin(declination)
    height += np.cos(latitude) * np.cos(declination) * np.sin(sunset)
    return np.asarray(0.408 * 24 * 60 / np.pi * 0.0820 * distance * height)


def _soil(weather: Weather, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Moisture [%] (fields, steps), and whether more than the readily available water is used up."""
    capacity = random.uniform(26.5, 27.5, FIELDS) / 100 * _DEPTH
    available = random.uniform(12.5, 13.5, FIELDS) / 100 * _DEPTH
    ready, growth = _DEPLETION * available, random.uniform(0.9, 1.15, FIELDS)
    water = capacity - random.uniform(0, 0.5, FIELDS) * available
    due_for, patience = np.zeros(FIELDS), random.uniform(0, 120, FIELDS)
    moisture, used_up = np.zeros_like(weather.air), np.zeros(weather.air.shape, bool)
    for step in range(weather.air.shape[1]):
        depletion = capacity - water
        stress = np.clip((available - depletion) / (available - ready), 0, 1)
        drained = np.clip(-depletion, 0, None) * (1 - np.exp(-0.5 / _DRAINAGE_HOURS))
        water += weather.rain[:, step] - growth * stress * weather.et0[:, step] - drained
        due_for = np.where(capacity - water > ready, due_for + 1, 0)
        now = due_for > patience
        water += np.where(now, random.uniform(0.8, 1.2, FIELDS) * depletion, 0)
        patience = np.where(now, random.uniform(0, 120, FIELDS), patience)
        moisture[:, step], used_up[:, step] = 100 * water / _DEPTH, capacity - water > ready
    return moisture, used_up


def _leaves(weather: Weather) -> np.ndarray:
    """Water on the leaves [mm], (fields, steps)."""
    film, films = np.zeros(FIELDS), np.zeros_like(weather.air)
    for step in range(weather.air.shape[1]):
        dew = 0.03 * np.clip(weather.dew_point[:, step] - weather.leaf[:, step], 0, None)
        film = np.clip(film + dew + 0.2 * (weather.rain[:, step] > 0) - weather.et0[:, step], 0, 0.25)
        films[:, step] = film
    return films


def _sensors(
    moisture: np.ndarray, air: np.ndarray, film: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """What the three sensors say, (fields, steps, 3), and where one of them is broken, (fields, steps)."""
    true = np.stack([moisture + 0.03 * (air - 20), air, 100 * film / (film + 0.05)], axis=-1)
    said = true + random.normal(0, (0.25, 0.2, 1.0), true.shape)
    broken = np.zeros(moisture.shape, bool)
    for field in range(FIELDS):
        for _ in range(random.poisson(4)):
            first = random.integers(0, moisture.shape[1])
            part = slice(first, first + random.integers(16, 192))
            channel, kind = random.integers(0, 3), random.integers(0, 3)
            kind = 1 if channel == 2 and kind == 0 else kind  # a dry leaf says the same value all day, too
            shape = said[field, part, channel].shape
            if kind == 0:  # stuck: the last value again and again
                said[field, part, channel] = said[field, first, channel]
            elif kind == 1:  # unplugged: the converter's lowest value, with its noise
                said[field, part, channel] = (0.0, -40.0, -10.0)[channel] + random.normal(0, 0.1, shape)
            else:  # a loose contact: now and then far off
                off = random.normal(0, (8.0, 15.0, 60.0)[channel], shape)
                said[field, part, channel] += off * (random.random(shape) < 0.4)
            broken[field, part] = True
    said[..., 2] = np.clip(said[..., 2], -10, 100)
    return np.round(said, 2), broken


def header(rows: np.ndarray) -> str:
    """C that holds (n, 3) rows."""
    lines = "".join("    {" + ", ".join(f"{value:.2f}f" for value in row) + "},\n" for row in rows)
    return f"#define REPLAY_ROWS {len(rows)}\nstatic const float replay[REPLAY_ROWS][3] = {{\n{lines}}};\n"


if __name__ == "__main__":
    season, field = simulate(), int(sys.argv[1]) if len(sys.argv) > 1 else 0
    if "--header" in sys.argv:
        print(header(season.sensors[field, : 15 * STEPS_A_DAY]), end="")
    else:
        for row, answer in zip(season.sensors[field], season.answers[field], strict=True):
            print(", ".join(f"{value:.2f}" for value in row), CLASSES[answer], sep=", ")
