"""Every fault of the wire, played by the scripted server against the real SDK, ends as one ProviderError with one sentence."""

from __future__ import annotations

import asyncio
import json

import pytest

from clinjup.agent.provider import Prompt, Provider, ProviderError, Server, price_of
from clinjup.agent.provider.client import MAX_TURN_CHARACTERS
from clinjup.agent.state import GateRefusedError
from clinjup.testing import (
    Broken,
    Call,
    HttpError,
    Page,
    Says,
    bare_data_lines,
    delta_before_block,
    malformed_tool_call,
    truncated_tool_call,
    without_usage,
)

TOOL = {"name": "finish", "description": "End.", "strict": True, "input_schema": {"type": "object", "properties": {}}}
PROMPT = Prompt("You plan.", [TOOL], [{"role": "user", "content": "Begin."}])
GOOD = Says("Fine.", (Call("finish", {"status": "completed"}),), usage={"input_tokens": 70, "output_tokens": 9})


class OpenGate:
    """Lets everything out and remembers it."""

    def __init__(self):
        self.sent = []

    def outbound(self, body, destination):
        self.sent.append((destination, body))
        return body


def ask(server, *, prompt=PROMPT, native=False, gate=None, on_text=lambda text: None, **options):
    """One turn; returns (turn or ProviderError, provider)."""

    async def one():
        provider = Provider(
            Server(server.url, "key", "some-model", native), gate or OpenGate(), backoff_seconds=0, **options
        )
        try:
            return await provider.turn(prompt, on_text=on_text), provider
        except ProviderError as fault:
            return fault, provider
        finally:
            await provider.close()

    return asyncio.run(one())


def test_a_turn_comes_back_as_it_goes_into_the_conversation(scripted_claude):
    heard = []
    turn, provider = ask(scripted_claude([GOOD]), on_text=heard.append)
    assert turn.text == "".join(heard) == "Fine."
    assert turn.calls == [{"type": "tool_use", "id": "toolu_1_0", "name": "finish", "input": {"status": "completed"}}]
    assert (provider.requests, provider.usage.input, provider.usage.output) == (1, 70, 9)


FAULTS = {
    "wrong key": (HttpError(401, "authentication_error"), "auth", False, "key"),
    "no credit": (HttpError(402, "billing_error"), "billing", False, "credit"),
    "unknown model": (HttpError(404, "not_found_error"), "unknown_model", False, "some-model"),
    "bad request": (HttpError(400, "invalid_request_error", "tools.0: no"), "request", False, "tools.0: no"),
    "too many requests": (HttpError(429, "rate_limit_error"), "rate_limit", True, "limit"),
    "overloaded": (HttpError(529, "overloaded_error"), "overloaded", True, "overloaded"),
    "server fault": (HttpError(500), "server", True, "fault of its own"),
    "prompt too long": (
        HttpError(400, "invalid_request_error", "prompt is too long: 9 tokens"),
        "context_window",
        False,
        "memory",
    ),
    "request too large": (HttpError(413, "request_too_large"), "context_window", False, "memory"),
    "changed history": (
        HttpError(400, "invalid_request_error", "thinking block is bound elsewhere"),
        "history",
        False,
        "bound",
    ),
    "overloaded in the stream": (Broken(GOOD, 4, "error"), "overloaded", True, "overloaded"),
    "refused in the stream": (Broken(GOOD, 4, "error", "invalid_request_error"), "request", False, "scripted"),
    "body ends early": (Broken(GOOD, 5, "end"), "cut", True, "broke"),
    "body ends before the stop reason": (Broken(GOOD, 8, "end"), "cut", True, "broke"),
    "connection cut": (Broken(GOOD, 5, "cut"), "cut", True, "broke"),
    "malformed tool call": (malformed_tool_call("finish"), "malformed", True, "cannot be read"),
    "half a tool call that claims to be whole": (
        truncated_tool_call("finish"),
        "malformed",
        True,
        "complete arguments",
    ),
    "no event lines": (bare_data_lines(GOOD), "not_an_api", False, "--base-url"),
    "a proxy's page": (Page(), "not_an_api", False, "--base-url"),
    "a redirect": (Page(status=307, headers={"location": "http://192.0.2.1/"}), "not_an_api", False, "--base-url"),
    "no usage": (without_usage(GOOD), "malformed", True, "count tokens"),
    "delta before its block": (delta_before_block(), "malformed", True, "IndexError"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_kind_and_sentence(name, scripted_claude):
    reply, kind, retryable, words = FAULTS[name]
    server = scripted_claude([reply] * 3)
    fault, provider = ask(server)
    assert isinstance(fault, ProviderError), fault
    assert (fault.kind, fault.retryable) == (kind, retryable)
    assert words in str(fault)
    assert len(server.requests) == provider.requests == (3 if retryable else 1)


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault[2]])
def test_a_passing_fault_is_mended_by_asking_again_and_leaves_nothing_behind(name, scripted_claude):
    server = scripted_claude([FAULTS[name][0], GOOD])
    turn, _ = ask(server)
    assert (turn.text, len(turn.calls)) == ("Fine.", 1)
    first, second = server.requests
    assert first.raw == second.raw


