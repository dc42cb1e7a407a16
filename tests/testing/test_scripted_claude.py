"""The scripted server speaks to the real SDK, records what it was asked, and the network stays closed in tests."""

from __future__ import annotations

import socket

import anthropic
import pytest

from clinjup.testing import Call, HttpError, Says
from clinjup.testing.plugin import NetworkForbiddenError

ASK = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hello"}]}


def _client(server) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=server.url, api_key="test", max_retries=0)


def test_a_scripted_turn_reaches_the_sdk_whole(scripted_claude):
    server = scripted_claude(
        [Says("First the cohort. " * 60, (Call("place_recipe", {"step_id": "load", "note": "größer"}),))]
    )
    with _client(server).messages.stream(**ASK) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.content[0].text == "First the cohort. " * 60
    assert message.content[1].input == {"step_id": "load", "note": "größer"}
    assert message.stop_reason == "tool_use"
    assert message.usage.output_tokens == 20


def test_replies_are_played_in_order_and_may_depend_on_the_request(scripted_claude):
    server = scripted_claude([Says("one"), lambda body: Says(f"{len(body['messages'])} message")])
    texts = []
    for _ in range(2):
        with _client(server).messages.stream(**ASK) as stream:
            texts.append(stream.get_final_text())
    assert texts == ["one", "1 message"]
    assert [request.body["messages"] for request in server.turns] == [ASK["messages"]] * 2


def test_after_the_script_every_request_is_an_error(scripted_claude):
    with pytest.raises(anthropic.APIStatusError, match="no more replies"):
        _client(scripted_claude([])).messages.create(**ASK)


def test_error_statuses_carry_their_kind(scripted_claude):
    with pytest.raises(anthropic.RateLimitError) as caught:
        _client(scripted_claude([HttpError(429, "rate_limit_error", headers={"retry-after": "7"})])).messages.create(
            **ASK
        )
    assert caught.value.response.headers["retry-after"] == "7"


def test_the_model_list_names_the_models_of_the_server(scripted_claude):
    client = _client(scripted_claude(models=("small", "large")))
    assert [model.id for model in client.models.list()] == ["small", "large"]
    assert client.models.retrieve("large").id == "large"
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("absent")


def test_no_test_reaches_the_network():
    with socket.socket() as outward, pytest.raises(NetworkForbiddenError, match=r"192\.0\.2\.1"):
        outward.connect(("192.0.2.1", 80))
