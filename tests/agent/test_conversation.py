"""The conversation only grows, stays well-formed whatever happens, and is compacted seldom and the same way each time."""

from __future__ import annotations

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from clinjup.agent.conversation import CHARACTERS_PER_TOKEN, HARD_LIMIT, Conversation, shortened


def call(number: int, **arguments) -> dict:
    return {"type": "tool_use", "id": f"call_{number}", "name": "run_cell", "input": arguments}


def turn(conversation: Conversation, number: int, *, size: int = 800, result: int = 600) -> None:
    conversation.add([{"type": "text", "text": "Next."}, call(number, source="x" * size)])
    conversation.result(f"call_{number}", "y" * result)
    conversation.close(f"step_{number}: done")


def well_formed(messages: list[dict]) -> bool:
    """As the Messages API checks it."""
    roles = [message["role"] for message in messages]
    if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"]:
        return False
    for assistant, user in zip(messages[1::2], messages[2::2], strict=True):
        calls = [block["id"] for block in assistant["content"] if block["type"] == "tool_use"]
        results = [block["tool_use_id"] for block in user["content"] if block["type"] == "tool_result"]
        leading = [block["type"] for block in user["content"][: len(results)]]
        if (
            calls != results
            or leading != ["tool_result"] * len(results)
            or not assistant["content"]
            or not user["content"]
        ):
            return False
    return all(block.get("text", "x").strip() for message in messages for block in message["content"])


def test_no_sent_byte_changes_between_two_compactions():
    conversation = Conversation("The request.")
    sent = [json.dumps(conversation.messages())]
    for number in range(10):
        turn(conversation, number)
        sent.append(json.dumps(conversation.messages()))
    for earlier, later in itertools.pairwise(sent):
        assert later.startswith(earlier[:-1])


def test_a_call_without_a_result_gets_one_before_the_next_request():
    conversation = Conversation("The request.")
    conversation.add([call(1)])
    conversation.close("stopped")
    assert well_formed(conversation.messages())
    assert "stopped before" in conversation.messages()[2]["content"][0]["content"]


def test_an_empty_turn_is_still_a_message():
    conversation = Conversation("The request.")
    conversation.add([])
    conversation.remark("Call one tool.")
    conversation.close("nothing")
    assert well_formed(conversation.messages())


TURNS = st.lists(
    st.tuples(
        st.integers(0, 2),  # calls
        st.booleans(),  # text
        st.integers(0, 2),  # calls that are answered
        st.booleans(),  # remark
        st.booleans(),  # compaction afterwards
    ),
    max_size=12,
)


@given(TURNS)
@settings(max_examples=200, deadline=None)
def test_every_history_is_well_formed(turns):
    conversation = Conversation("The request.")
    number = 0
    for calls, text, answered, remark, compaction in turns:
        blocks = [{"type": "text", "text": "Hm."}] * text
        identifiers = [number + place for place in range(calls)]
        number += calls
        conversation.add([*blocks, *(call(identifier) for identifier in identifiers)])
        for identifier in identifiers[:answered]:
            conversation.result(f"call_{identifier}", "fine")
        if remark:
            conversation.remark("One call a turn.")
        conversation.close("a turn")
        assert well_formed(conversation.messages())
        if compaction:
            conversation.compact()
            assert well_formed(conversation.messages())
    assert conversation.characters == sum(
        len(json.dumps(message, ensure_ascii=False)) for message in conversation.messages()
    )


def test_a_hundred_turns_stay_under_sixty_thousand_tokens_with_few_compactions():
    conversation = Conversation("The request. " * 400)
    beside = 14_000
    turns_at_compaction = []
    for number in range(100):
        conversation.compact_if_due(beside)
        if conversation.compactions > len(turns_at_compaction):
            turns_at_compaction.append(number)
        assert (conversation.characters + beside) / CHARACTERS_PER_TOKEN < 60_000
        turn(conversation, number, size=4_000, result=1_800)  # the largest that the planner lets through
    gaps = [later - earlier for earlier, later in itertools.pairwise(turns_at_compaction)]
    assert turns_at_compaction and min(gaps, default=20) >= 20


def test_compaction_keeps_the_newest_turns_in_full_and_a_line_of_the_others():
    conversation = Conversation("The request.")
    for number in range(8):
        turn(conversation, number, size=20, result=20)
    conversation.compact()
    (only,) = conversation.messages()
    text = "\n".join(block["text"] for block in only["content"])
    assert text.startswith("The request.")
    assert "- step_3: done" in text and "- step_4: done" not in text
    assert text.count('"source": "' + "x" * 20) == 4
    assert conversation.turns == 0


def test_compaction_is_the_same_each_time():
    def compacted():
        conversation = Conversation("The request.")
        for number in range(30):
            turn(conversation, number)
            if number in {10, 20}:
                conversation.compact()
        return json.dumps(conversation.messages())

    assert compacted() == compacted()


def test_thinking_does_not_survive_a_compaction_because_its_past_does_not():
    conversation = Conversation("The request.")
    conversation.add([{"type": "thinking", "thinking": "hm", "signature": "s"}, call(1)])
    conversation.result("call_1", "fine")
    conversation.close("step: done")
    assert "thinking" in json.dumps(conversation.messages())
    conversation.compact()
    assert "thinking" not in json.dumps(conversation.messages())


def test_one_huge_turn_is_compacted_at_once():
    conversation = Conversation("The request.")
    turn(conversation, 1, size=HARD_LIMIT)
    for number in range(2, 6):
        turn(conversation, number)
    conversation.compact_if_due(0)
    assert conversation.compactions == 1
    assert conversation.characters < 20_000


def test_shortened_text_keeps_head_and_tail():
    text = "head " + "x" * 1000 + " tail"
    short = shortened(text, 100)
    assert short.startswith("head ") and short.endswith(" tail") and len(short) < 150
    assert shortened("short", 100) == "short"
