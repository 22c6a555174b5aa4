"""The judge answers as TFLM does, and survives models that TFLM does not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.elementwise import unary
from tests.support.models import ModelBuilder, add, conv_2d, fully_connected, single, softmax
from tinykit.errors import DataError, ModelError, ToolFailed, ToolMissing
from tinykit.validate import judge as judge_module
from tinykit.validate.judge import Judge, judge_version


@pytest.mark.shared
def test_kws01_scores_901_of_1000(shared):
    model = (shared / "models" / "kws01_int8.tflite").read_bytes()
    test = np.load(shared / "models" / "kws01_test.npz", allow_pickle=False)
    with Judge(model) as judge:
        outputs = judge.run_many(test["x"])
    assert outputs.shape == (1000, 1, 12)
    assert int((outputs[:, 0].argmax(-1) == test["y"]).sum()) == 901


def test_single_and_batched_vectors_agree():
    model = single(conv_2d, (1, 5, 5, 2), filters=3)
    batch = np.random.default_rng(0).integers(-128, 128, (130, 1, 5, 5, 2)).astype(np.int8)
    with Judge(model) as judge:
        assert [(p.shape, p.dtype) for p in judge.inputs] == [((1, 5, 5, 2), "int8")]
        many = judge.run_many(batch)
        assert many.shape == (130, 1, 5, 5, 3)
        for i in (0, 63, 64, 129):
            np.testing.assert_array_equal(judge.run([batch[i]])[0], many[i])


def test_intermediate_tensors_include_the_outputs():
    builder = ModelBuilder()
    x = builder.input((1, 4, 4, 2))
    hidden = conv_2d(builder, x)
    logits = fully_connected(builder, hidden, units=3)
    output = softmax(builder, logits)
    vector = np.random.default_rng(1).integers(-128, 128, x.shape).astype(np.int8)
    with Judge(builder.finish([output])) as judge:
        values = judge.tensors([vector])
        assert set(values) == {hidden.index, logits.index, output.index}
        assert values[hidden.index].shape == hidden.shape
        assert np.unique(values[hidden.index]).size > 10
        np.testing.assert_array_equal(values[output.index], judge.run([vector])[0])


def test_several_inputs_and_outputs():
    builder = ModelBuilder()
    a = builder.input((1, 3, 4))
    b = builder.input((1, 1, 4), scale=0.1)
    total = add(builder, a, b)
    model = builder.finish([total, softmax(builder, total)])
    rng = np.random.default_rng(2)
    inputs = [rng.integers(-128, 128, v.shape).astype(np.int8) for v in (a, b)]
    with Judge(model) as judge:
        outputs = judge.run(inputs)
        assert [o.shape for o in outputs] == [(1, 3, 4), (1, 3, 4)]
        with pytest.raises(DataError, match="several outputs"):
            judge.run_many(inputs[0][np.newaxis])
        with pytest.raises(DataError, match="number of model inputs"):
            judge.run(inputs[:1])


@pytest.mark.parametrize(
    "batch, message",
    [
        (np.zeros((2, 1, 5), np.int8), "another shape"),
        (np.zeros((2, 1, 4), np.float32), "another type"),
        (np.zeros((0, 1, 4), np.int8), "at least one"),
    ],
)
def test_inputs_that_do_not_fit(batch, message):
    with Judge(single(softmax, (1, 4))) as judge, pytest.raises(DataError, match=message):
        judge.run_many(batch)


def test_a_refusal_carries_tflms_own_message():
    builder = ModelBuilder()
    x = builder.input((1, 4))
    wrong = builder.operator("SOFTMAX", [x], (1, 4), 0.5, 0, beta=1.0)  # the output scale must be 1/256
    with pytest.raises(ModelError, match=r"TFLM refuses the model: .*(softmax|1\.f|SOFTMAX)"):
        Judge(builder.finish([wrong]))


@pytest.mark.parametrize("data", [b"", b"no model", b"<html>" * 100, bytes(4096)])
def test_rubbish_is_a_model_error(data):
    with pytest.raises(ModelError, match="TFLM"):
        Judge(data)


def test_truncated_models_never_take_the_caller_down():
    model = single(conv_2d, (1, 5, 5, 2))
    for length in range(0, len(model), 400):
        try:
            Judge(model[:length]).close()
        except ModelError as error:
            assert "TFLM" in str(error)


def test_a_worker_that_is_too_slow_is_ended():
    with pytest.raises(ToolFailed, match="did not answer within"):
        Judge(single(softmax, (1, 4)), timeout=0.001)


def test_a_closed_judge_says_so():
    with Judge(single(softmax, (1, 4))) as judge:
        pass
    with pytest.raises(ToolFailed, match="closed"):
        judge.run([np.zeros((1, 4), np.int8)])


def test_without_the_package_the_install_command_is_told(monkeypatch):
    monkeypatch.setattr(judge_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match=r'pip install "tinykit\[verify\]"'):
        Judge(b"")
    with pytest.raises(ToolMissing, match="Linux on x86-64"):
        judge_version()


@pytest.mark.train
@pytest.mark.parametrize("op", ["GELU", "LOG"])
def test_reference_kernels_judge_what_tflm_lacks(op):
    attributes = {"approximate": True} if op == "GELU" else {}
    model = single(unary, (1, 256), op=op, scale=0.05, zero_point=-3, **attributes)
    vector = np.arange(-128, 128).astype(np.int8).reshape(1, 256)
    with Judge(model) as judge:
        assert judge.name.startswith("tensorflow 2.19")
        (output,) = judge.run([vector])
        (value,) = judge.tensors([vector]).values()
        np.testing.assert_array_equal(output, value)
        assert np.unique(output).size > 20


def test_without_tensorflow_says_what_would_judge(monkeypatch):
    find = judge_module.importlib.util.find_spec
    monkeypatch.setattr(judge_module.importlib.util, "find_spec", lambda n: None if n == "tensorflow" else find(n))
    with pytest.raises(ToolMissing, match=r"tensorflow 2\.19"):
        Judge(single(unary, (1, 4), op="GELU", approximate=True))
    with Judge(single(softmax, (1, 4))) as judge:
        assert judge.name == f"tflite-micro {judge_version()}"
