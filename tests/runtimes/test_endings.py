"""How answers end, and what is settled then: whole, cut by the provider, left by the client."""

import json
import uuid

import openai
import pytest
from test_answers import ask
from scene import KEY
from wire import Transfer, frames

# How many events may still go to a client that has left: what lies in sockets and queues between it and the guest.
FURTHER = 8
# How soon a call is broken off by a runtime that tells of it at once (DESIGN.md, section 3).
AT_ONCE = 0.25


def streamed(text):
    return {"model": "gpt-4o", "messages": ask(text), "stream": True}


def test_settled(client, scene, patience):
    """A whole answer is settled, with the usage that the provider reported."""
    answer = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=ask("river"))
    record = scene.settled(answer.headers["x-request-id"], patience)
    assert (record["ending"], record["usage"]["output"]) == ("complete", 5)


def test_settled_stream(client, scene, patience):
    """A whole stream is settled, with the usage that the provider reported."""
    with client.chat.completions.with_streaming_response.create(**streamed("river")) as answer:
        assert len([line for line in answer.iter_lines() if line]) == 8
        record = scene.settled(answer.headers["x-request-id"], patience)
    assert (record["ending"], record["usage"]["output"]) == ("complete", 5)


def test_truncated(serving, client, scene, patience):
    """The provider dies in mid-stream: an error event, then a transfer that is broken off; 12 of 12, each settled."""
    for after in range(2, 6):
        for _ in range(3):
            transfer = Transfer.post(serving.port, KEY, streamed(f"[[openai:cut={after}]]"))
            status, headers = transfer.head()
            assert status == 200
            said = frames(b"".join(transfer.chunks()))
            assert not transfer.whole, f"ended as if it were whole: {said}"
            assert len(said) == after + 1 and "[DONE]" not in said, said
            assert json.loads(said[-1])["error"]["code"] == "upstream_truncated", said
            assert scene.settled(headers["x-request-id"], patience)["ending"] == "truncated"
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(**streamed("[[openai:cut=3]]")))


def test_client_gone(serving, provider):
    """The client leaves in mid-stream: the call to the provider ends at the next writes."""
    leave_in_mid_stream(serving, provider)


def test_settled_client_gone(serving, provider, scene, patience):
    """The client leaves in mid-stream: what it got is settled."""
    record = scene.settled(leave_in_mid_stream(serving, provider), patience)
    assert record["ending"] == "client-gone" and record["usage"]["output"] >= 3, record


def leave_in_mid_stream(serving, provider):
    """Leaves when it has seen four of six events, and waits until the provider notices; gives the request's id."""
    name = f"leaves-{uuid.uuid4().hex[:8]}"
    call = provider.call(name)
    transfer = Transfer.post(serving.port, KEY, streamed(f"[[openai:step={name}]] [[openai:tokens=100]]"))
    for _ in range(6):
        call.send()
    _, headers = transfer.head()
    chunks = transfer.chunks()
    seen = b""
    while seen.count(b"data:") < 4:
        seen += next(chunks)
    transfer.leave()
    further = 0
    while not call.left(0.2):
        assert further < FURTHER, "the provider writes on for nobody"
        call.send()
        further += 1
    return headers["x-request-id"]


def test_client_gone_at_once(serving, provider):
    """The client leaves before the first event: the call is broken off within 250 ms, with nothing written."""
    name = f"leaves-early-{uuid.uuid4().hex[:8]}"
    call = provider.call(name)
    transfer = Transfer.post(serving.port, KEY, streamed(f"[[openai:step={name}]]"))
    call.wait()
    transfer.leave()
    left = call.left(AT_ONCE)
    for _ in range(20):
        # Whatever came out, the call is to end, lest it hang for the tests to come.
        call.send()
    assert left, "the call goes on without its client"
