"""What KServe's own gRPC client gets from a server: run with KServe's Python, told as JSON on stdout.

Each answer stands under the name of the function that asked for it; a status of gRPC that the client raises under the same
name, as `{"code": …, "message": …}`.

usage: kserve_grpc_clients.py HOST:PORT KEY MODEL
"""

import asyncio
import json
import logging
import sys

import grpc
import numpy
from kserve import InferenceGRPCClient, InferInput, InferRequest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as stubs


class Asked:
    def __init__(self, address, key, model):
        self.address, self.model = address, model
        self.headers = (("authorization", f"Bearer {key}"),)
        self.client = InferenceGRPCClient(url=address, timeout=20, retries=0)

    async def is_server_live(self):
        return await self.client.is_server_live(headers=self.headers)

    async def is_server_ready(self):
        return await self.client.is_server_ready(headers=self.headers)

    async def is_model_ready(self):
        return await self.client.is_model_ready(self.model, headers=self.headers)

    async def doubled(self, values, datatype, *, raw, model=None, timeout=20):
        tensor = InferInput("x", list(values.shape), datatype)
        tensor.set_data_from_numpy(values, binary_data=raw)
        request = InferRequest(model or self.model, [tensor], request_id="7")
        answer = await self.client.infer(request, headers=self.headers, timeout=timeout)
        output = answer.outputs[0]
        values = output.as_numpy().flatten().tolist()
        values = [value.decode() if isinstance(value, bytes) else value for value in values]
        return {"id": answer.id, "name": output.name, "count": len(values), "doubled": values[:4]}

    async def infer(self):
        return await self.doubled(numpy.array([1.5, -2.0], dtype=numpy.float32), "FP32", raw=False)

    async def infer_raw(self):
        return await self.doubled(numpy.array([[1, 2], [3, 4]], dtype=numpy.int64), "INT64", raw=True)

    async def infer_text(self):
        return await self.doubled(numpy.array(["Grüße ", "weir"], dtype=object), "BYTES", raw=False)

    async def infer_large(self):
        return await self.doubled(numpy.ones(500_000, dtype=numpy.float32), "FP32", raw=True)

    async def bad_input(self):
        # Two tensors are announced, and the contents of one come.
        tensors = [pb.ModelInferRequest.InferInputTensor(name=name, datatype="FP32", shape=[1]) for name in "xy"]
        request = pb.ModelInferRequest(model_name=self.model, inputs=tensors, raw_input_contents=[b"1234"])
        return await self.stub("ModelInfer", request)

    async def unknown_model(self):
        return await self.doubled(numpy.ones(1, dtype=numpy.float32), "FP32", raw=False, model="nobody")

    async def load(self):
        return await self.stub("RepositoryModelLoad", pb.RepositoryModelLoadRequest(model_name=self.model))

    async def metadata(self):
        return (await self.stub("ModelMetadata", pb.ModelMetadataRequest(name=self.model))).name

    async def server_metadata(self):
        return (await self.stub("ServerMetadata", pb.ServerMetadataRequest())).name

    async def without_key(self):
        return await self.stub("ServerLive", pb.ServerLiveRequest(), headers=())

    async def wrong_key(self):
        return await self.stub("ServerLive", pb.ServerLiveRequest(), headers=(("x-api-key", "sk-wrong"),))

    async def key_in_another_place(self):
        (_, bearer), = self.headers
        answer = await self.stub("ServerLive", pb.ServerLiveRequest(), headers=(("x-api-key", bearer.removeprefix("Bearer ")),))
        return answer.live

    async def health(self):
        return await self.method("/grpc.health.v1.Health/Check", b"")

    async def health_of_model(self):
        name = self.model.encode()
        return await self.method("/grpc.health.v1.Health/Check", b"\x0a" + bytes([len(name)]) + name)

    async def reflection(self):
        return await self.method("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", b"")

    async def stream(self):
        # Not over grpc.aio: where a server ends a call before all that was sent is written, whichever server that is, it
        # tells now and then of an error of its own in the place of the status.
        return await asyncio.to_thread(self.streamed, iter([b"\x0a\x01m"]))

    def streamed(self, messages):
        with grpc.insecure_channel(self.address) as channel:
            call = channel.stream_stream("/inference.GRPCInferenceService/ModelStreamInfer")
            return [list(message) for message in call(messages, metadata=self.headers, timeout=20)]

    async def method(self, path, message):
        async with grpc.aio.insecure_channel(self.address) as channel:
            return list(await channel.unary_unary(path)(message, metadata=self.headers, timeout=20))

    async def stub(self, method, request, headers=None):
        headers = self.headers if headers is None else headers
        async with grpc.aio.insecure_channel(self.address) as channel:
            return await getattr(stubs.GRPCInferenceServiceStub(channel), method)(request, metadata=headers, timeout=20)


ASKED = [
    "is_server_live", "is_server_ready", "is_model_ready", "infer", "infer_raw", "infer_text", "infer_large", "bad_input",
    "unknown_model", "load", "metadata", "server_metadata", "without_key", "wrong_key", "key_in_another_place", "health",
    "health_of_model", "reflection", "stream",
]  # fmt: skip


async def ask(asked, name):
    try:
        return await getattr(asked, name)()
    except grpc.RpcError as error:
        return {"code": error.code().name, "message": error.details()}


async def main():
    asked = Asked(*sys.argv[1:])
    answers = {name: await ask(asked, name) for name in ASKED}
    await asked.client.close()
    print(json.dumps(answers, default=str))


logging.disable(logging.CRITICAL)
asyncio.run(main())
