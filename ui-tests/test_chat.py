"""The clinjup persona in jupyter-ai's chat: another door to the same runs."""

from __future__ import annotations

from collections.abc import Callable

from lab import DATA, MINUTES, Lab
from playwright.sync_api import expect

REQUEST = "I want to build a model on chest X-rays. Chest drains may act as a confounder."


def say(lab: Lab, text: str) -> None:
    """Send a message in the chat `clinjup.chat`, as its input box does."""
    lab.command(
        "jupyterlab-chat:openWithMessage",
        name="clinjup",
        path="clinjup.chat",
        inSidePanel=False,
        input=text,
        autoSend=True,
    )


def test_a_run_is_started_answered_followed_and_stopped_in_the_chat(open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(width=1700, height=1000)
    messages = lab.page.locator(".jp-chat-messages-container:visible, .jp-chat-message:visible")
    say(lab, f"{REQUEST} data: {DATA}")
    expect(messages.get_by_text("Started. The notebook is").first).to_be_visible(timeout=2 * MINUTES)
    expect(messages.get_by_text("Which finding should the model recognise").first).to_be_visible(timeout=MINUTES)
    lab.screenshot("chat-question")
    say(lab, "target: pneumothorax")
    expect(messages.get_by_text("on it goes").first).to_be_visible(timeout=MINUTES)
    # The card of a finding, drawn by clinjup's MIME renderer.
    card = lab.page.locator(".jp-chat-message .jp-Clinjup-Card[data-kind='cohort']").first
    expect(card).to_contain_text("patients", timeout=2 * MINUTES)
    lab.screenshot("chat-card")
    say(lab, "/stop")
    expect(messages.get_by_text("Interrupted.").first).to_be_visible(timeout=MINUTES)

    (run,) = [run for run in lab.runs() if run["intent"] == REQUEST and run["folder"].endswith("-run")][:1]
    assert run["status"] == "interrupted"  # the same run that the sidebar shows
    lab.panel.get_by_label("Shown run").select_option(run["id"])
    lab.wait_for_end("Stopped", timeout=MINUTES)
