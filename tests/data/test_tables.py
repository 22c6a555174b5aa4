"""CSV tables and series, groups, cautions: no row and no group in two splits, and the line of what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinykit.data import load, restore, save
from tinykit.data.groups import grouped
from tinykit.errors import DataError
from tinykit.recipe import Data


def table(folder: Path, rows: list[str], header: str = "patient,size,weight,label", **keys: object) -> Data:
    (folder / "set.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return Data(**{"kind": "csv", "file": folder / "set.csv", **keys})  # type: ignore[arg-type]


def patients(count: int = 30, each: int = 4, labels: tuple[str, ...] = ("ill", "well")) -> list[str]:
    return [
        f"p{patient},{patient + visit / 10},{patient * 1000 + visit},{labels[(patient + visit) % len(labels)]}"
        for patient in range(count)
        for visit in range(each)
    ]


def test_a_table_becomes_samples_and_its_labels_classes(tmp_path: Path) -> None:
    splits = load(table(tmp_path, patients(), group="patient"))
    assert splits.classes == ("ill", "well") and splits.features == ("size", "weight")
    assert splits.shape == (2,) and splits.warnings == ()
    assert len(splits.x_train) + len(splits.x_validation) + len(splits.x_test) == 120
    only = load(table(tmp_path, patients(), features=("weight",)))
    assert only.features == ("weight",) and only.shape == (1,)


def test_no_patient_is_in_two_splits_nor_in_the_pool_of_another(tmp_path: Path) -> None:
    rows = patients()
    rows[1::4] = [row.rsplit(",", 1)[0] + "," for row in rows[1::4]]
    splits = load(table(tmp_path, rows, group="patient", features=("size",)))
    seen = [
        set(np.floor(x[:, 0] + 0.01)) for x in (splits.x_labelled, splits.x_pool, splits.x_validation, splits.x_test)
    ]
    assert len(splits.x_pool) > 0 and seen[1] <= seen[0]
    assert not seen[0] & seen[2] and not seen[0] & seen[3] and not seen[2] & seen[3]


@given(
    sizes=st.lists(st.integers(1, 12), min_size=3, max_size=40),
    seed=st.integers(0, 100),
    classes=st.integers(2, 4),
)
@settings(max_examples=30, deadline=None)
def test_groups_stay_whole_and_everything_is_dealt(sizes: list[int], seed: int, classes: int) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes).astype(str)
    splits = grouped(np.arange(len(groups)) % classes, groups, (0.2, 0.2), seed)
    assert sorted(np.concatenate(splits).tolist()) == list(range(len(groups)))
    for place, first in enumerate(splits):
        assert not any(set(groups[first]) & set(groups[other]) for other in splits[place + 1 :])


def test_shares_are_kept_where_groups_are_small() -> None:
    y, groups = np.arange(600) % 3, (np.arange(600) // 4).astype(str)
    test, validation, train = grouped(y, groups, (0.2, 0.15), 0)
    assert [len(test), len(validation), len(train)] == [pytest.approx(n, abs=6) for n in (120, 90, 390)]
    assert all(abs(np.bincount(y[part]) / len(part) - 1 / 3).max() < 0.05 for part in (test, validation, train))


def test_groups_of_an_npz(tmp_path: Path) -> None:
    who = np.arange(120) // 4
    x = np.stack([who, np.arange(120)], axis=1).astype(np.float32)
    np.savez(tmp_path / "set.npz", x=x, y=np.arange(120) % 3, who=who)
    splits = load(Data("npz", file=tmp_path / "set.npz", group="who"))
    assert not set(splits.x_train[:, 0]) & set(splits.x_test[:, 0])
    with pytest.raises(DataError, match="'field'"):
        load(Data("npz", file=tmp_path / "set.npz", group="field"))


def test_series_are_cut_into_overlapping_windows_that_never_cross_a_change(tmp_path: Path) -> None:
    rows = [f"{t},{-t},{('calm', 'windy')[t // 25 % 2]}" for t in range(500)]
    data = table(tmp_path, rows, "a,b,label", kind="csv-series", window=8, overlap=0.5)
    splits = load(data)
    parts = (splits.x_train, splits.x_validation, splits.x_test)
    assert splits.shape == (8, 1, 2) and sum(map(len, parts)) == 20 * 5  # 25 rows: windows at 0, 4, 8, 12 and 16
    for x in parts:
        assert (np.diff(x[:, :, 0, 0], axis=1) == 1).all() and np.array_equal(x[..., 0], -x[..., 1])
        assert (x[:, 0, 0, 0] // 25 == x[:, -1, 0, 0] // 25).all()
    used = [set(x[..., 0].reshape(-1)) for x in parts]
    assert not used[0] & used[1] and not used[0] & used[2] and not used[1] & used[2]


def test_series_by_recording(tmp_path: Path) -> None:
    rows = [f"r{t // 40},{t},{('calm', 'windy')[t // 20 % 2]}" for t in range(480)]
    splits = load(table(tmp_path, rows, "who,a,label", kind="csv-series", window=5, group="who"))
    where = [set(x[:, 0, 0, 0] // 40) for x in (splits.x_train, splits.x_validation, splits.x_test)]
    assert not where[0] & where[1] and not where[0] & where[2] and not where[1] & where[2]
    with pytest.raises(DataError, match=r"as long as a window; expected 21 rows, found 20"):
        load(table(tmp_path, rows, "who,a,label", kind="csv-series", window=21, group="who"))


@pytest.mark.parametrize("mark", [";", "\t"])
def test_another_separator_is_named(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"size{mark}label\n1,5{mark}ill\n")
    with pytest.raises(DataError) as caught:
        load(Data("csv", file=path))
    assert f"separated by {mark!r}: save it with commas" in str(caught.value)


def changed(line: int, row: str) -> list[str]:
    rows = patients()
    rows[line - 2] = row
    return rows


@pytest.mark.parametrize(
    ("rows", "keys", "telling"),
    [
        (changed(7, "p1,nan,3,ill"), {}, "line 7: 'size' is NaN"),
        (changed(7, "p1,,3,ill"), {}, "line 7: 'size' is NaN, infinite or empty"),
        (changed(7, "p1,big,3,ill"), {}, "line 7: 'size' is not a number"),
        (changed(7, "p1,2,3"), {}, "line 7: wrong number of cells"),
        (changed(7, ",2,3,ill"), {"group": "patient"}, "line 7: no 'patient'"),
        (patients(), {}, "line 2: 'patient' is not a number"),
        (patients(), {"label": "diagnosis"}, "no column 'diagnosis'"),
        (patients(), {"group": "patient", "classes": ("ill", "fit")}, "labels out of range"),
        (patients(), {"group": "patient", "classes": ("ill", "well", "dead")}, "no sample of class 2"),
        (patients(2), {"group": "patient"}, "too few groups"),
        ([], {}, "has no rows"),
        (['p1,"2,3,ill'], {}, "cannot read"),
        ([row.rsplit(",", 1)[0] + "," for row in patients()], {"group": "patient"}, "has no labels"),
    ],
)
def test_bad_tables_are_refused_with_the_line(tmp_path: Path, rows: list[str], keys: dict, telling: str) -> None:
    keys = {"features": ("size", "weight"), **keys} if "line 2" not in telling else keys
    with pytest.raises(DataError) as caught:
        load(table(tmp_path, rows, **keys))
    assert telling in str(caught.value)


def test_copies_in_two_splits_and_unequal_classes_are_said(tmp_path: Path) -> None:
    x = np.arange(200, dtype=np.float32).reshape(100, 2)
    x[50:] = x[:50]
    np.savez(tmp_path / "set.npz", x=x, y=(np.arange(100) % 50 >= 44).astype(int))
    splits = load(Data("npz", file=tmp_path / "set.npz"))
    save(splits, tmp_path)
    assert restore(tmp_path).warnings == splits.warnings
    assert any("in both the training and the test split" in warning for warning in splits.warnings)
    assert any("unequal size" in warning and "88%" in warning for warning in splits.warnings)


def test_normalization_learns_from_the_training_split_alone(tmp_path: Path) -> None:
    splits = load(table(tmp_path, patients(), group="patient", normalize=True))
    assert abs(splits.x_train.mean(axis=0)).max() < 1e-5 and abs(splits.x_train.std(axis=0) - 1).max() < 1e-5
    assert abs(splits.x_test.mean(axis=0)).max() > 1e-3
    assert splits.raw_test is not None and splits.normalization is not None
    assert np.array_equal(splits.normalization.apply(splits.raw_test), splits.x_test)
    save(splits, tmp_path)
    again = restore(tmp_path)
    assert again.normalization is not None and again.raw_validation is not None
    assert np.array_equal(again.normalization.mean, splits.normalization.mean) and again.features == splits.features