def test_what_came_before_a_fault_is_kept_for_the_reader_only(scripted_claude):
    fault, _ = ask(scripted_claude([Broken(GOOD, 4, "cut")] * 3))
    assert fault.partial == "Fine."


def test_tokens_of_broken_attempts_count(scripted_claude):
    _, provider = ask(scripted_claude([Broken(GOOD, 4, "cut"), GOOD]))
    assert (provider.requests, provider.usage.input) == (2, 140)


def test_a_server_that_says_when_to_come_back_is_obeyed(scripted_claude):
    fault, _ = ask(scripted_claude([HttpError(429, "rate_limit_error", headers={"retry-after": "0"})] * 3))
    assert fault.retry_after == 0


def test_silence_becomes_a_timeout(scripted_claude):
    fault, _ = ask(scripted_claude([Broken(GOOD, 3, "hang")] * 3), read_seconds=0.05)
    assert (fault.kind, fault.retryable) == ("timeout", True)


def test_an_answer_that_drags_on_becomes_a_timeout(scripted_claude):
    fault, _ = ask(scripted_claude([Broken(GOOD, 3, "hang")] * 3), turn_seconds=0.1)
    assert fault.kind == "timeout"


def test_no_server_at_all(scripted_claude):
    server = scripted_claude([])
    server.__exit__()
    fault, _ = ask(server)
    assert (fault.kind, fault.retryable) == ("network", True)
    assert server.url in str(fault)


def test_ten_megabytes_are_broken_off(scripted_claude):
    server = scripted_claude([Says(calls=(Call("run_cell", {"source": "x" * 10_000_000}),))])
    fault, _ = ask(server)
    assert (fault.kind, fault.retryable) == ("too_long", False)
    assert f"{MAX_TURN_CHARACTERS:,}" in str(fault)
    assert len(server.requests) == 1


def test_a_tool_call_that_max_tokens_cut_off_is_not_carried_out(scripted_claude):
    turn, _ = ask(scripted_claude([Says("Now", (Call("finish", {"status": "completed"}),), stop_reason="max_tokens")]))
    assert (turn.stop_reason, turn.calls) == ("max_tokens", [])
    assert turn.content == [{"type": "text", "text": "Now"}]


@pytest.mark.parametrize("reason", ["pause_turn", "refusal", "model_context_window_exceeded", "end_turn"])
def test_every_other_stop_reason_reaches_the_planner(reason, scripted_claude):
    turn, _ = ask(scripted_claude([Says("Hm.", stop_reason=reason)]))
    assert (turn.stop_reason, turn.calls) == (reason, [])


def test_a_stopped_call_closes_the_connection(scripted_claude):
    server = scripted_claude([Broken(GOOD, 4, "hang")])

    async def stop_in_the_middle():
        heard = asyncio.Event()
        provider = Provider(Server(server.url, "key", "m", False), OpenGate())
        call = asyncio.create_task(provider.turn(PROMPT, on_text=lambda text: heard.set()))
        await heard.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(server.disconnected.wait, 10)
        await provider.close()

    asyncio.run(stop_in_the_middle())
    assert len(server.requests) == 1


# ------------------------------------------------------------------------------------------------------- what is sent


def test_anthropic_gets_cache_marks_and_strict_tools(scripted_claude):
    server = scripted_claude([GOOD])
    ask(server, native=True)
    body = server.turns[0].body
    assert body["system"] == [{"type": "text", "text": "You plan.", "cache_control": {"type": "ephemeral"}}]
    assert body["cache_control"] == {"type": "ephemeral"}
    assert body["tools"][0]["strict"] is True
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert not {"temperature", "top_p", "top_k", "thinking"} & set(body)


def test_other_servers_get_the_plain_protocol(scripted_claude):
    server = scripted_claude([GOOD])
    ask(server)
    request = server.turns[0]
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert "anthropic-beta" not in request.headers
    assert set(request.body) == {"model", "max_tokens", "tools", "system", "messages", "stream"}
    assert "strict" not in request.body["tools"][0]
    assert b"cache_control" not in request.raw


