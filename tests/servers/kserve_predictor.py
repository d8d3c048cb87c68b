"""A predictor behind the real KServe runtime: V1, V2 and V2 over gRPC.

The runtime is KServe's own; only the model is made up: it doubles numbers and says texts twice, so that tests know what
to expect.

usage: kserve_predictor.py --port PORT --grpc-port PORT --model NAME
"""

import argparse

import numpy
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.errors import InvalidInput


class Doubler(Model):
    """Doubles what it is given."""

    def __init__(self, name: str):
        super().__init__(name)
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        if isinstance(payload, InferRequest):
            return self.infer(payload)
        instances = payload.get("instances")
        if not isinstance(instances, list):
            raise InvalidInput('Expected "instances" to be a list')
        return {"predictions": [instance * 2 for instance in instances]}

    def infer(self, request: InferRequest) -> InferResponse:
        outputs = []
        for tensor in request.inputs:
            values = tensor.as_numpy()
            if tensor.datatype == "BYTES":
                text = [value.decode() if isinstance(value, bytes) else value for value in values.flatten()]
                doubled = numpy.array([word * 2 for word in text], dtype=object).reshape(values.shape)
            else:
                doubled = values * 2
            output = InferOutput(f"{tensor.name}-doubled", list(doubled.shape), tensor.datatype)
            output.set_data_from_numpy(doubled, binary_data=request.use_binary_outputs)
            outputs.append(output)
        return InferResponse(
            response_id=request.id,
            model_name=self.name,
            infer_outputs=outputs,
            use_binary_outputs=request.use_binary_outputs,
        )

    async def explain(self, payload, headers=None):
        return {"explanations": ["it was doubled" for _ in payload["instances"]]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--grpc-port", type=int, required=True)
    parser.add_argument("--model", required=True)
    args = parser.parse_args()
    server = ModelServer(http_port=args.port, grpc_port=args.grpc_port, workers=1, enable_docs_url=False)
    server.start([Doubler(args.model)])
