"""Writes a small recommendation model as ONNX: wide and deep, with embeddings, and weights that are always the same.

    python make_model.py model.onnx

Inputs: `dense` FP32 [batch, 13], and `ids` INT64 [batch, 8], one of a thousand categories for each of eight features.
Output: `score` FP32 [batch, 1].
"""

from __future__ import annotations

import sys

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

DENSE, FEATURES, CATEGORIES, WIDTH = 13, 8, 1000, 16
HIDDEN = (64, 32)


def weights() -> dict[str, np.ndarray]:
    """Return the parameters by name."""
    random = np.random.default_rng(7)

    def drawn(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) / np.sqrt(shape[0] if len(shape) > 1 else 10)).astype(np.float32)

    inputs = FEATURES * WIDTH + DENSE
    return {
        "embeddings": drawn(FEATURES * CATEGORIES, WIDTH) * np.float32(50),
        "wide": drawn(FEATURES * CATEGORIES, 1) * np.float32(20),
        "offset": np.arange(FEATURES, dtype=np.int64) * CATEGORIES,
        "flat": np.array([-1, FEATURES * WIDTH], dtype=np.int64),
        "features": np.array([1], dtype=np.int64),
        "w1": drawn(inputs, HIDDEN[0]),
        "b1": drawn(HIDDEN[0]),
        "w2": drawn(HIDDEN[0], HIDDEN[1]),
        "b2": drawn(HIDDEN[1]),
        "w3": drawn(HIDDEN[1], 1),
    }


def model() -> object:
    """Return the model: each category's row of the tables, two dense layers, and the wide part added at the end."""
    node = helper.make_node
    nodes = [
        node("Add", ["ids", "offset"], ["row"]),
        node("Gather", ["embeddings", "row"], ["embedded"]),
        node("Reshape", ["embedded", "flat"], ["deep_ids"]),
        node("Concat", ["deep_ids", "dense"], ["deep_0"], axis=1),
        node("Gemm", ["deep_0", "w1", "b1"], ["deep_1"]),
        node("Relu", ["deep_1"], ["deep_1_relu"]),
        node("Gemm", ["deep_1_relu", "w2", "b2"], ["deep_2"]),
        node("Relu", ["deep_2"], ["deep_2_relu"]),
        node("MatMul", ["deep_2_relu", "w3"], ["deep"]),
        node("Gather", ["wide", "row"], ["wide_each"]),
        node("ReduceSum", ["wide_each", "features"], ["wide_sum"], keepdims=0),
        node("Add", ["deep", "wide_sum"], ["logit"]),
        node("Sigmoid", ["logit"], ["score"]),
    ]
    inputs = [
        helper.make_tensor_value_info("dense", TensorProto.FLOAT, ["batch", DENSE]),
        helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", FEATURES]),
    ]
    outputs = [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch", 1])]
    parameters = [numpy_helper.from_array(value, name) for name, value in weights().items()]
    graph = helper.make_graph(nodes, "wide_and_deep", inputs, outputs, parameters)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(made)
    return made


if __name__ == "__main__":
    save(model(), sys.argv[1])
