"""The model under Triton: its backend for Python runs ONNX Runtime."""

from __future__ import annotations

import os
import sys
from typing import Any

# Triton's Python looks neither at PYTHONPATH nor into virtual environments.
sys.path.insert(0, os.environ["SITE_PACKAGES"])

import onnxruntime
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """What Triton looks for; the model is where MODEL_FILE says."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(os.environ["MODEL_FILE"], options)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer requests, one by one."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        inputs = {name: pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in ("dense", "ids")}
        (score,) = self._session.run(["score"], inputs)
        return pb_utils.InferenceResponse([pb_utils.Tensor("score", score)])
