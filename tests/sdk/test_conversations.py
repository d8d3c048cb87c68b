"""The real SDKs, unchanged, each against each provider: nine pairs, and first each against the stand-in of its own
provider directly. What its own SDK takes for the provider may stand in for it.

Each test is one script and one conversation; `talk` makes it one of the pairs.
"""

import json

import pytest
from conftest import now, wait_for
from speakers import Tool, Weather

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = Tool("get_weather", "The weather in a city", {"city": "string", "unit": "string"})
TIME = Tool("get_time", "The time in a city", {"city": "string"})
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


@STREAMED
def test_text(talk, streamed):
    """Text, with the system's word, a bound on the answer and cached tokens."""
    usage = {"input": 200, "cached": 80, "output": 12}
    talk.script({"expect": {"system": "Be brief.", "user": "Say hello", "limit": 100, "tools": []},
                 "say": [{"text": "Hello — there, über all."}], "usage": usage})
    answer = talk.ask(talk.user("Say hello"), system="Be brief.", limit=100, streamed=streamed)
    assert answer.text == "Hello — there, über all." and answer.stop == "stop" and not answer.calls
    assert (answer.input, answer.output, answer.cached) == (200, 12, 80)
    assert not streamed or answer.pieces > 2, "a stream comes in pieces"


@STREAMED
def test_parallel_calls_and_their_results(talk, streamed):
    """Tools: several calls at once, and their results."""
    talk.script(
        {"expect": {"tools": ["get_weather", "get_time"], "choice": "auto"},
         "say": [{"text": "Let me see."}, {"call": "get_weather", "arguments": {"city": "Zürich", "unit": "c"}},
                 {"call": "get_time", "arguments": {"city": "Zürich"}}]},
        {"expect": {"results": ["sunny", "noon"], "calls": ["get_weather", "get_time"], "assistant": "Let me see."},
         "say": [{"text": "Sunny, at noon."}]})
    history = talk.user("Weather and time in Zürich?")
    first = talk.ask(history, tools=[WEATHER, TIME], streamed=streamed)
    assert first.stop == "calls" and first.text == "Let me see."
    assert [(call.name, call.arguments) for call in first.calls] == [
        ("get_weather", {"city": "Zürich", "unit": "c"}), ("get_time", {"city": "Zürich"})]
    assert len({call.id for call in first.calls}) == 2
    history += first.replay + talk.results([(first.calls[0], "sunny"), (first.calls[1], "noon")])
    assert talk.ask(history, tools=[WEATHER, TIME], streamed=streamed).text == "Sunny, at noon."


@pytest.mark.parametrize("choice", ["required", "none", "get_time"])
def test_forced_and_forbidden_tools(talk, choice):
    """Tools that must be called, or must not; one call at a time."""
    said = [{"text": "No."}] if choice == "none" else [{"call": "get_time", "arguments": {"city": "Rome"}}]
    talk.script({"expect": {"choice": choice, "tools": ["get_weather", "get_time"], "parallel": choice == "none"}, "say": said})
    answer = talk.ask(talk.user("What time is it?"), tools=[WEATHER, TIME], choice=choice, parallel=None if choice == "none" else False)
    assert [call.name for call in answer.calls] == ([] if choice == "none" else ["get_time"])


@STREAMED
def test_a_structured_answer(talk, streamed):
    """An answer with a shape, read by the SDK."""
    talk.script({"expect": {"schema": True}, "say": [{"json": {"city": "Paris", "degrees": 21}}]})
    answer = talk.ask(talk.user("The weather in Paris?"), shape=Weather, streamed=streamed)
    assert answer.parsed == Weather(city="Paris", degrees=21)


@pytest.mark.parametrize("image", [PIXEL, "https://example.com/weir.png"], ids=["data", "url"])
def test_images(talk, image):
    """Images, by data and by URL."""
    talk.script({"expect": {"images": 1, "user": "What is this?"}, "say": [{"text": "A pixel."}]})
    assert talk.ask(talk.user("What is this?", image)).text == "A pixel."


