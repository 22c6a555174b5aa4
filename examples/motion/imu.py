"""A wrist with an inertial sensor, simulated; also as a board that prints its sensor on a serial port of its own.

    python imu.py GESTURE [--session N] [--speed S]     a board: says its port, prints lines until it is ended
    python imu.py GESTURE --lines N                     prints so many lines and ends

A line is acceleration x, y, z [g] and angular rate x, y, z [degrees a second], 50 times a second.

The sensor is a rigid body with a position p(t) and an orientation R(t), body to world. It feels R^T (p'' + g e_z) / g,
and the rate of its turning in its own axes; to both come an offset, noise, a range of 4 g and 500 degrees a second, and
steps of 1/8192 g and 1/65.5 degrees a second, as common sensors of this kind have them.

- rest: held still, with a hand's tremor (9 Hz, about 0.01 g);
- circle: a circle of 8 to 18 cm in the plane ahead, 0.9 to 1.6 turns a second, the hand tilting with it;
- shake: to and fro along x, 2 to 5 cm, 3 to 5 times a second;
- twist: about the forearm (x), 25 to 60 degrees to each side, 1 to 2 times a second.

A session is a person on a day: size, tempo, how the sensor sits on the wrist, its offsets. The tempo also wanders.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import pty
import time
import tty
from typing import NamedTuple

import numpy as np

GESTURES = ("circle", "rest", "shake", "twist")
RATE = 50.0
_FINE = 8
"""Steps of the simulation for one line, so that its differences are good derivatives."""
_LATEST = 0.05
"""Seconds that a line may be late before the ones behind it are late, too."""
_GRAVITY = 9.80665


class Motion(NamedTuple):
    """(steps, 3) position [m]; (steps,) angles about x and y [rad]."""

    position: np.ndarray
    roll: np.ndarray
    pitch: np.ndarray


def lines(gesture: str, session: int, count: int) -> np.ndarray:
    """`count` lines of a session, (count, 6); the same for the same arguments."""
    random = np.random.default_rng((session, GESTURES.index(gesture)))
    wrist = np.random.default_rng(session)
    motion = _motion(gesture, count, random)
    mounted = _turn_x(wrist.normal(0, 0.15)) @ _turn_y(wrist.normal(0, 0.15))
    offsets = wrist.normal(0, (0.02, 0.02, 0.02, 1.5, 1.5, 1.5))
    return _sensed(motion, mounted, offsets, random)


def _motion(gesture: str, count: int, random: np.random.Generator) -> Motion:
    steps = count * _FINE + 2 * _FINE
    tempo = {"circle": (0.9, 1.6), "rest": (9.0, 9.0), "shake": (3.0, 5.0), "twist": (1.0, 2.0)}[gesture]
    seconds = np.arange(steps) / (RATE * _FINE)
    wander = sum(0.08 * np.sin(2 * np.pi * (pace * seconds + random.random())) for pace in (0.11, 0.27, 0.43))
    phase = 2 * np.pi * (random.uniform(*tempo) * seconds + wander + random.random())
    position = np.zeros((steps, 3))
    roll = 0.02 * np.sin(phase / 7)
    pitch = 0.02 * np.cos(phase / 9)
    if gesture == "circle":
        size = random.uniform(0.08, 0.18)
        position[:, 1], position[:, 2] = size * np.cos(phase), size * np.sin(phase)
        roll = roll + random.uniform(0.05, 0.2) * np.sin(phase)
    elif gesture == "shake":
        position[:, 0] = random.uniform(0.02, 0.05) * np.sin(phase)
        pitch = pitch + random.uniform(0.02, 0.1) * np.sin(phase)
    elif gesture == "twist":
        roll = roll + np.deg2rad(random.uniform(25, 60)) * np.sin(phase)
    else:
        position[:] = 3e-5 * np.sin(phase)[:, np.newaxis] * random.normal(0, 1, 3)
    return Motion(position, roll, pitch)


def _sensed(motion: Motion, mounted: np.ndarray, offsets: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What the sensor says of a motion, one line for each `_FINE` steps."""
    pace = RATE * _FINE
    felt = np.gradient(np.gradient(motion.position, axis=0), axis=0) * pace**2 / _GRAVITY + (0.0, 0.0, 1.0)
    turned = _turn_y(motion.pitch) @ _turn_x(motion.roll)
    body = np.einsum("nji,nj->ni", turned, felt)
    roll_rate, pitch_rate = (np.gradient(angle) * pace for angle in (motion.roll, motion.pitch))
    still = np.zeros_like(roll_rate)
    rates = np.stack([roll_rate, still, still], axis=1)
    rates += np.einsum("nji,nj->ni", _turn_x(motion.roll), np.stack([still, pitch_rate, still], axis=1))
    said = np.concatenate([body @ mounted, np.rad2deg(rates) @ mounted], axis=1)[_FINE:-_FINE:_FINE]
    said += offsets + random.normal(0, (0.008,) * 3 + (0.3,) * 3, said.shape)
    steps, limits = np.array((1 / 8192,) * 3 + (1 / 65.5,) * 3), np.array((4.0,) * 3 + (500.0,) * 3)
    return np.round(np.clip(said, -limits, limits) / steps) * steps


def _turn_x(angle: float | np.ndarray) -> np.ndarray:
    """Rotation about x, (..., 3, 3)."""
    c, s, one, nil = np.cos(angle), np.sin(angle), np.ones_like(angle), np.zeros_like(angle)
    return np.stack([np.stack(row, -1) for row in ((one, nil, nil), (nil, c, -s), (nil, s, c))], -2)


def _turn_y(angle: float | np.ndarray) -> np.ndarray:
    """Rotation about y, (..., 3, 3)."""
    c, s, one, nil = np.cos(angle), np.sin(angle), np.ones_like(angle), np.zeros_like(angle)
    return np.stack([np.stack(row, -1) for row in ((c, nil, s), (nil, one, nil), (-s, nil, c))], -2)


def printed(rows: np.ndarray) -> list[str]:
    """Rows as the board prints them."""
    return [", ".join(f"{value:.4f}" for value in row) for row in rows]


def board(gesture: str, session: int, speed: float) -> None:
    """Print lines on a pseudo terminal, each when it is due, until this process is ended.

    As with a UART, what nobody reads is lost, and time that was lost is not made up for.
    """
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    print(os.ttyname(theirs), flush=True)
    due = time.monotonic()
    for line in itertools.cycle(printed(lines(gesture, session, 4096))):
        time.sleep(max(0.0, due - time.monotonic()))
        with contextlib.suppress(BlockingIOError):
            os.write(ours, line.encode() + b"\r\n")
        due = max(due, time.monotonic() - _LATEST) + 1 / (RATE * speed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gesture", choices=GESTURES)
    parser.add_argument("--session", type=int, default=0, help="whose wrist, and when")
    parser.add_argument("--speed", type=float, default=1.0, help="the simulated world runs so many times as fast")
    parser.add_argument("--lines", type=int, help="print so many lines here, and no port")
    args = parser.parse_args()
    if args.lines:
        print("\n".join(printed(lines(args.gesture, args.session, args.lines))))
    else:
        board(args.gesture, args.session, args.speed)


if __name__ == "__main__":
    main()
