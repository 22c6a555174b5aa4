"""Folders of images and of WAV files: what they become, how they are split, and what cannot be used."""

from __future__ import annotations

import struct
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinykit.data import Splits, load, restore, save
from tinykit.data.sounds import cut, read_wav
from tinykit.errors import DataError
from tinykit.recipe import Data

RATE = 1000


def pgm(path: Path, value: int, size: tuple[int, int] = (4, 6)) -> None:
    """A grey image, height and width, in the simplest format there is; each is unlike the others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full(size, value, np.uint8)
    pixels[0, 0] = sum(path.name.encode()) % 256
    path.write_bytes(b"P5\n%d %d\n255\n" % (size[1], size[0]) + pixels.tobytes())


def wav(path: Path, values: np.ndarray, rate: int = RATE, width: int = 2, channels: int = 1) -> None:
    """A PCM file; `values` in its own steps (unsigned for 8 bits)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", "not compressed"))
        whole = np.asarray(values).astype("<i4").reshape(-1, 1).view(np.uint8)
        file.writeframes(whole[:, :width].tobytes())


@pytest.fixture
def pictures(tmp_path: Path) -> Data:
    pytest.importorskip("PIL")
    for number in range(20):
        pgm(tmp_path / "set" / "day" / f"a{number}.pgm", 200)
        pgm(tmp_path / "set" / "night" / f"b{number}.pgm", 10)
    pgm(tmp_path / "set" / ".hidden" / "notes.pgm", 10)
    return Data("images", folder=tmp_path / "set", size=(4, 6), color="grey")


def everything(splits: Splits) -> list[np.ndarray]:
    return [np.asarray(x[:]) for x in (splits.x_labelled, splits.x_pool, splits.x_validation, splits.x_test)]


def test_images_become_samples_of_their_folders_class(pictures: Data) -> None:
    splits = load(pictures)
    assert splits.classes == ("day", "night") and splits.shape == (4, 6, 1)
    bright = splits.x_train[:, 1, 1, 0]
    assert np.array_equal(bright, np.where(splits.y_labelled == 0, 200, 10))
    assert sum(len(part) for part in everything(splits)) == 40


def test_images_are_resized_and_coloured(pictures: Data) -> None:
    from PIL import Image

    assert pictures.folder is not None
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 100
    for number in range(4):
        red[0, 0, 1] = number
        Image.fromarray(red).save(pictures.folder / "day" / f"red{number}.png")
    splits = load(replace(pictures, size=(2, 3), color="rgb", divide=255.0))
    assert splits.shape == (2, 3, 3) and splits.x_train.max() <= 1.0
    colours = {tuple(np.round(255 * row).astype(int)) for part in everything(splits) for row in part[:, 1, 1]}
    assert (100, 0, 0) in colours and (200, 200, 200) in colours


def test_images_are_turned_as_their_camera_says(tmp_path: Path) -> None:
    """Eight ways to hold a camera: the same picture, wide and dark at its top left."""
    Image = pytest.importorskip("PIL.Image")
    upright = np.full((4, 6, 3), 200, np.uint8)
    upright[0, 0] = 10
    held = [upright, upright[:, ::-1], upright[::-1, ::-1], upright[::-1]]
    held += [pixels.transpose(1, 0, 2) for pixels in held]
    for orientation, pixels in enumerate(held, 1):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for name in ("a", "b"):
            (tmp_path / name).mkdir(exist_ok=True)
            marked = np.where(np.arange(3) == 2, orientation + 10 * (name == "b"), pixels).astype(np.uint8)
            Image.fromarray(marked).save(tmp_path / name / f"{orientation}.png", exif=exif)
    splits = load(Data("images", folder=tmp_path, size=(4, 6), color="rgb"))
    for part in everything(splits):
        assert all(np.array_equal(x[..., :2], upright[..., :2]) for x in part)
    assert sum(len(part) for part in everything(splits)) == 16


def test_an_unlabelled_folder_joins_the_pool(pictures: Data) -> None:
    assert pictures.folder is not None
    for number in range(7):
        pgm(pictures.folder / "unlabelled" / f"u{number}.pgm", 99)
    splits = load(replace(pictures, labelled=6))
    assert len(splits.y_labelled) == 6
    assert (splits.x_pool[:, 1, 1, 0] == 99).sum() == 7 and len(splits.x_pool) > 7


