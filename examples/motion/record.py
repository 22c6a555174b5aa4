"""Records the data set of recipe.toml: each gesture in each session, from a simulated board, by `tinykit capture`.

    python record.py [--sessions 12] [--count 16] [--speed 8] [-o gestures.npz]

With a real board you run the same `tinykit capture` command yourself, once for each gesture and person.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from imu import GESTURES, RATE

HERE = Path(__file__).parent
WINDOW = 64


def record(gesture: str, session: int, count: int, speed: float, output: Path) -> None:
    """One session of one gesture, into `output`."""
    command = [sys.executable, str(HERE / "imu.py"), gesture, "--session", str(session), "--speed", str(speed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as board:
        assert board.stdout is not None
        port = board.stdout.readline().strip()
        try:
            capture = [sys.executable, "-m", "tinykit", "capture", "--port", port, "--label", gesture, "--quiet"]
            capture += ["--session", str(session)]
            capture += ["--rate", str(RATE * speed), "--window", str(WINDOW), "--count", str(count), "-o", str(output)]
            if subprocess.run(capture, check=False).returncode:
                sys.exit(
                    f"{gesture} of session {session} was not recorded; what was is in {output.with_suffix('.csv')}"
                )
        finally:
            board.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=12)
    parser.add_argument("--count", type=int, default=16, help="windows of each gesture and session")
    parser.add_argument("--speed", type=float, default=8.0, help="the simulated world runs so many times as fast")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "gestures.npz")
    args = parser.parse_args()
    for session in range(args.sessions):
        for gesture in GESTURES:
            record(gesture, session, args.count, args.speed, args.output)


if __name__ == "__main__":
    main()
