"""Runs to render: realistic in shape, invented in their figures, the same at every call."""

from __future__ import annotations

import math
from typing import Any

Json = dict[str, Any]

STEPS = [
    ("student/conv1/Relu;student/conv1/BiasAdd", "CONV_2D", "conv_3x3", 9216, 24110, 224),
    ("student/dw2/Relu", "DEPTHWISE_CONV_2D", "depthwise_3x3", 9216, 41500, 224),
    ("student/pw3/Relu", "CONV_2D", "conv_1x1", 32768, 60871, 672),
    ("student/pool4/MaxPool", "MAX_POOL_2D", "max_pool", 0, 6210, 0),
    ("student/dw5/Relu", "DEPTHWISE_CONV_2D", "depthwise_3x3", 4608, 21033, 448),
    ("student/pw6/Relu", "CONV_2D", "conv_1x1", 16384, 30441, 1280),
    ("student/mean7/Mean", "MEAN", "mean_hw", 0, 2980, 0),
    ("student/dense8/Relu", "FULLY_CONNECTED", "fully_connected", 1024, 2701, 1280),
    ("student/logits/MatMul;student/logits/BiasAdd", "FULLY_CONNECTED", "fully_connected", 320, 911, 440),
    ("student/softmax", "SOFTMAX", "softmax", 0, 4120, 1024),
]
BUFFERS = [
    ("serving_default_image:0", 1024, 64, 0, 0),
    ("student/conv1/Relu", 0, 1024, 0, 1),
    ("student/dw2/Relu", 2048, 1024, 1, 2),
    ("scratch", 1024, 144, 1, 1),
    ("student/pw3/Relu", 0, 2048, 2, 3),
    ("student/pool4/MaxPool", 2048, 512, 3, 4),
    ("student/dw5/Relu", 0, 512, 4, 5),
    ("student/pw6/Relu", 512, 512, 5, 6),
    ("student/mean7/Mean", 0, 32, 6, 7),
    ("student/dense8/Relu", 32, 32, 7, 8),
    ("student/logits/MatMul", 0, 10, 8, 9),
    ("StatefulPartitionedCall:0", 64, 10, 9, 9),
]


BOUGHT = {
    "measured": True,
    "before": {"flash": 21895, "ram": 3560, "instructions": 231904},
    "after": {"flash": 12506, "ram": 3492, "instructions": 195289},
}


def history(epochs: int, start: float, end: float) -> list[Json]:
    """A smooth training curve with a little waver."""
    waver = [0.006 * math.sin(2.1 * e) for e in range(epochs)]
    return [
        {
            "epoch": e + 1,
            "loss": 2.2 * math.exp(-5 * e / epochs) + 0.05,
            "validation": min(1.0, end - (end - start) * math.exp(-6 * e / epochs) + waver[e]),
        }
        for e in range(epochs)
    ]


def confusion(classes: int, samples: int, wrong: int) -> list[list[int]]:
    """A matrix with `wrong` confusions spread by a fixed pattern."""
    rows = [[0] * classes for _ in range(classes)]
    for i in range(samples):
        rows[i % classes][i % classes] += 1
    for i in range(wrong):
        true, taken = (i * 7 + 3) % classes, (i * 3 + 1) % classes
        if true != taken:
            rows[true][true] -= 1
            rows[true][taken] += 1
    return rows


def bench() -> Json:
    """The JSON of `tinykit bench`."""
    return {
        "board": "mps2-an386",
        "target": "cortex-m4",
        "engine": "aot",
        "emulated": True,
        "bit_exact": True,
        "instructions": sum(s[4] for s in STEPS) + 412,
        "macs": sum(s[3] for s in STEPS),
        "flash": {"weights": 5592, "code": 6914, "total": 12506, "firmware": 4380},
        "ram": {"arena": 3072, "static": 8, "stack": 412, "total": 3492, "firmware": 1184},
        "layers": [{"name": n, "op": o, "macs": m, "instructions": i, "kernel": k} for n, o, k, m, i, _ in STEPS],
    }


