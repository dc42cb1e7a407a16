"""The planner that asks a model: a plan, then the same actions as the offline planner's; it hands over to that one when it must."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from clinjup.agent.budget import CLOSING_SECONDS, Budget, BudgetSpentError
from clinjup.agent.conversation import CHARACTERS_PER_TOKEN, Conversation
from clinjup.agent.pictures import figures_of
from clinjup.agent.planners.claude_steps import StepBook
from clinjup.agent.planners.handover import Handover, as_pending
from clinjup.agent.prompts import PROMPT_VERSION, opening_prompt, system_prompt
from clinjup.agent.provider import Prompt, Provider, ProviderError, Turn, price_of
from clinjup.agent.state import Brief, Ledger, Observation, RunState
from clinjup.agent.telling import findings_text, observation_text, plan_text, profile_text, so_far_text, task_text
from clinjup.agent.tools import ProposePlan, ToolCallError, read_call, tool_definitions
from clinjup.contracts import Action, Inspect, PlaceRecipe, Plan, RunCell

MAX_FRUITLESS_TURNS = 4  # in a row, without an action
MAX_FAILURES = 5  # in a row, whatever the step


class ClaudePlanner:
    """agent.planners.Planner on a model behind the gate."""

    name = "claude"

    def __init__(self, provider: Provider, ledger: Ledger, budget: Budget | None = None) -> None:
        self.provider = provider
        self.budget = budget or Budget()
        self._ledger = ledger
        self._tools = list(tool_definitions())
        self._system = system_prompt()
        self._beside = len(self._system) + len(str(self._tools))
        self._conversation: Conversation | None = None
        self._book: StepBook | None = None
        self._call: tuple[str, Action] | None = None
        self._failures = 0
        self._successor: Handover | None = None
        self._deadline = 0.0
        self._noted: dict[str, Any] = {}

    @property
    def about(self) -> dict[str, str]:
        """Who plans, for the journal and for whoever watches."""
        server = self.provider.server
        return {"planner": self.name, "model": server.model, "server": server.base_url, "prompts": PROMPT_VERSION}

    async def close(self) -> None:
        """Close the connection to the server, and write down what was used since the last turn."""
        await self.provider.close()
        self._note_usage()

    # ---------------------------------------------------------------------------------------------------- planning

    async def plan(self, brief: Brief) -> Plan:
        """The model's plan; that of the earlier try for a resumed run. Raises ProviderError before anything was run."""
        self._book = StepBook.for_brief(brief)
        self._deadline = time.monotonic() + brief.budget_seconds
        await self.provider.probe()
        if brief.earlier is not None:
            return as_pending(brief.earlier)
        self._conversation = Conversation(self._opening(brief, "Nothing yet."))
        try:
            return await self._proposed_plan()
        except BudgetSpentError as spent:
            raise ProviderError("lost", detail=f": {spent}") from spent

    async def _proposed_plan(self) -> Plan:
        assert self._book is not None
        for _ in range(MAX_FRUITLESS_TURNS):
            turn = await self._ask()
            if turn is None or not turn.calls:
                continue
            call = turn.calls[0]
            try:
                proposal = read_call(call["name"], call["input"])
                if not isinstance(proposal, ProposePlan):
                    raise ToolCallError("Propose the plan first, with propose_plan.")
                plan = self._book.plan_of(proposal, None)
            except ToolCallError as error:
                self._refuse(call, error)
                continue
            self._reply(call, "The plan is accepted. Carry it out.", line=f"propose_plan: {len(plan.steps)} steps")
            return plan
        if self._book.draft is None:
            raise ProviderError("lost", detail=": it proposed no plan")
        return self._book.draft.model_copy(deep=True)

    def _opening(self, brief: Brief, done: str) -> str:
        assert self._book is not None
        draft = self._book.draft
        return opening_prompt(
            task=task_text(brief),
            data=profile_text(brief),
            draft=plan_text(draft) if draft else "None: the recipes do not cover this task. Write cells of your own.",
            done=done,
            minutes=f"{brief.budget_seconds / 60:.0f}",
            approval=brief.approval.value,
        )

    # ----------------------------------------------------------------------------------------------------- actions

    async def next_action(self, state: RunState) -> Action:
        assert self._book is not None, "plan() first"
        if self._successor is None and state.seconds_left() < CLOSING_SECONDS:
            # Not a failure, so nobody is asked: what there is gets evaluated in the time that is left.
            self._successor = Handover(self._book, "The time of the run is used up.", asks=False)
        if self._successor is not None:
            return await self._successor.next_action(state)
        self._deadline = state.deadline
        try:
            if self._conversation is None:
                self._conversation = Conversation(self._opening(state.brief, so_far_text(state)))
            self._observe(state)
            return await self._decide(state)
        except (ProviderError, BudgetSpentError) as fault:
            self._successor = Handover(self._book, str(fault))
            return await self._successor.next_action(state)

    def _observe(self, state: RunState) -> None:
        """Tell the model what became of its last action. Raises BudgetSpentError when it goes round in circles."""
        if self._call is None or state.observation is None:
            return
        (call_id, action), self._call = self._call, None
        observation = state.observation
        self.provider.said(*observation.answers.values())
        text = self._look(action, state) if isinstance(action, Inspect) else observation_text(observation)
        failed = observation.kind != "carried_out"
        left = f"({max(state.seconds_left() / 60, 0):.0f} min left)"
        shown = figures_of(observation, state.brief) if state.brief.share_images else []
        self._conversation_now.result(call_id, f"{text}\n{left}", pictures=shown, is_error=failed)
        self._conversation_now.close(_line(action, observation))
        self._failures = self._failures + 1 if failed else 0
        self.budget.note_state(_signature(action, text))
        if failed and isinstance(action, (PlaceRecipe, RunCell)):
            self._check_stuck(action.step_id, state)

    def _check_stuck(self, step_id: str, state: RunState) -> None:
        errors = [attempt.error for attempt in state.attempts_of(step_id) if attempt.error is not None]
        title = state.plan.step(step_id).title
        if len(errors) > state.brief.max_fix_attempts:
            raise BudgetSpentError(
                f"The step '{title}' failed {len(errors)} times. The last error: {errors[-1].sentence}"
            )
        if len(errors) >= 2 and errors[-1].signature == errors[-2].signature:
            raise BudgetSpentError(f"The step '{title}' failed twice with the same error: {errors[-1].sentence}")
        if self._failures >= MAX_FAILURES:
            raise BudgetSpentError(f"The model's last {self._failures} cells failed or were rejected.")

    async def _decide(self, state: RunState) -> Action:
        assert self._book is not None
        for _ in range(MAX_FRUITLESS_TURNS):
            turn = await self._ask()
            if turn is None or not turn.calls:
                continue
            call = turn.calls[0]
            try:
                wanted = read_call(call["name"], call["input"])
                if isinstance(wanted, ProposePlan):
                    state.plan = self._book.plan_of(wanted, state.plan)
                    text = f"The plan has these steps now:\n{plan_text(state.plan, with_status=True)}"
                    self._reply(call, text, line=f"propose_plan: {len(state.plan.steps)} steps")
                    continue
                action = self._book.complete(wanted, state)
            except ToolCallError as error:
                self._refuse(call, error)
                continue
            self._call = (call["id"], action)
            return action
        raise ProviderError("lost", detail=f", {MAX_FRUITLESS_TURNS} times in a row")

    # --------------------------------------------------------------------------------------------------- the model

    async def _ask(self) -> Turn | None:
        """The model's next turn, written into the conversation; None for one that was no use. Raises ProviderError."""
        conversation = self._conversation_now
        conversation.compact_if_due(self._beside)
        try:
            turn = await self._turn()
        except ProviderError as fault:
            if fault.kind == "too_long":
                conversation.add([{"type": "text", "text": "(an answer that was too long)"}])
                conversation.remark(f"{fault} Write short cells, one thing each.")
                conversation.close("an answer that was too long")
                return None
            if fault.kind not in {"context_window", "history"} or not conversation.turns:
                raise
            conversation.compact()
            turn = await self._turn()
        if turn.stop_reason == "model_context_window_exceeded":
            conversation.compact()
            turn = await self._turn()
            if turn.stop_reason == "model_context_window_exceeded":
                raise ProviderError("context_window")
        if turn.stop_reason == "refusal":
            raise ProviderError(
                "refusal", detail=f": {turn.refusal or turn.text[:300]}" if turn.refusal or turn.text else ""
            )
        self._write(turn)
        return turn

    async def _turn(self) -> Turn:
        prompt = Prompt(self._system, self._tools, self._conversation_now.messages())
        try:
            turn = await self.provider.turn(
                prompt,
                on_text=lambda text: self._ledger.publish("text.delta", {"text": text}),
                before_request=self._check_budget,
            )
        finally:
            self._note_usage()
        left = round(self._deadline - time.monotonic())
        self._ledger.publish("usage", {**self._used(), "max_cost": self.budget.max_cost, "seconds_left": left})
        return turn

    def _note_usage(self) -> None:
        """Write down what was used since the last note: a try that is killed must not make the next one forget what it cost."""
        used = self._used()
        new = {
            name: round(used[name] - self._noted.get(name, 0), 4)
            for name in ("requests", "tokens", "cached_tokens", "cost")
        }
        if any(new.values()):
            self._noted = used
            self._ledger.record("usage", {"model": used["model"], **new}, wait=False)

    def _used(self) -> dict[str, Any]:
        """What this try of the run has used; `cost` in US dollars by list price."""
        provider = self.provider
        return {
            "model": provider.server.model,
            "requests": provider.requests,
            "tokens": provider.usage.tokens,
            "cached_tokens": provider.usage.cache_read,
            "cost": round(provider.cost, 4),
        }

    def _check_budget(self) -> None:
        if time.monotonic() > self._deadline:
            raise BudgetSpentError("The time of the run is used up.")
        server = self.provider.server
        self.budget.check(
            requests=self.provider.requests,
            usage=self.provider.usage,
            price=price_of(server.model, local=server.local),
            next_tokens=int((self._conversation_now.characters + self._beside) / CHARACTERS_PER_TOKEN),
        )

    def _write(self, turn: Turn) -> None:
        """Put the turn into the conversation; one without a usable call is answered at once."""
        conversation = self._conversation_now
        calls = turn.calls
        kept = [block for block in turn.content if block["type"] != "tool_use" or block is calls[0]]
        conversation.add(kept)
        if len(calls) > 1:
            conversation.remark(f"One call a turn: only the first of your {len(calls)} was looked at.")
        if not calls:
            remarks = {
                "max_tokens": "Your answer was cut off before a tool call was complete. Write less: a short cell, one thing.",
                "pause_turn": "Go on.",
            }
            conversation.remark(remarks.get(turn.stop_reason, "Call one tool. When all is done, call finish."))
            conversation.close("an answer without a tool call")

    def _reply(self, call: dict[str, Any], text: str, *, line: str, is_error: bool = False) -> None:
        self._conversation_now.result(call["id"], text, is_error=is_error)
        self._conversation_now.close(line)

    def _refuse(self, call: dict[str, Any], error: ToolCallError) -> None:
        self._reply(call, str(error), line=f"{call['name']}: not accepted ({error})", is_error=True)

    @property
    def _conversation_now(self) -> Conversation:
        assert self._conversation is not None
        return self._conversation

    def _look(self, action: Inspect, state: RunState) -> str:
        if action.what == "profile":
            return profile_text(state.brief)
        if action.what == "plan":
            return plan_text(state.plan, with_status=True)
        return findings_text(state.findings)


def _line(action: Action, observation: Observation) -> str:
    """What is left of a turn after a compaction."""
    what: str = action.type
    if isinstance(action, (PlaceRecipe, RunCell)):
        what = f"{action.step_id}: {action.recipe if isinstance(action, PlaceRecipe) else 'own cell'}"
    text = observation_text(observation).replace("\n", " ")
    return f"{what}: {text}"


def _signature(action: Action, text: str) -> str:
    return hashlib.sha256(f"{action.model_dump_json()}\n{text}".encode()).hexdigest()
