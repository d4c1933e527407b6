"""The model under KServe: a predictor of one's own that runs ONNX Runtime.

python kserve_model.py MODEL_FILE --http_port=8080 --grpc_port=8081
"""

from __future__ import annotations

import sys
from typing import Any

import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class OnnxModel(Model):
    """One model, loaded from its file."""

    def __init__(self, file: str) -> None:
        super().__init__("wide_and_deep")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(file, options)
        self.ready = True

    async def predict(self, payload: InferRequest, headers: Any = None, response_headers: Any = None) -> InferResponse:
        """Answer one request."""
        (score,) = self._session.run(["score"], {each.name: each.as_numpy() for each in payload.inputs})
        output = InferOutput("score", list(score.shape), "FP32")
        output.set_data_from_numpy(score, binary_data=bool(payload.use_binary_outputs))
        return InferResponse(payload.id, self.name, [output], use_binary_outputs=payload.use_binary_outputs)


if __name__ == "__main__":
    model = OnnxModel(sys.argv.pop(1))
    ModelServer(workers=1, enable_docs_url=False).start([model])
