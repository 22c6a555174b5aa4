"""The command line's manners: help, unknown verbs, errors as sentences and as JSON."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.support.models import single, softmax
from tinykit.cli.arguments import has_colour
from tinykit.cli.main import VERBS, emit, run
from tinykit.cli.outcome import Outcome


def test_help_lists_every_verb_and_imports_nothing_heavy() -> None:
    check = (
        "import sys\nfrom tinykit.cli.main import run\n"
        "try:\n    run(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'tensorflow', 'jinja2', 'serial'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert all(verb in ran.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run([verb, "--help"])
    assert stop.value.code == 0
    assert f"tinykit {verb}" in capsys.readouterr().out


def test_unknown_verb_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verfy", "x.tflite"]) == 2
    assert "Did you mean 'tinykit verify'?" in capsys.readouterr().err


def test_explain_prints_the_section_that_an_error_names(capsys: pytest.CaptureFixture[str]) -> None:
    for page, section in (("port-busy", "port-busy"), ("link-timeout", "device-silent")):
        assert run(["explain", page]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"{section}\n") and "What to do" in out and "<a id" not in out and "\n#" not in out
    assert run(["explain", "port-bsy"]) == 2
    assert "Did you mean 'tinykit explain port-busy'?" in capsys.readouterr().err
    assert run(["explain"]) == 0
    assert "recipe-typo" in capsys.readouterr().out.splitlines()


def test_missing_file_is_one_sentence_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path / "none.tflite")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "none.tflite" in error


def test_json_error_is_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path / "none.tflite"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "InputError"


@pytest.mark.parametrize("verb", [["check"], ["compile"], ["verify"], ["build"], ["bench"], ["flash"]])
@pytest.mark.parametrize("content", [single(softmax, (1, 4))[:200], b"x" * 100, b""])
def test_a_file_that_is_no_whole_model_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: list[str], content: bytes
) -> None:
    (tmp_path / "cut.tflite").write_bytes(content)
    assert run([*verb, str(tmp_path / "cut.tflite")]) == 2
    assert f"tinykit: {tmp_path / 'cut.tflite'}: " in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["bench", "validate", "flash"])
def test_a_port_that_is_not_there_is_refused_before_anything_is_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.tflite").write_bytes(single(softmax, (1, 4)))
    np.savez("set.npz", x=np.zeros((2, 4), np.int8), y=np.zeros(2, int))
    board = ["--board", "nucleo-f446re" if verb == "flash" else "mps2-an386"]
    data = ["--data", "set.npz"] if verb == "validate" else []
    assert run([verb, "model.tflite", *board, *data, "--port", "/dev/ttyNOWHERE"]) == 3
    assert "there is no serial port /dev/ttyNOWHERE" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.tflite", "set.npz"]


def test_unknown_option_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["boards", "--frobnicate"]) == 2
    assert "--frobnicate" in capsys.readouterr().err


def test_new_copies_an_example_and_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "mine"
    assert run(["new", str(target)]) == 0
    assert (target / "recipe.toml").is_file()
    assert run(["new", str(target)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_quantize_needs_calibration_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "m.keras"
    model.write_bytes(b"x")
    assert run(["quantize", str(model)]) == 2
    assert "--data" in capsys.readouterr().err


def test_a_wrong_option_names_the_verb_and_the_nearest_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "x.tflite", "--bord", "microbit"]) == 2
    error = capsys.readouterr().err
    assert "check: unknown argument '--bord'. Did you mean --board?" in error and error.count("tinykit:") == 1
    assert run(["check"]) == 2
    assert "tinykit: check: the following arguments are required: MODEL.tflite" in capsys.readouterr().err


def test_what_the_system_refuses_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path / ("x" * 300)), "--json"]) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["found"] == "File name too long"
    assert shown.err.count("\n") == 1


def test_a_folder_stands_for_its_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", str(tmp_path)]) == 2
    assert f"no recipe at {tmp_path / 'recipe.toml'}" in capsys.readouterr().err
    (tmp_path / "recipe.toml").write_text("[dta]\n", encoding="utf-8")
    assert run(["run", str(tmp_path)]) == 2
    assert "Did you mean 'data'?" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [("--baud", "0"), ("--seconds", "-1"), ("--seconds", "nan")])
def test_monitor_refuses_what_cannot_be(wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["monitor", "--port", "/dev/null", *wrong]) == 2
    assert "--seconds above 0" in capsys.readouterr().err


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_stdout_is_status_3(unbuffered: str) -> None:
    command = [sys.executable, "-m", "tinykit", "boards", "--json"]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False, env=environment
        )
    assert ran.returncode == 3 and "no space left" in ran.stderr and "Traceback" not in ran.stderr


def test_ctrl_c_is_status_130_and_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tinykit.cli.boards.run", interrupted)
    assert run(["boards", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "Interrupted"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_ctrl_c_while_modules_load_is_status_130_too(tmp_path: Path, options: list[str]) -> None:
    """A module that the command line needs gets the signal while it is loaded, once."""
    (tmp_path / "difflib.py").write_text(
        "import os, signal, sys\n"
        "if 'told' not in os.environ:\n"
        "    os.environ['told'] = '1'\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    for _ in range(10**8): pass\n"
        "get_close_matches = None\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-m", "tinykit", "boards", *options]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 130 and ran.stderr.startswith("tinykit: interrupted")
    assert len(ran.stderr.splitlines()) == 1
    if options:
        assert json.loads(ran.stdout)["error"]["kind"] == "Interrupted"


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    assert emit(Outcome({"loss": [float("nan"), 1.0], "best": float("inf")}, ""), as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"loss": [None, 1.0], "best": None}


def test_colour_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert has_colour()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colour()


def test_a_new_projects_commands_name_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for example in ("digits", "clinic", "farm", "motion"):
        folder = Path(f"my-{example}")
        assert run(["new", str(folder), "--example", example]) == 0
        recipe, readme = ((folder / name).read_text(encoding="utf-8") for name in ("recipe.toml", "README.md"))
        assert f"tinykit run my-{example}/recipe.toml" in recipe and f"my-{example}/recipe.toml" in readme
        assert not any(word in recipe + readme for word in (f"examples/{example}", f"build/{example}/", "](../"))
    with pytest.raises(SystemExit):
        run(["new", "--help"])
    assert "clinic, digits, farm" in capsys.readouterr().out


def test_new_says_that_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert run(["new", str(tmp_path / "mine")]) == 3
    assert "no space left on the disk" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("count", "warned"), [(49, True), (50, False)])
def test_few_typical_inputs_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], count: int, warned: bool
) -> None:
    monkeypatch.setattr("tinykit.learn.quantize.to_int8", lambda model, samples: b"TFL3")
    monkeypatch.setattr(
        "tinykit.learn.quantize.load_any",
        lambda path: SimpleNamespace(inputs=[SimpleNamespace(shape=(None, 4))], outputs=[None]),
    )
    model, data = tmp_path / "m.keras", tmp_path / "set.npz"
    model.write_bytes(b"x")
    np.savez(data, x=np.zeros((count, 4), np.float32))
    assert run(["quantize", str(model), "--data", str(data), "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["bytes"] == 4
    assert (f"only {count} typical inputs" in shown.err) is warned


def test_termination_removes_what_is_half_done(tmp_path: Path) -> None:
    script = (
        "import os, signal, threading\nfrom pathlib import Path\n"
        "from tinykit.cli import boards, main\nfrom tinykit.files import folder_atomic\n"
        "def half(args):\n"
        "    with folder_atomic(Path(args.name)):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        threading.Event().wait(60)\n"
        "boards.run = half\nmain.main()\n"
    )
    command = [sys.executable, "-c", script, "boards", "show", str(tmp_path / "out")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (143, "")
    assert not any(tmp_path.iterdir())