def test_train_and_test_folders_stay_what_they_are(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    for part, count in (("train", 12), ("test", 3)):
        for name, value in (("cat", 50), ("dog", 150)):
            for number in range(count):
                pgm(tmp_path / part / name / f"{number}.pgm", value + (part == "test"))
    splits = load(Data("images", folder=tmp_path, size=(4, 6), color="grey"))
    assert set(splits.x_test[:, 1, 1, 0].tolist()) == {51.0, 151.0} and len(splits.x_test) == 6
    assert set(splits.x_train[:, 1, 1, 0].tolist()) == {50.0, 150.0}


def test_a_set_larger_than_memory_is_kept_in_a_file(pictures: Data, tmp_path: Path) -> None:
    folder = tmp_path / "stage"
    folder.mkdir()
    small = load(pictures)
    large = load(replace(pictures, memory=0.001), folder)
    assert not isinstance(large.x_test, np.ndarray) and large.x_test.shape == small.x_test.shape
    same = [sorted(row.tobytes() for row in part) for part in everything(small)]
    assert [sorted(row.tobytes() for row in part) for part in everything(large)] == same
    save(large, folder)
    moved = folder.rename(tmp_path / "moved")
    again = restore(moved)
    assert all(np.array_equal(a, b) for a, b in zip(everything(again), everything(large_in(large, moved)), strict=True))
    with np.load(moved / "test.npz", allow_pickle=False) as test:
        assert np.array_equal(test["x"], again.x_test[:]) and np.array_equal(test["y"], large.y_test)


def large_in(splits: Splits, folder: Path) -> Splits:
    """The splits as they are once their file lies in another folder."""

    def moved(rows: object) -> object:
        return replace(rows, parts=tuple(replace(part, path=folder / part.path.name) for part in rows.parts))  # type: ignore[attr-defined, type-var]

    names = ("x_labelled", "x_pool", "x_validation", "x_test")
    return replace(splits, **{name: moved(getattr(splits, name)) for name in names})


def broken_image(folder: Path) -> None:
    (folder / "day" / "z.png").write_bytes(b"no image at all")


def cut_image(folder: Path) -> None:
    path = folder / "day" / "a0.pgm"
    path.write_bytes(path.read_bytes()[:-4])


def other_format(folder: Path) -> None:
    """Encapsulated PostScript, for which Pillow would start an interpreter."""
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
    (folder / "day" / "z.png").write_bytes(text)


def empty_class(folder: Path) -> None:
    (folder / "dusk").mkdir()


def stray_file(folder: Path) -> None:
    (folder / "day" / "notes.txt").write_text("about the camera")


@pytest.mark.parametrize(
    ("spoil", "telling"),
    [
        (broken_image, r"day/z.png is no image that can be read"),
        (other_format, r"day/z.png is no image that can be read.*cannot identify"),
        (cut_image, r"day/a0.pgm is no image that can be read"),
        (empty_class, r"the folder 'dusk' in set has no files"),
        (stray_file, r"day/notes.txt is no file of this kind; expected .png"),
    ],
)
def test_images_that_cannot_be_used(pictures: Data, spoil: object, telling: str) -> None:
    spoil(pictures.folder)  # type: ignore[operator]
    with pytest.raises(DataError, match=telling):
        load(pictures)


def test_folders_that_cannot_be_used(pictures: Data, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        load(replace(pictures, folder=tmp_path / "nowhere"))
    with pytest.raises(DataError, match="'night', which is no class; expected day, dawn"):
        load(replace(pictures, classes=("day", "dawn")))
    with pytest.raises(DataError, match="has no folder 'dusk'"):
        load(replace(pictures, classes=("day", "night", "dusk")))
    (tmp_path / "bare").mkdir()
    with pytest.raises(DataError, match="has no classes"):
        load(replace(pictures, folder=tmp_path / "bare"))


# --- sound ----------------------------------------------------------------------------------------


def tone(number: int, pitch: float, length: int = 100) -> np.ndarray:
    noise = np.random.default_rng((number, int(10 * pitch))).normal(0, 50, length)
    return np.round(1000 * np.sin(np.arange(length) * pitch) + noise).astype(int)


@pytest.fixture
def words(tmp_path: Path) -> Data:
    for number in range(20):
        wav(tmp_path / "set" / "low" / f"s{number % 5}_{number}.wav", tone(number, 0.1))
        wav(tmp_path / "set" / "high" / f"s{number % 5}_{number}.wav", tone(number, 0.9))
    return Data("wav", folder=tmp_path / "set", rate=RATE)


def test_wav_files_become_samples(words: Data) -> None:
    splits = load(words)
    assert splits.shape == (100, 1, 1) and splits.classes == ("high", "low")
    known = {tuple(tone(number, pitch).tolist()) for number in range(20) for pitch in (0.1, 0.9)}
    assert {tuple(row.reshape(-1).astype(int).tolist()) for part in everything(splits) for row in part} == known


def test_one_speaker_is_never_in_two_splits(words: Data) -> None:
    splits = load(replace(words, group=r"^(s\d)_", validation=0.2, test=0.2))
    speaker = {
        tone(number, pitch).astype(np.float32).tobytes(): number % 5 for number in range(20) for pitch in (0.1, 0.9)
    }
    train, validation, test = (
        {speaker[row.tobytes()] for row in np.asarray(x[:])}
        for x in (splits.x_train, splits.x_validation, splits.x_test)
    )
    assert len(train) + len(validation) + len(test) == 5


def test_clips_of_one_file_stay_together(words: Data) -> None:
    splits = load(replace(words, clip=0.04, overlap=0.5, validation=0.2, test=0.2))
    assert splits.shape == (40, 1, 1)
    assert sum(len(part) for part in everything(splits)) == 40 * 4
    assert splits.warnings == ()
    file_of = {
        tone(n, pitch)[at : at + 40].astype(np.float32).tobytes(): (n, pitch)
        for n in range(20)
        for pitch in (0.1, 0.9)
        for at in range(0, 61, 20)
    }
    test = {file_of[row.tobytes()] for row in np.asarray(splits.x_test[:])}
    assert not test & {file_of[row.tobytes()] for row in np.asarray(splits.x_train[:])}


@given(st.integers(1, 200), st.integers(1, 80), st.floats(0, 0.95))
def test_clips_lie_in_order_and_fill_up(length: int, clip: int, overlap: float) -> None:
    values = np.arange(1, length + 1)
    clips = cut(values, clip, overlap)
    assert all(len(part) == clip for part in clips)
    assert clips[0][0] == 1 and (length >= clip or (clips[0][length:] == 0).all())
    step = max(1, clip - round(overlap * clip))
    assert len(clips) == max(1, (length - clip) // step + 1)


@pytest.mark.parametrize(
    ("width", "values", "steps"),
    [
        (1, [0, 128, 255], [-32768, 0, 32512]),
        (2, [-32768, 0, 32767], [-32768, 0, 32767]),
        (3, [-8388608, 1, 8388607], [-32768, 1 / 256, 8388607 / 256]),
    ],
)
def test_all_widths_are_in_steps_of_16_bits(tmp_path: Path, width: int, values: list[int], steps: list[float]) -> None:
    wav(tmp_path / "a.wav", np.array(values), width=width)
    assert read_wav(tmp_path / "a.wav", RATE).tolist() == steps


def test_an_extensible_header_is_read(tmp_path: Path) -> None:
    """As many recorders write 24 bits: the format's tag says "see below", and below stands PCM."""
    data = b"".join(int(value).to_bytes(3, "little", signed=True) for value in (256, -512, 7))
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 1, RATE, 3 * RATE, 3, 24, 22, 24, 4) + guid
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data)) + data + b"\0"
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    assert read_wav(tmp_path / "a.wav", RATE).tolist() == [1.0, -2.0, 7 / 256]


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-51])


