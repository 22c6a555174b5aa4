"""The pytest plugin: options, the `device` fixture, the `tinykit` marker, and the serial log in reports.

pytest --tinykit-board B [--tinykit-port P] [--tinykit-model MODEL.tflite]
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tinykit.hil.board import BoardUnderTest
    from tinykit.hil.session import Bench

MARKER = (
    "tinykit(*features, flash=0, ram=0): needs a board with these features (dsp, fpu, mve, emulated, hardware, the "
    "name of a core or a board) and at least so many bytes of memory; skipped on others"
)
_DEVICE = pytest.StashKey["BoardUnderTest"]()
_EMULATED = "emulated"
_NO_BOARD = "no board: run pytest with --tinykit-board B (tinykit boards lists them)"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The command line's options, and the model in the project's own configuration."""
    group = parser.getgroup("tinykit", "tinykit: a model on a board")
    add = group.addoption
    add("--tinykit-board", action="append", default=[], metavar="B", help="a board's name or TOML file; repeatable")
    add(
        "--tinykit-port",
        action="append",
        default=[],
        metavar="P",
        help="where the board answers: /dev/ttyACM0, rfc2217://host:port; one for each board, 'emulated' for none",
    )
    add("--tinykit-model", metavar="MODEL.tflite", help="the model (default: tinykit_model in the configuration file)")
    add("--tinykit-engine", default="aot", choices=["aot", "tflm"], help="aot: compiled C (default); tflm")
    add("--tinykit-no-flash", action="store_true", help="the boards run the model already")
    add("--tinykit-wait", type=float, default=300.0, metavar="S", help="seconds to wait for a port that is in use")
    parser.addini("tinykit_model", "the .tflite that the boards run, relative to this file", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and refuse options that do not go together."""
    config.addinivalue_line("markers", MARKER)
    boards, ports = config.getoption("--tinykit-board"), config.getoption("--tinykit-port")
    if ports and len(ports) != len(boards):
        raise pytest.UsageError(
            f"{len(boards)} --tinykit-board and {len(ports)} --tinykit-port: give a port for each board, in the same "
            f"order ({_EMULATED!r} where there is none)"
        )
    lost = next((p for p in ports if p in config.invocation_params.args and _moves_root(config, p)), None)
    if lost is not None:
        raise pytest.UsageError(f"pytest took the port for a folder of tests: write --tinykit-port={lost}, with '='")


def _moves_root(config: pytest.Config, port: str) -> bool:
    """Whether pytest, which looks for its root before it knows our options, was led astray by the port's path."""
    root, here = config.rootpath, config.invocation_params.dir
    return Path(port).exists() and (root == Path(root.anchor) or root not in (here, *here.parents))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test that has a device runs on each board, and with pytest-xdist's loadgroup each board in one worker."""
    if "tinykit_bench" not in metafunc.fixturenames:
        return
    boards = metafunc.config.getoption("--tinykit-board")
    ports = metafunc.config.getoption("--tinykit-port") or [_EMULATED] * len(boards)
    places = [(b, None if p == _EMULATED else p) for b, p in zip(boards, ports, strict=True)]
    parallel = metafunc.config.pluginmanager.hasplugin("xdist")
    params = []
    for name, port in places:
        marks = [pytest.mark.xdist_group(f"{name}@{port}")] if parallel else []
        identity = Path(name).stem if len({n for n, _ in places}) == len(places) else f"{Path(name).stem}@{port}"
        params.append(pytest.param((name, port), id=identity, marks=marks))
    metafunc.parametrize("tinykit_bench", params or [pytest.param(None, id="no-board")], indirect=True, scope="session")


@pytest.fixture(scope="session")
def tinykit_bench(request: pytest.FixtureRequest) -> Bench:
    """The board and port that a test runs on."""
    if request.param is None:
        pytest.skip(_NO_BOARD)
    from tinykit.boards import board
    from tinykit.errors import TinykitError
    from tinykit.hil.session import Bench

    name, port = request.param
    try:
        return Bench(board(name), port)
    except TinykitError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture(scope="session")
def tinykit_model(pytestconfig: pytest.Config) -> Path:
    """The .tflite that the boards run; define a fixture of this name to choose it yourself."""
    given = pytestconfig.getoption("--tinykit-model")
    if given:
        return Path(given)
    named = pytestconfig.getini("tinykit_model")
    if not named:
        raise pytest.UsageError(
            "which model? Give --tinykit-model MODEL.tflite, tinykit_model in the configuration file, or a fixture "
            "tinykit_model"
        )
    return Path((pytestconfig.inipath or pytestconfig.rootpath / "x").parent / str(named))


@pytest.fixture(scope="session")
def _tinykit_session(
    tinykit_bench: Bench, tinykit_model: Path, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BoardUnderTest]:
    """The board, flashed once."""
    from tinykit.errors import TinykitError
    from tinykit.hil.session import board_under_test

    opened = board_under_test(
        tinykit_bench,
        tinykit_model,
        tmp_path_factory.mktemp("tinykit") / "firmware",
        engine=pytestconfig.getoption("--tinykit-engine"),
        flashing=not pytestconfig.getoption("--tinykit-no-flash"),
        patience=pytestconfig.getoption("--tinykit-wait"),
    )
    try:
        device = opened.__enter__()
    except TinykitError as error:
        pytest.fail(f"{type(error).__name__}: {error}", pytrace=False)
    yield device
    opened.__exit__(None, None, None)


@pytest.fixture
def device(request: pytest.FixtureRequest, tinykit_bench: Bench, record_property: Any) -> BoardUnderTest:
    """The board under test: flashed once a session, reset before each test."""
    for marker in request.node.iter_markers("tinykit"):
        _require(tinykit_bench, *marker.args, **marker.kwargs)
    board: BoardUnderTest = request.getfixturevalue("_tinykit_session")
    request.node.stash[_DEVICE] = board
    for name, value in (
        ("tinykit_board", board.board.name),
        ("tinykit_port", board.port),
        ("tinykit_model_sha256", board.graph.sha256),
        ("tinykit_engine", board.link.description.engine),
    ):
        record_property(name, value)
    board.begin(record_property)
    return board


def _require(bench: Bench, *features: str, flash: int = 0, ram: int = 0) -> None:
    """Skip where the board lacks something."""
    missing = [f for f in features if f not in bench.features]
    for kind, wanted, there in (("flash", flash, bench.board.flash.length), ("RAM", ram, bench.board.ram.length)):
        if there < wanted:
            missing.append(f"{wanted:,} bytes of {kind}")
    if missing:
        pytest.skip(f"{bench.board.name} has no {', no '.join(missing)}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the serial log to the report of a test that failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    board = item.stash.get(_DEVICE, None)
    if board is not None and report.failed:
        report.sections.append((f"tinykit serial log ({board.board.name}, {board.port})", board.log.text or "silence"))
