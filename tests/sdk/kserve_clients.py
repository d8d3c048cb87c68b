"""What KServe's own clients get from a server of its protocols: run with KServe's Python, told as JSON on stdout.

Each answer stands under the name of the function that asked for it; an exception of the client under the same name, as
`{"raised": …}`.

usage: kserve_clients.py URL KEY MODEL
"""

import asyncio
import json
import sys

import httpx
import numpy
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig


class Asked:
    def __init__(self, url, key, model):
        self.url, self.model = url, model
        self.headers = {"authorization": f"Bearer {key}"}
        self.v1 = InferenceRESTClient(RESTConfig(protocol="v1", retries=0, timeout=20))
        self.v2 = InferenceRESTClient(RESTConfig(protocol="v2", retries=0, timeout=20))

    async def v1_is_server_live(self):
        return await self.v1.is_server_live(self.url, headers=self.headers)

    async def v1_is_model_ready(self):
        return await self.v1.is_model_ready(self.url, self.model, headers=self.headers)

    async def v1_infer(self):
        data = {"instances": [1, 2.5, "weir"]}
        return await self.v1.infer(self.url, data, model_name=self.model, headers=self.headers)

    async def v1_explain(self):
        return await self.v1.explain(self.url, self.model, {"instances": [1, 2]}, headers=self.headers)

    async def v1_bad_input(self):
        return await self.v1.infer(self.url, {"instances": "no list"}, model_name=self.model, headers=self.headers)

    async def v1_unknown_model(self):
        return await self.v1.infer(self.url, {"instances": []}, model_name="nobody", headers=self.headers)

    async def v1_without_key(self):
        return await self.v1.infer(self.url, {"instances": []}, model_name=self.model)

    async def v2_is_server_live(self):
        return await self.v2.is_server_live(self.url, headers=self.headers)

    async def v2_is_server_ready(self):
        return await self.v2.is_server_ready(self.url, headers=self.headers)

    async def v2_is_model_ready(self):
        return await self.v2.is_model_ready(self.url, self.model, headers=self.headers)

    async def v2_unknown_model_is_ready(self):
        return await self.v2.is_model_ready(self.url, "nobody", headers=self.headers)

    async def infer(self, values, datatype, *, binary, binary_output):
        tensor = InferInput("x", list(values.shape), datatype)
        tensor.set_data_from_numpy(values, binary_data=binary)
        parameters = {"binary_data_output": True} if binary_output else None
        request = InferRequest(self.model, [tensor], parameters=parameters)
        heard = {}
        answer = await self.v2.infer(
            self.url, request, model_name=self.model, headers=dict(self.headers), response_headers=heard
        )
        output = answer.outputs[0]
        doubled = [value.decode() if isinstance(value, bytes) else value for value in output.as_numpy().flatten().tolist()]
        return {
            "name": output.name,
            "doubled": doubled,
            "type": heard.get("content-type"),
            "json_length": heard.get("inference-header-content-length"),
        }

    async def v2_infer(self):
        return await self.infer(numpy.array([1.5, -2.0], dtype=numpy.float32), "FP32", binary=False, binary_output=False)

    async def v2_infer_text(self):
        values = numpy.array(["a weir", "holds"], dtype=object)
        return await self.infer(values, "BYTES", binary=False, binary_output=False)

    async def v2_infer_binary(self):
        return await self.infer(numpy.arange(4, dtype=numpy.int64), "INT64", binary=True, binary_output=True)

    async def v2_infer_binary_input(self):
        return await self.infer(numpy.arange(4, dtype=numpy.int64), "INT64", binary=True, binary_output=False)

    async def v2_infer_binary_output(self):
        return await self.infer(numpy.array([0.25], dtype=numpy.float64), "FP64", binary=False, binary_output=True)

    async def v2_infer_large(self):
        values = numpy.ones(500_000, dtype=numpy.float64)
        answer = await self.infer(values, "FP64", binary=True, binary_output=True)
        return {**answer, "doubled": [len(answer["doubled"]), sum(answer["doubled"])]}


async def main(url, key, model):
    asked, answers = Asked(url, key, model), {}
    for name in dir(Asked):
        if not name.startswith(("v1_", "v2_")):
            continue
        try:
            answers[name] = await getattr(asked, name)()
        except httpx.HTTPStatusError as error:
            answers[name] = {"raised": str(error), "status": error.response.status_code, "body": error.response.text}
        except Exception as error:
            answers[name] = {"raised": f"{type(error).__name__}: {error}"}
    print(json.dumps(answers))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
