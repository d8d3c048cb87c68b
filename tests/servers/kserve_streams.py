"""A server of `ModelStreamInfer`, as Triton has it, with KServe's own messages; KServe's runtime does not serve it.

It answers each message twice, with the texts that came, before it reads the next, as a model whose answers are not bound to
its requests may. To the text `left` it answers how many calls were given up by their clients, to `fail` with an error.

usage: kserve_streams.py --grpc-port PORT --model NAME
"""

import argparse
import concurrent.futures
import threading
import time

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb

SERVICE, METHOD = "inference.GRPCInferenceService", "ModelStreamInfer"


def stream_answer():
    """`ModelStreamInferResponse` of Triton's `grpc_service.proto`, which KServe's file lacks."""
    file = descriptor_pb2.FileDescriptorProto(name="weir_stream.proto", package="inference", syntax="proto3")
    file.dependency.append(pb.DESCRIPTOR.name)
    message = file.message_type.add(name="ModelStreamInferResponse")
    field = descriptor_pb2.FieldDescriptorProto
    message.field.add(name="error_message", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    message.field.add(name="infer_response", number=2, type=field.TYPE_MESSAGE, label=field.LABEL_OPTIONAL,
                      type_name=f".{pb.ModelInferResponse.DESCRIPTOR.full_name}")
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelStreamInferResponse"))


StreamAnswer = stream_answer()


class Streams(grpc.GenericRpcHandler):
    def __init__(self, model):
        self.model, self.left, self.lock = model, 0, threading.Lock()

    def service(self, details):
        if details.method != f"/{SERVICE}/{METHOD}":
            return None
        return grpc.stream_stream_rpc_method_handler(
            self.stream, pb.ModelInferRequest.FromString, StreamAnswer.SerializeToString
        )

    def stream(self, requests, context):
        ended = threading.Event()
        context.add_callback(lambda: None if ended.is_set() else self.gave_up())
        for request in requests:
            if request.model_name != self.model:
                context.abort(grpc.StatusCode.NOT_FOUND, f"no model {request.model_name}")
            text = request.inputs[0].contents.bytes_contents[0]
            if text == b"fail":
                ended.set()
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no room for it")
            if text == b"left":
                text = str(self.left).encode()
            for _ in range(2):
                yield StreamAnswer(infer_response=answer(request, text))
        # For a moment gRPC tells of a call that was cancelled as of one in which the client has said all.
        time.sleep(0.02)
        if context.is_active():
            ended.set()

    def gave_up(self):
        with self.lock:
            self.left += 1


def answer(request, text):
    output = pb.ModelInferResponse.InferOutputTensor(name="said", datatype="BYTES", shape=[1])
    output.contents.bytes_contents.append(text)
    return pb.ModelInferResponse(model_name=request.model_name, id=request.id, outputs=[output])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--grpc-port", type=int, required=True)
    parser.add_argument("--model", required=True)
    args = parser.parse_args()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers((Streams(args.model),))
    server.add_insecure_port(f"127.0.0.1:{args.grpc_port}")
    server.start()
    print("serving", flush=True)
    server.wait_for_termination()
