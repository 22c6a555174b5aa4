"""Answered samples of a validation, kept on disk as they come: an unplugged board costs only the time it is gone.

One line of JSON says what is being validated, then one line a sample. A line that was cut off is dropped.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tinykit.errors import OutputError
from tinykit.files import write_error
from tinykit.link.device import Inference
from tinykit.link.hello import Hello
from tinykit.validate.samples import Samples


def identity(hello: Hello, samples: Samples) -> dict[str, Any]:
    """What must be the same for any answer to be of use again; which sample it is to, each answer says itself."""
    return {"format": 1, "device": asdict(hello), "shape": list(samples.x.shape[1:]), "dtype": str(samples.x.dtype)}


class Checkpoint:
    """The file at `path`; use as a context manager. `answers` by sample number are what an earlier run got.

    Answers of another device, model or sample are dropped. Without a path nothing is kept.
    """

    def __init__(self, path: Path | None, hello: Hello, samples: Samples) -> None:
        """Raises: OutputError, DiskFull."""
        self.path = path
        self._samples = samples
        self._stream: IO[str] | None = None
        head = json.dumps(identity(hello, samples))
        self.answers = self._read(head)
        if path is not None:
            self._start(path, head)

    def _start(self, path: Path, head: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("w", encoding="utf-8")
        except OSError as error:
            raise write_error(path, error) from error
        self._line(head)
        for number, answer in self.answers.items():
            self._record(number, answer)

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._stream is not None:
            self._stream.close()

    def add(self, number: int, answer: Inference) -> None:
        """Keep the answer to sample `number`. Raises: DiskFull, OutputError."""
        if self._stream is not None:
            self.answers[number] = answer
            self._record(number, answer)

    def finish(self) -> None:
        """All samples are answered: the next validation starts anew. Raises: OutputError."""
        if self._stream is None or self.path is None:
            return
        self._stream.close()
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"cannot remove {self.path}", found=error.strerror) from error

    def _record(self, number: int, answer: Inference) -> None:
        outputs = [raw.hex() for raw in answer.outputs]
        self._line(json.dumps([number, self._digest(number), outputs, answer.ticks]))

    def _line(self, text: str) -> None:
        if self._stream is None or self.path is None:
            return
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except OSError as error:
            raise write_error(self.path, error) from error

    def _digest(self, number: int) -> str:
        """Of a sample with its label: an answer to another one is none to this."""
        label = int(self._samples.y[number]).to_bytes(8, "little", signed=True)
        return hashlib.sha256(self._samples.x[number].tobytes() + label).hexdigest()[:16]

    def _read(self, head: str) -> dict[int, Inference]:
        if self.path is None:
            return {}
        try:
            first, *lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
        except OSError:
            return {}
        if first != head:
            return {}
        answers = {}
        for line in lines:
            try:
                number, digest, outputs, ticks = json.loads(line)
                if 0 <= number < len(self._samples) and digest == self._digest(number):
                    answers[number] = Inference([bytes.fromhex(raw) for raw in outputs], int(ticks))
            except (ValueError, TypeError):
                break
        return answers