@STREAMED
def test_thoughts_and_their_replay(thinker, streamed):
    """Thoughts, and their replay on the next turn."""
    thinker.script(
        {"expect": {"tools": ["get_weather"]},
         "say": [{"reasoning": "The user asks for the weather."}, {"call": "get_weather", "arguments": {"city": "Oslo", "unit": "c"}}],
         "usage": {"input": 60, "output": 40, "reasoning": 30}},
        {"expect": {"reasoning": thinker.replayed, "results": ["snow"]}, "say": [{"reasoning": "Snow it is."}, {"text": "It snows."}]})
    history = thinker.user("Weather in Oslo?")
    first = thinker.ask(history, tools=[WEATHER], effort="low", streamed=streamed)
    assert first.reasoning == thinker.told("The user asks for the weather.") and first.output == 40
    history += first.replay + thinker.results([(first.calls[0], "snow")])
    second = thinker.ask(history, tools=[WEATHER], effort="low", streamed=streamed)
    assert second.text == "It snows." and second.reasoning == thinker.told("Snow it is.")


@STREAMED
@pytest.mark.parametrize(("stop", "told"), [("length", "length"), ("filter", "refused")])
def test_an_answer_that_ends_early(talk, stop, told, streamed):
    """An answer that ends at its bound, or at a filter."""
    talk.script({"say": [{"text": "It was a"}], "stop": stop})
    answer = talk.ask(talk.user("Tell me a story"), streamed=streamed)
    assert answer.text == "It was a" and answer.stop == told


@STREAMED
def test_a_refusal(talk, streamed):
    """A refusal."""
    talk.script({"say": [{"refusal": "I cannot help with that."}]})
    answer = talk.ask(talk.user("Something bad"), streamed=streamed)
    assert answer.refusal == "I cannot help with that." or answer.stop == "refused" and "cannot" in answer.text


def test_a_limit_of_the_provider(talk):
    """A limit of the provider's: its error, with `retry-after`."""
    talk.script({"fail": {"status": 429, "retry_after": 7}})
    with pytest.raises(talk.errors.RateLimitError) as caught:
        talk.ask(talk.user("hi"))
    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("status", [400, 500])
def test_a_failure_of_the_provider(talk, status):
    """A request that the provider refuses, and a provider that fails."""
    talk.script({"fail": {"status": status, "message": "The stand-in was told to fail."}})
    wanted = talk.errors.BadRequestError if status == 400 else talk.errors.APIStatusError
    with pytest.raises(wanted) as caught:
        talk.ask(talk.user("hi"))
    assert caught.value.status_code in ((400,) if status == 400 else (500, 502))
    assert status != 400 or "told to fail" in str(caught.value)


def test_a_stream_that_breaks_off(talk):
    """A stream that breaks off is an error, and is settled as one."""
    before = now()
    talk.script({"say": [{"text": "A story that goes on and on and on."}], "cut": 6})
    with pytest.raises((talk.errors.APIError, *talk.broken)):
        talk.ask(talk.user("A story"), streamed=True)
    if talk.weir:
        record = wait_for(lambda: talk.weir.records(before), "a settlement", 10)[0]
        assert record["ending"] == "truncated"


def test_an_error_within_a_stream(talk):
    """An error within a stream."""
    talk.script({"say": [{"text": "A story that goes on and on and on."}], "error_event": 6})
    with pytest.raises((talk.errors.APIError, *talk.broken)):
        talk.ask(talk.user("A story"), streamed=True)


def test_what_a_request_weighs(talk):
    """What a request weighs, in tokens, before it is sent."""
    if not hasattr(talk.speaker, "count"):
        pytest.skip("chat completions have no such path")
    talk.script()
    short = talk.count(talk.user("Hello"))
    assert 0 < short < talk.count(talk.user("Hello " * 400)) and short < talk.count(talk.user("Hello"), [WEATHER, TIME])


def test_the_figures_are_settled(talk):
    """The provider's figures are what is settled."""
    if not talk.weir:
        pytest.skip("there is no ledger without Weir")
    before = now()
    talk.script({"say": [{"text": "Ninety."}], "usage": {"input": 90, "cached": 40, "output": 9}})
    talk.ask(talk.user("How many?"), streamed=True)
    usage = wait_for(lambda: talk.weir.records(before), "a settlement", 10)[0]["usage"]
    assert usage["output"] == 9 and not usage.get("estimated"), json.dumps(usage)
