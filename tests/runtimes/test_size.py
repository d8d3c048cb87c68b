"""Much at once: large bodies, many streams, many requests."""

import asyncio
import collections
import hashlib
import uuid

import openai
from test_answers import ask
from scene import KEY
from wire import Transfer

MIB = 1024 * 1024
STREAMS = 200


def test_ten_mebibytes(client):
    """A body of 10 MiB goes up, whole."""
    text = "[[openai:measure]]" + "the river is wide, " * (10 * MIB // 19)
    answer = client.chat.completions.create(model="gpt-4o", messages=ask(text))
    assert answer.choices[0].message.content == f"{len(text)} {hashlib.sha256(text.encode()).hexdigest()}"


def test_too_large(serving):
    """A body of 21 MiB: 413, in the client's dialect."""
    body = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "' + b"x" * (21 * MIB) + b'"}]}'
    status, headers, answer = Transfer.post(serving.port, KEY, body).body()
    assert status == 413 and b'"error"' in answer, (status, headers, answer)


def test_many_requests(serving, client):
    """Many requests in a row (300; jco 30), over more instances than one."""
    for number in range(serving.cell.runtime.requests):
        answer = client.chat.completions.create(model="gpt-4o", messages=ask(f"request-{number} [[openai:tokens=1]]"))
        assert answer.choices[0].message.content == f"request-{number}#0 "


def test_many_streams(serving, patience):
    """200 streams open at once, each complete and none mixed up with another."""
    name = uuid.uuid4().hex[:8]

    async def one(client, number):
        text = f"[[openai:together={STREAMS}/{name}]] [[openai:tokens=10]] stream-{number}"
        stream = await client.chat.completions.create(model="gpt-4o", messages=ask(text), stream=True)
        chunks = [chunk async for chunk in stream]
        assert chunks[-1].choices[0].finish_reason == "stop"
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert said == "".join(f"stream-{number}#{n} " for n in range(10)), said

    async def all_at_once():
        async with openai.AsyncOpenAI(base_url=f"{serving.url}/v1", api_key=KEY, max_retries=0, timeout=60) as client:
            limited = (asyncio.wait_for(one(client, n), 3 * patience) for n in range(STREAMS))
            ended = await asyncio.gather(*limited, return_exceptions=True)
        failed = collections.Counter(repr(end) for end in ended if end)
        assert not failed, f"of {STREAMS}: {failed.most_common(5)}"

    asyncio.run(all_at_once())