def test_two_turns_share_their_bytes_up_to_the_newest_message(scripted_claude):
    server = scripted_claude([GOOD, GOOD])
    longer = Prompt(
        PROMPT.system,
        PROMPT.tools,
        [*PROMPT.messages, {"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}],
    )
    ask(server, native=True)
    ask(server, prompt=longer, native=True)
    first, second = (request.raw for request in server.turns)
    end_of_history = first.rindex(b"]")
    assert second.startswith(first[:end_of_history])
    assert json.loads(second)["messages"][:1] == PROMPT.messages


def test_the_thinking_of_anthropics_models_goes_back_unchanged_and_that_of_others_not(scripted_claude):
    says = Says(thinking="Let me see.", calls=(Call("finish"),))
    native, _ = ask(scripted_claude([says]), native=True)
    assert native.content[0] == {"type": "thinking", "thinking": "Let me see.", "signature": "signature-1"}
    plain, _ = ask(scripted_claude([says]))
    assert [block["type"] for block in plain.content] == ["tool_use"]


# ------------------------------------------------------------------------------------------------------------ the gate


def test_every_attempt_passes_the_gate_which_may_change_it(scripted_claude):
    class Scrubbing(OpenGate):
        def outbound(self, body, destination):
            super().outbound(body, destination)
            return {**body, "messages": [{"role": "user", "content": "scrubbed"}]}

    gate = Scrubbing()
    server = scripted_claude([Broken(GOOD, 4, "cut"), GOOD])
    ask(server, gate=gate)
    assert [destination for destination, _ in gate.sent] == [server.url] * 2
    assert [request.body["messages"] for request in server.requests] == [[{"role": "user", "content": "scrubbed"}]] * 2


@pytest.mark.parametrize(
    "refusal", [GateRefusedError("this host is not on this machine."), KeyError("a patient's name")]
)
def test_a_gate_that_refuses_or_fails_lets_nothing_out(refusal, scripted_claude):
    class Closed:
        def outbound(self, body, destination):
            raise refusal

    server = scripted_claude([GOOD])
    fault, provider = ask(server, gate=Closed())
    assert (fault.kind, fault.retryable, provider.requests) == ("gate", False, 0)
    assert server.requests == []
    assert "patient's name" not in str(fault)


def test_the_network_stays_closed_in_tests():
    async def one():
        provider = Provider(Server("https://192.0.2.1", "key"), OpenGate())
        with pytest.raises(ProviderError) as caught:
            await provider.turn(PROMPT)
        await provider.close()
        return caught.value.kind

    assert asyncio.run(one()) == "forbidden"


# ------------------------------------------------------------------------------------------------- servers and probes


def probe(server, *, model="m", native=False):
    async def one():
        provider = Provider(Server(server.url, "key", model, native), OpenGate(), backoff_seconds=0)
        try:
            await provider.probe()
        except ProviderError as fault:
            return fault, provider
        finally:
            await provider.close()
        return None, provider

    return asyncio.run(one())


def test_one_tiny_tool_call_probes_a_local_server(scripted_claude):
    server = scripted_claude()
    fault, _ = probe(server)
    assert fault is None
    assert [tool["name"] for tool in server.requests[0].body["tools"]] == ["report"]
    assert len(server.requests) == 1


def test_a_model_without_tools_is_told_at_once(scripted_claude):
    fault, _ = probe(scripted_claude(probe=Says("Ready!")))
    assert fault.kind == "no_tools"


def test_an_unknown_model_is_told_with_the_models_there_are(scripted_claude):
    fault, _ = probe(scripted_claude(probe=HttpError(404, "not_found_error"), models=("qwen", "llama")), model="gpt")
    assert fault.kind == "unknown_model"
    assert "'gpt'" in str(fault) and "qwen, llama" in str(fault)


def test_anthropic_is_probed_without_using_tokens(scripted_claude):
    server = scripted_claude(models=("claude-opus-5-5",))
    fault, provider = probe(server, model="claude-opus-5-5", native=True)
    assert fault is None and provider.strict
    assert [request.path for request in server.requests] == ["/v1/models/claude-opus-5-5"]
    fault, _ = probe(server, model="claude-9", native=True)
    assert fault.kind == "unknown_model"


def test_the_model_list_comes_from_the_server(scripted_claude):
    server = scripted_claude(models=("a", "b"))

    async def listed():
        provider = Provider(Server(server.url, "key", "a", False), OpenGate())
        names = await provider.models()
        await provider.close()
        return names

    assert asyncio.run(listed()) == ["a", "b"]


def test_the_server_follows_from_options_and_environment():
    assert Server.choose(environment={"ANTHROPIC_API_KEY": "k"}) == Server(
        "https://api.anthropic.com", "k", "claude-opus-5-5", True
    )
    local = Server.choose(base_url="localhost:11434/v1/", model="qwen", environment={"ANTHROPIC_API_KEY": "secret"})
    assert local == Server("http://localhost:11434", "local", "qwen", False)
    gateway = Server.choose(
        environment={"ANTHROPIC_BASE_URL": "https://llm.hospital.example/v1/messages", "ANTHROPIC_AUTH_TOKEN": "t"}
    )
    assert gateway == Server("https://llm.hospital.example", "t", "claude-opus-5-5", False)


def test_a_missing_key_is_told_before_anything_is_sent():
    with pytest.raises(ProviderError, match="ANTHROPIC_API_KEY") as caught:
        Server.choose(environment={"ANTHROPIC_API_KEY": "  "})
    assert caught.value.kind == "no_key"


@pytest.mark.parametrize("address", ["ftp://x", "http://", "https:///v1"])
def test_an_address_that_is_none_is_told(address):
    with pytest.raises(ProviderError) as caught:
        Server.choose(base_url=address, environment={"ANTHROPIC_API_KEY": "k"})
    assert caught.value.kind == "bad_address"


def test_prices_bound_the_cost():
    assert price_of("claude-opus-5-5", local=False).output == 20
    assert price_of("claude-sonnet-9", local=False).input == 3
    assert price_of("unheard-of", local=False).input == 10
    assert price_of("unheard-of", local=True).input == 0
