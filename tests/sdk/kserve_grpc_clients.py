"""What KServe's own gRPC client gets from a server: run with KServe's Python, told as JSON on stdout.

Each answer stands under the name of the function that asked for it; a status of gRPC that the client raises under the same
name, as `{"code": …, "message": …}`.

usage: kserve_grpc_clients.py HOST:PORT KEY MODEL [streams]
"""

import asyncio
import json
import logging
import pathlib
import queue
import sys
import time

import grpc
import numpy
from kserve import InferenceGRPCClient, InferInput, InferRequest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as stubs

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "servers"))
from kserve_streams import METHOD, SERVICE, StreamAnswer  # noqa: E402


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
        return await asyncio.to_thread(self.streamed)

    def streamed(self):
        with Stream(self.address, self.headers) as stream:
            return stream.say(self.model, "a")

    async def method(self, path, message):
        async with grpc.aio.insecure_channel(self.address) as channel:
            return list(await channel.unary_unary(path)(message, metadata=self.headers, timeout=20))

    async def stub(self, method, request, headers=None):
        headers = self.headers if headers is None else headers
        async with grpc.aio.insecure_channel(self.address) as channel:
            return await getattr(stubs.GRPCInferenceServiceStub(channel), method)(request, metadata=headers, timeout=20)


class Stream:
    """A call of `ModelStreamInfer`, in which each message is sent when it is said.

    Not over grpc.aio: where a server ends a call before all that was sent is written, whichever server that is, it tells
    now and then of an error of its own in the place of the status.
    """

    def __init__(self, address, headers):
        self.said, self.channel = queue.SimpleQueue(), grpc.insecure_channel(address)
        method = self.channel.stream_stream(
            f"/{SERVICE}/{METHOD}", pb.ModelInferRequest.SerializeToString, StreamAnswer.FromString
        )
        self.call = method(iter(self.said.get, None), metadata=headers, timeout=20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.said.put(None)
        self.channel.close()

    def say(self, model, text):
        """Sends a message, and gives the two answers to it."""
        tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="BYTES", shape=[1])
        tensor.contents.bytes_contents.append(text.encode())
        self.said.put(pb.ModelInferRequest(model_name=model, id=text, inputs=[tensor]))
        answers = [next(self.call).infer_response for _ in range(2)]
        return [[answer.id, answer.outputs[0].contents.bytes_contents[0].decode()] for answer in answers]

    def end(self):
        """Says that nothing more comes; gives what was still answered."""
        self.said.put(None)
        return [answer.infer_response.id for answer in self.call]


class Streamed:
    """What is asked of a server of `ModelStreamInfer`."""

    def __init__(self, address, key, model):
        self.address, self.model = address, model
        self.headers = (("authorization", f"Bearer {key}"),)

    def stream(self):
        return Stream(self.address, self.headers)

    async def each_in_turn(self):
        with self.stream() as stream:
            said = [stream.say(self.model, text) for text in ("one", "two", "three", "x" * 1_000_000)]
            return [said[:3], len(said[3][1][1]), stream.end(), stream.call.code().name]

    async def fails_in_mid_stream(self):
        with self.stream() as stream:
            stream.say(self.model, "one")
            return stream.say(self.model, "fail")

    async def another_model(self):
        with self.stream() as stream:
            stream.say(self.model, "one")
            return stream.say("another", "two")

    async def ten_at_once(self):
        streams = [self.stream() for _ in range(10)]
        said = [stream.say(self.model, f"{turn}/{at}")[1][1] for turn in range(3) for at, stream in enumerate(streams)]
        return [said == [f"{turn}/{at}" for turn in range(3) for at in range(10)], [stream.end() for stream in streams]]

    async def cancelled(self):
        with self.stream() as counting:
            before = int(counting.say(self.model, "left")[0][1])
            stream = self.stream()
            stream.say(self.model, "one")
            began = time.monotonic()
            stream.call.cancel()
            while int(counting.say(self.model, "left")[0][1]) == before and time.monotonic() < began + 5:
                time.sleep(0.005)
            return time.monotonic() - began

    async def without_key(self):
        with Stream(self.address, ()) as stream:
            return stream.say(self.model, "one")

    async def unknown_model(self):
        with self.stream() as stream:
            return stream.say("nobody", "one")


STREAMED = [
    "each_in_turn", "fails_in_mid_stream", "another_model", "ten_at_once", "cancelled", "without_key", "unknown_model",
]  # fmt: skip

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
    address, key, model, *streams = sys.argv[1:]
    if streams:
        asked, names = Streamed(address, key, model), STREAMED
    else:
        asked, names = Asked(address, key, model), ASKED
    answers = {name: await ask(asked, name) for name in names}
    if not streams:
        await asked.client.close()
    print(json.dumps(answers, default=str))


logging.disable(logging.CRITICAL)
asyncio.run(main())
