"""The description of a front end in the model's own file: whole, damaged, hostile."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.clips import clips
from tests.features.models import model_behind, plain_model
from tinykit.codegen.emit import emit
from tinykit.errors import ModelError
from tinykit.features.description import FILE, attach, attached, describe, parse
from tinykit.features.frontend import FrontEnd
from tinykit.features.transforms import Mfcc, Micro, Statistics
from tinykit.graph.reader import read_graph
from tinykit.plan.build import make_plan
from tinykit.targets import target

FRONT = FrontEnd(Mfcc(256, 8000.0, 125.0, 3750.0, 20, 5), hop=128, samples=1024).learned(clips(1024, 1))


def test_a_model_carries_its_front_end() -> None:
    for front in (
        FRONT,
        FrontEnd(Statistics(10, ("mean", "rms")), 5, 30, 2, resolution=0.001).learned(clips(30, 2)),
        FrontEnd(Micro(256, 8000.0, 125.0, 3750.0, 8, False), hop=256, samples=512).learned(clips(512, 1)),
    ):
        model = model_behind(front)
        assert attached(model) == front
        graph = read_graph(model)
        assert graph.features == front
        assert set(emit(make_plan(graph, target("host")))) == {
            "model.h",
            "model.c",
            "model_features.h",
            "model_features.c",
        }


def test_a_model_without_one_has_none_and_its_labels_stay() -> None:
    plain = plain_model(FRONT)
    assert attached(plain) is None
    labelled = io.BytesIO(plain)
    with zipfile.ZipFile(labelled, "a") as archive:
        archive.writestr("labels.txt", "yes\nno\nnoise\n")
    both = attach(labelled.getvalue(), FRONT)
    assert attached(both) == FRONT
    with zipfile.ZipFile(io.BytesIO(both)) as archive:
        assert archive.namelist() == ["labels.txt", FILE]


def test_a_front_end_of_another_input_is_refused() -> None:
    other = FrontEnd(Statistics(10), 10, 10).learned(clips(10, 1))
    with pytest.raises(ModelError, match="makes another input"):
        read_graph(attach(plain_model(FRONT), other))


def _damaged(**changes: Any) -> dict[str, Any]:
    described = copy.deepcopy(describe(FRONT))
    for path, value in changes.items():
        where: Any = described
        *parents, last = path.split("__")
        for parent in parents:
            where = where[parent]
        where[last] = value
    return described


@pytest.mark.parametrize(
    "described",
    [
        [],
        "mfcc",
        {},
        _damaged(version=2),
        _damaged(hop=0),
        _damaged(hop=True),
        _damaged(samples=1 << 40),
        _damaged(channels=2),
        _damaged(resolution=float("nan")),
        _damaged(means=[1, 2]),
        _damaged(means=[1 << 40] * 5),
        _damaged(deviations=[0.0] * 5),
        _damaged(unknown=1),
        _damaged(transform={"kind": "mfcc"}),
        _damaged(transform__kind="magic"),
        _damaged(transform__window=1 << 30),
        _damaged(transform__rate="fast"),
        _damaged(transform__count=0),
        _damaged(transform__coefficients=40),
        _damaged(transform__high=1e9),
        _damaged(transform__low=4000.0, transform__high=1.0),
    ],
)
def test_damaged_descriptions_are_refused(described: Any) -> None:
    with pytest.raises(ModelError, match="damaged"):
        parse(described)


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=7)
)


@settings(max_examples=60)
@given(st.sampled_from(["hop", "samples", "channels", "means", "transform__window", "transform__low"]), _VALUES)
def test_any_value_is_read_or_refused(path: str, value: Any) -> None:
    try:
        parse(_damaged(**{path: value}))
    except ModelError:
        return


def test_text_that_is_no_json_is_refused() -> None:
    content = io.BytesIO(b"TFL3....")
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(FILE, "{" * 5000)
    with pytest.raises(ModelError, match="damaged"):
        attached(content.getvalue())
    assert parse(json.loads(json.dumps(describe(FRONT)))) == FRONT
