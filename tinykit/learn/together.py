"""Training on all GPUs of a machine, or on several machines at once, by tf.distribute.

Everybody runs the same stages and holds the same weights: only the samples of each step are divided among them, and
their gradients added. So every worker ends with the same model, and the first one (the chief) takes it to the board.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tinykit.errors import RecipeError, ToolFailed
from tinykit.learn.backend import quiet_stderr, tensorflow

_EXAMPLE = '{"cluster": {"worker": ["HOST1:PORT", "HOST2:PORT"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Together:
    """Who trains: `strategy` of tf.distribute, None alone; `worker` of `workers`, the first is 0."""

    strategy: Any = None
    worker: int = 0
    workers: int = 1

    @property
    def described(self) -> tuple[str, int]:
        """What of it changes results in their last bits: the strategy's kind, and how many share a step."""
        if self.strategy is None:
            return "alone", 1
        return type(self.strategy).__name__, int(self.strategy.num_replicas_in_sync)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Models that are made and trained in the block belong to everybody.

        Raises: ToolFailed where another worker is gone.
        """
        if self.strategy is None:
            yield
            return
        errors = tensorflow().errors
        try:
            with self.strategy.scope():
                yield
        except (errors.UnavailableError, errors.AbortedError, errors.DeadlineExceededError, errors.CancelledError) as e:
            raise _gone(e) from e

    def require_shares(self, batches: Mapping[str, int]) -> None:
        """Every step's samples can be divided equally. Raises: RecipeError naming the [section] whose batch cannot."""
        replicas = self.described[1]
        for section, batch in batches.items():
            if batch % replicas:
                raise RecipeError(
                    f"the batch of [{section}] cannot be shared equally",
                    expected=f"a multiple of {replicas}, the devices that train",
                    found=batch,
                )

    def agree(self, name: str, key: str, kept: bool) -> bool:
        """Whether every worker has kept the stage `name`: else all of them run it again.

        Raises: ToolFailed where their keys differ: another recipe, other data, code or libraries.
        """
        if self.workers == 1:
            return kept
        tf, number = tensorflow(), float(int(key[:12], 16))

        def share() -> Any:
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.constant([float(kept), number], tf.float64))

        with self.scope():
            found = self.strategy.experimental_local_results(self.strategy.run(share))[0].numpy()
        replicas = self.strategy.num_replicas_in_sync
        if found[1] != number * replicas:
            raise ToolFailed(
                f"the workers do not agree on the stage {name!r}",
                expected="the same recipe, data, version of tinykit and libraries on each",
                next_step="Make them equal and start all of them again",
                page="workers",
            )
        return bool(found[0] == replicas)


ALONE = Together()
"""One process, one device."""


def together(strategy: str | None, *, quiet: bool = False) -> Together:
    """Who trains by a recipe's [train] strategy. Asked before anything else that needs tensorflow.

    Raises: RecipeError for a TF_CONFIG that cannot be used; ToolFailed where the other workers do not answer.
    """
    if strategy is None:
        return ALONE
    if strategy == "mirrored":
        return Together(tensorflow(gpus=True).distribute.MirroredStrategy())
    worker, hosts = _place()
    tf = tensorflow(gpus=True)
    if not quiet:
        others = ", ".join(host for index, host in enumerate(hosts) if index != worker)
        print(f"Worker {worker} of {len(hosts)} waits for {others or 'nobody'}.", file=sys.stderr)
    try:
        with quiet_stderr():
            found = tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        raise _gone(error) from error
    return Together(found, worker, len(hosts))


def _place() -> tuple[int, list[str]]:
    """This worker's index and all workers' addresses, from TF_CONFIG."""
    try:
        config = json.loads(os.environ["TF_CONFIG"])
        hosts, task = config["cluster"]["worker"], config["task"]
        index = int(task["index"])
        if task["type"] == "worker" and set(config["cluster"]) == {"worker"} and 0 <= index < len(hosts):
            return index, [str(host) for host in hosts]
        found = f"task {task}"
    except (KeyError, ValueError, TypeError) as error:
        found = "no TF_CONFIG" if "TF_CONFIG" not in os.environ else f"{type(error).__name__}: {error}"
    raise RecipeError(
        'the strategy "multi_worker" needs to know the workers',
        expected=f"TF_CONFIG={_EXAMPLE}, with its own index for each",
        found=found,
        next_step="Set it and start the same command on every machine",
        page="workers",
    )


def _gone(error: Exception) -> ToolFailed:
    return ToolFailed(
        "a worker of TF_CONFIG does not answer",
        found=type(error).__name__,
        next_step="Start all of them again: finished stages are kept",
        page="workers",
    )
