"""When the model cannot go on: the clinician is asked whether the offline planner may, and it goes on from the step where it stood."""

from __future__ import annotations

from clinjup.agent.planners.claude_steps import StepBook
from clinjup.agent.planners.recipes import RecipePlanner
from clinjup.agent.state import Brief, RunState
from clinjup.contracts import Action, AskClinician, Finish, Plan, Question, QuestionOption, StepStatus

CONTINUE_OFFLINE = "continue_offline"
_NO_OFFLINE = "The offline planner has no recipes for this kind of task."


class Handover:
    """agent.planners.Planner from here on. `reason`: why the model does not go on; `asks`: whether consent is needed."""

    name = "offline"

    def __init__(self, book: StepBook, reason: str, *, asks: bool = True) -> None:
        self._book = book
        self._reason = reason
        self._asks = asks
        self._offline: RecipePlanner | None = None

    @classmethod
    def for_brief(cls, brief: Brief, reason: str) -> Handover:
        """For a run that is resumed without its model."""
        return cls(StepBook.for_brief(brief), reason)

    @property
    def about(self) -> dict[str, str]:
        """Who plans, for the journal."""
        return {"planner": self.name, "instead_of": "claude", "reason": self._reason}

    async def plan(self, brief: Brief) -> Plan:
        """The plan of the earlier try, for a resumed run."""
        assert brief.earlier is not None, "before the first plan there is nothing to take over"
        return as_pending(brief.earlier)

    async def next_action(self, state: RunState) -> Action:
        if self._offline is None:
            answer = "yes" if not self._asks else state.answers.get(CONTINUE_OFFLINE)
            plan = self._book.offline_plan(state.plan)
            if plan is None:
                return Finish(status="failed", sentence=f"{self._reason} {_NO_OFFLINE}")
            if answer is None:
                return AskClinician(questions=[self._question(state.brief.task.language == "de")])
            if answer != "yes":
                sentence = f"{self._reason} The offline planner was not wanted, so the run ends here."
                return Finish(status="failed", sentence=sentence)
            state.plan, self._offline = plan, RecipePlanner()
        return await self._offline.next_action(state)

    async def close(self) -> None:
        """Nothing to give back."""

    def _question(self, german: bool) -> Question:
        text = (
            f"Das Modell kann nicht weiterarbeiten. {self._reason} Soll der Offline-Planer vom jetzigen Stand aus weitermachen?"
            if german
            else f"The model cannot go on. {self._reason} Shall the offline planner go on from here?"
        )
        yes, no = ("Ja, ohne Modell weitermachen", "Nein, hier stoppen") if german else _ENGLISH
        options = [QuestionOption(value="yes", text=yes), QuestionOption(value="no", text=no)]
        return Question(id=CONTINUE_OFFLINE, text=text, options=options)


_ENGLISH = "Yes, go on without a model", "No, stop here"


def as_pending(plan: Plan) -> Plan:
    """The plan of an earlier try, all of it still to be done; what was done is found out when the run is restored."""
    again = plan.model_copy(deep=True)
    for step in again.steps:
        step.status = StepStatus.PENDING
    return again
