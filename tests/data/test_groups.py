"""Sets that come already cut, with groups: none may be in two parts; and those of unlabelled samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinykit.data import load
from tinykit.errors import DataError
from tinykit.recipe import Data


def cut_set(folder: Path, **changes: np.ndarray) -> Data:
    """Sample i is full of i; ten samples a patient, eight patients to train on and two to test."""
    x = np.repeat(np.arange(100, dtype=np.float32), 3).reshape(100, 3)
    y, patient = np.arange(100) % 2, np.arange(100) // 10
    arrays = {"x_train": x[:80], "y_train": y[:80], "patient_train": patient[:80]}
    arrays |= {"x_test": x[80:], "y_test": y[80:], "patient_test": patient[80:]}
    np.savez(folder / "set.npz", **{**arrays, **changes})
    return Data("npz", file=folder / "set.npz", group="patient")


def patients(x: object) -> set[int]:
    return {int(value) // 10 for value in np.asarray(x)[:, 0]}


def test_validation_is_taken_from_whole_patients(tmp_path: Path) -> None:
    splits = load(cut_set(tmp_path))
    assert patients(splits.x_test) == {8, 9}
    assert patients(splits.x_train) | patients(splits.x_validation) == set(range(8))
    assert not patients(splits.x_train) & patients(splits.x_validation)


def test_a_patient_in_two_parts_is_refused(tmp_path: Path) -> None:
    mixed = np.arange(80, 100) // 10
    mixed[3] = 5
    with pytest.raises(DataError, match="the group '5' is in both the train and the test part"):
        load(cut_set(tmp_path, patient_test=mixed))
    with pytest.raises(DataError, match="'patient_test' does not say each sample's group"):
        load(cut_set(tmp_path, patient_test=mixed[:5]))


def test_unlabelled_samples_of_tested_patients_stay_out_of_the_pool(tmp_path: Path) -> None:
    x = np.repeat(np.arange(0, 100, 2, dtype=np.float32), 3).reshape(50, 3) + 0.5
    splits = load(cut_set(tmp_path, x_unlabelled=x, patient_unlabelled=x[:, 0].astype(int) // 10))
    assert patients(splits.x_pool) == patients(splits.x_labelled)


def test_images_cut_already_keep_speakers_apart(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    for part, people in (("train", "abcdef"), ("test", "gh")):
        for label in ("no", "yes"):
            (tmp_path / part / label).mkdir(parents=True)
            for person in people:
                for number in range(3):
                    pixels = bytes([ord(person), number, len(label), 0])
                    (tmp_path / part / label / f"{person}{number}.pgm").write_bytes(b"P5\n2 2\n255\n" + pixels)
    data = Data("images", folder=tmp_path, size=(2, 2), color="grey", group=r"^([a-z])")
    splits = load(data)
    assert {chr(int(value)) for value in splits.x_test[:, 0, 0, 0]} == {"g", "h"}
    (tmp_path / "test" / "yes" / "a9.pgm").write_bytes(b"P5\n2 2\n255\nabcd")
    with pytest.raises(DataError, match="the group 'a' is in both"):
        load(data)