def floats(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:20] + struct.pack("<H", 3) + data[22:])


@pytest.mark.parametrize(
    ("spoil", "telling"),
    [
        (lambda path: wav(path, tone(0, 1.0), rate=1001), "another rate; expected 1000 samples a second.*found 1001"),
        (lambda path: wav(path, tone(0, 1.0), channels=2), "one channel of 8, 16 or 24 bits, found 2 channels"),
        (lambda path: wav(path, tone(0, 1.0), width=4), "found 1 channels of 32 bits"),
        (lambda path: wav(path, tone(0, 1.0, 99)), "another length than s0_0.wav; expected 100 samples, found 99"),
        (lambda path: wav(path, np.zeros(0)), "is empty"),
        (lambda path: path.write_bytes(b"RIFF"), "no WAV file that can be read"),
        (lambda path: path.write_bytes(b""), "no WAV file that can be read"),
        (floats, "no WAV file that can be read"),
        (truncated, "ends too early"),
    ],
)
def test_sound_that_cannot_be_used(words: Data, spoil: object, telling: str) -> None:
    assert words.folder is not None
    spoil(words.folder / "low" / "s1_1.wav")  # type: ignore[operator]
    with pytest.raises(DataError, match=telling):
        load(words)


@pytest.mark.parametrize(("group", "telling"), [("(", "no regular"), ("s", "one pair"), (r"(x\d)", "has no group")])
def test_patterns_that_find_no_group(words: Data, group: str, telling: str) -> None:
    with pytest.raises(DataError, match=telling):
        load(replace(words, group=group))
