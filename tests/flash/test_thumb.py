"""The Pico's runner is quicker than rp2040js alone, and does what rp2040js does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.conftest import require_tool
from tests.support.boards import require_board
from tinykit.flash.rp2040js import package_folder
from tinykit.flash.runner import RUNNERS

ROUNDS = 8
"""States of the core for each of the 65,536 opcodes."""


def test_every_opcode_leaves_what_rp2040js_leaves() -> None:
    require_board("raspberry-pi-pico")
    script = Path(__file__).with_name("thumb_equal.mjs")
    command = [
        require_tool("node", "nodejs"),
        str(script),
        str(package_folder()),
        str(RUNNERS / "thumb.mjs"),
        str(ROUNDS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    told = json.loads(done.stdout)
    assert told["different"] == []
    assert told["opcodes"] > 37_000  # the others are rp2040js's alone
    assert told["run"] > 4 * told["opcodes"]
