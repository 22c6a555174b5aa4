"""Small, seeded runs of what docs/reliability.md gives figures of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import require_tool
from tests.firmware.handmade import hand_program
from tests.reliability.figures import WISHES, fault, kill_flashes, soak_emulated, soak_fake, survives
from tinykit.boards import board
from tinykit.firmware.build import Firmware, build_program
from tinykit.link.soak import FAULTS

WHERE = {"hard fault": "hand_invoke", "stack overflow": "recurse", "watchdog": "starve_watchdog"}
BOARDS = ["microbit", "mps2-an386"]


@pytest.fixture(scope="module", params=BOARDS)
def firmware(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    return build_program(hand_program(), board(request.param), tmp_path_factory.mktemp("reliability") / request.param)


@pytest.mark.parametrize("seed", range(4))
def test_a_long_conversation_over_a_bad_line(seed: int) -> None:
    done = soak_fake(3000, seed)
    assert done.wrong == 0
    assert done.answers > 100
    assert set(done.injected) == {*FAULTS, "device reset"}
    assert set(done.named) <= {"DeviceReset", "LinkTimeout"}


@pytest.mark.emulated
def test_the_same_with_real_firmware(firmware: Firmware) -> None:
    done = soak_emulated(firmware, 250, 1)
    assert done.wrong == 0
    assert done.answers > 20
    assert sum(done.injected.values()) > 0  # which faults, timing decides: the in-process device takes them all


@pytest.mark.emulated
def test_random_bytes_do_not_stop_the_firmware(firmware: Firmware) -> None:
    assert survives(firmware, 20_000, 3) >= 20_000


@pytest.mark.emulated
@pytest.mark.parametrize("name", list(WISHES))
def test_faults_arrive_by_name_with_pc(firmware: Firmware, name: str) -> None:
    if name == "watchdog" and firmware.board.nmi != "watchdog":
        pytest.skip("this board's emulator has no watchdog")
    assert re.search(rf"reported a {name} at PC 0x[0-9a-f]+ in {WHERE[name]}", fault(firmware, WISHES[name]))


def test_flashes_killed_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("stm32flash", "stm32flash")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert kill_flashes(tmp_path, 3, 5).recovered == 3