def full_run() -> Json:
    """A whole run of the digits recipe."""
    stages = [
        ("teacher", 0.9861, 0.9889, 134218, 536872, None, 38.2, history(40, 0.35, 0.989)),
        ("control", 0.8528, 0.8611, 5450, 21800, None, 9.4, history(60, 0.2, 0.86)),
        ("distilled", 0.9583, 0.9611, 5450, 21800, None, 14.1, history(60, 0.25, 0.96)),
        ("pruned", 0.9528, 0.9556, 5450, 21800, 0.75, 16.8, history(30, 0.7, 0.955)),
        ("int8", 0.9500, 0.9556, 5450, 9872, 0.75, 2.3, []),
        ("board", 0.9500, None, None, None, None, 1.9, []),
    ]
    errors = [
        {"name": n, "op": o, "error": 0.02 + k / 500, "own": 0.01 / (k + 1), "clipped": k / 1e4, "used": 0.9}
        for k, (n, o, *_) in enumerate(STEPS)
    ]
    errors[0]["advice"] = "a few values stretch its range"
    learned: dict[str, Json] = {"pruned": {"bought": BOUGHT}, "int8": {"errors": errors}}
    return {
        "recipe": "digits",
        "title": "Digits: a large teacher, a small student, a Cortex-M4",
        "board": "mps2-an386",
        "target": "cortex-m4",
        "created": "2026-11-20T08:00:00Z",
        "labels": [str(i) for i in range(10)],
        "seeds": [1, 2, 3],
        "stages": [
            {
                "name": name,
                "title": None,
                "accuracy": {"validation": validation, "test": test},
                "parameters": parameters,
                "bytes": size,
                "sparsity": sparsity,
                "seconds": seconds,
                "cached": name == "teacher",
                "note": "trained on 100 labels and the teacher's answers for the pool" if name == "distilled" else None,
                "history": epochs,
                **learned.get(name, {}),
            }
            for name, test, validation, parameters, size, sparsity, seconds, epochs in stages
        ],
        "distillation": {
            "control": [0.8528, 0.8444, 0.8694],
            "distilled": [0.9583, 0.9528, 0.9639],
            "margin_mean": 0.1028,
            "margin_spread": 0.0072,
            "sentence": None,
        },
        "confusion": {
            "teacher": confusion(10, 360, 5),
            "student": confusion(10, 360, 15),
            "board": confusion(10, 360, 18),
        },
        "bench": bench(),
        "validate": {
            "samples": 360,
            "accuracy": 0.95,
            "accuracy_tflm": 0.95,
            "mismatched_bytes": 0,
            "mismatched_samples": 0,
            "first_divergent_layer": None,
            "instructions": {"min": 195260, "mean": 195289, "max": 195300},
            "model_sha256": "3f" * 32,
            "board": "mps2-an386",
            "port": "/dev/pts/5",
            "emulated": True,
            "seconds": 1.9,
        },
        "plan": {
            "arena_bytes": 3072,
            "lower_bound": 3072,
            "steps": [
                {"name": n, "op": o, "kernel": k, "macs": m, "instructions": i + 90, "weight_bytes": w}
                for n, o, k, m, i, w in STEPS
            ],
            "buffers": [
                {"tensor": t, "offset": o, "size": s, "first": f, "last": last} for t, o, s, f, last in BUFFERS
            ],
        },
        "provenance": {
            "versions": {
                "tinykit": "0.1.0",
                "python": "3.11.2",
                "tensorflow": "2.19.1",
                "gcc": "12.2.1",
                "qemu": "7.2",
            },
            "hashes": {"model.tflite": "3f" * 32, "data": "a7" * 32, "firmware.elf": "0c" * 32},
            "commands": ["tinykit run examples/digits/recipe.toml", "tinykit report build/digits"],
        },
        "verdict": {"passed": True, "reasons": []},
    }


def failed_run() -> Json:
    """The same run with a firmware whose answers differ."""
    run = full_run()
    run["verdict"] = {
        "passed": False,
        "reasons": [
            "42 bytes differ between the board and TFLM; 0 are allowed",
            "test accuracy 91.4 % is below 94.0 %",
        ],
    }
    run["stages"][-1]["accuracy"]["test"] = 0.914
    run["validate"] |= {
        "mismatched_bytes": 42,
        "mismatched_samples": 9,
        "accuracy": 0.914,
        "first_divergent_layer": {
            "layer": "student/pw3/Relu",
            "op": "CONV_2D",
            "kernel": "conv_1x1",
            "index": [0, 2, 3, 7],
            "board": -12,
            "tflm": 17,
        },
    }
    return run


def bench_only_run() -> Json:
    """A model that came without training: `bench` and the plan alone."""
    run = full_run()
    return {"title": "kws01_int8.tflite", "bench": run["bench"], "plan": run["plan"]}


def wide_run(classes: int = 35, steps: int = 64) -> Json:
    """Many classes with long names, many layers."""
    run = full_run()
    run["labels"] = [f"class number {i}" for i in range(classes)]
    run["confusion"] = {
        "teacher": confusion(classes, 1000, 90),
        "student": None,
        "board": confusion(classes, 1000, 130),
    }
    name = (
        "model/a_rather_long_block_name_{}/depthwise_conv2d/Relu6;model/a_rather_long_block_name_{}/bn/FusedBatchNormV3"
    )
    run["plan"]["steps"] = [
        {"name": name.format(i, i), "op": "CONV_2D", "kernel": "conv_1x1", "macs": 1000 * i, "instructions": 2500 * i}
        for i in range(steps)
    ]
    run["plan"]["buffers"] = [
        {"tensor": name.format(i, i), "offset": 1024 * (i % 2), "size": 1024, "first": max(0, i - 1), "last": i}
        for i in range(steps)
    ]
    run["bench"]["layers"] = [dict(step) for step in run["plan"]["steps"]]
    return run
