/**
 * What the panel knows about one run, built from its events alone: a pure function, so that a replay gives the same panel.
 */

import {
  ClinjupEvent,
  Finding,
  ICellProgress,
  IDestination,
  IPendingApproval,
  IPlanUpdated,
  IQuestion,
  IRunSummary,
  isFinding,
  RunStatus
} from '../protocol';

/** One entry of the list below the plan. */
export type TimelineItem =
  | { key: string; kind: 'finding'; stepId: string; finding: Finding }
  | {
      key: string;
      kind: 'problem';
      stepId: string;
      text: string;
      repair: string;
      mended: boolean;
    }
  | { key: string; kind: 'notice'; text: string; cellId?: string }
  | { key: string; kind: 'text'; text: string };

export interface IRunView {
  id: string;
  /** The newest event that is in this view; -1 = none. */
  seq: number;
  intent: string;
  status: RunStatus;
  /** Somebody pressed pause: it does nothing after the running cell. */
  paused: boolean;
  resumable: boolean;
  notebook: string;
  folder: string;
  destination: IDestination;
  /** When it was first started, in seconds since 1970. */
  startedAt: number;
  budgetSeconds: number;
  /** How long it has worked, and still may; null before the server has told. */
  clock: IWorkClock | null;
  /** Seconds it took, once it has ended. */
  seconds: number | null;
  sentence: string;
  /** Whether its figures must not be taken as they stand. */
  isCautious: boolean;
  /** Why, but for what `sentence` says already. */
  cautions: string[];
  report: string | null;
  /** Name of the model that was chosen. */
  selected: string | null;
  plan: IPlanUpdated | null;
  /** Seconds spent in finished cells, by step. */
  stepSeconds: Record<string, number>;
  /** When the running cell of a step started, in seconds since 1970. */
  stepStarted: Record<string, number>;
  progress: ICellProgress | null;
  timeline: TimelineItem[];
  questions: IQuestion[];
  approvals: IPendingApproval[];
  /** US dollars; null where nothing was paid for. */
  cost: number | null;
}

/** What the server said at `at`, in seconds since 1970. It stands while the run waits for something. */
export interface IWorkClock {
  at: number;
  elapsed: number;
  /** null: only the program that carries the run knows. */
  secondsLeft: number | null;
  waitsFor: IRunSummary['waits_for'];
}

/** Seconds the run has worked, all tries together, and may work on at most. `now` in seconds since 1970. */
export function workTimes(
  run: IRunView,
  now: number
): { elapsed: number; left: number | null } {
  const clock = run.clock;
  if (!clock) {
    return { elapsed: 0, left: run.budgetSeconds };
  }
  const since = clock.waitsFor ? 0 : Math.max(0, now - clock.at);
  return {
    elapsed: clock.elapsed + since,
    left:
      clock.secondsLeft === null ? null : Math.max(0, clock.secondsLeft - since)
  };
}

export function newRun(id: string): IRunView {
  return {
    id,
    seq: -1,
    intent: '',
    status: 'running',
    paused: false,
    resumable: false,
    notebook: '',
    folder: '',
    destination: { offline: true, host: null, loopback: false },
    startedAt: 0,
    budgetSeconds: 0,
    clock: null,
    seconds: null,
    sentence: '',
    isCautious: false,
    cautions: [],
    report: null,
    selected: null,
    plan: null,
    stepSeconds: {},
    stepStarted: {},
    progress: null,
    timeline: [],
    questions: [],
    approvals: [],
    cost: null
  };
}

/** Whether the run can do nothing more until the clinician has answered or approved. */
export function waitsForClinician(run: IRunView): boolean {
  return run.questions.length + run.approvals.length > 0;
}

/** Whether its pause has taken effect: it does once the running cell has ended. */
export function isPaused(run: IRunView): boolean {
  return run.status === 'running' && run.clock?.waitsFor === 'go_on';
}

/** The live run that is told about first: one that waits for the clinician before all others. */
export function liveRun(runs: readonly IRunView[]): IRunView | null {
  const live = runs.filter(run => run.status === 'running');
  return live.find(waitsForClinician) ?? live[0] ?? null;
}

/** The run with what the server says about it as a whole; plan and findings come with its events. */
export function withSummary(run: IRunView, summary: IRunSummary): IRunView {
  const live = summary.status === 'running';
  return {
    ...run,
    intent: summary.intent,
    status: summary.status,
    paused: summary.paused,
    resumable: summary.resumable,
    notebook: summary.notebook,
    folder: summary.folder,
    destination: summary.destination,
    startedAt: summary.started,
    budgetSeconds: summary.budget_seconds,
    clock: {
      at: summary.as_of,
      elapsed: summary.elapsed,
      secondsLeft: summary.seconds_left,
      waitsFor: summary.waits_for
    },
    seconds: live ? null : summary.elapsed,
    sentence: summary.sentence,
    progress: live ? run.progress : null,
    questions: summary.questions,
    approvals: summary.approvals
  };
}

/** The run after these events; the same object when none of them was news. */
export function reduceRun(
  run: IRunView,
  events: readonly ClinjupEvent[]
): IRunView {
  let next = run;
  for (const event of events) {
    if (event.run_id !== run.id || event.seq <= next.seq) {
      continue;
    }
    if (next === run) {
      next = { ...run, timeline: run.timeline.slice() };
    }
    next.seq = event.seq;
    apply(next, event);
  }
  return next;
}

/** Put one event into `run`, whose timeline is ours to change; everything else is replaced, never changed in place. */
function apply(run: IRunView, event: ClinjupEvent): void {
  switch (event.type) {
    case 'run.started':
      Object.assign(run, {
        intent: event.data.intent,
        folder: event.data.folder,
        notebook: event.data.notebook || run.notebook,
        destination: event.data.destination,
        budgetSeconds: event.data.budget_seconds,
        startedAt: event.data.started || event.ts,
        status: 'running',
        seconds: null,
        sentence: '',
        progress: null,
        isCautious: false,
        cautions: [],
        resumable: false,
        questions: []
      });
      break;
    case 'plan.updated':
      run.plan = event.data;
      break;
    case 'text.delta':
      addText(run, event, event.data.text, event.data.loud);
      break;
    case 'approval.requested':
      run.approvals = [
        ...run.approvals.filter(each => each.sha256 !== event.data.sha256),
        event.data
      ];
      break;
    case 'approval.resolved':
      run.approvals = run.approvals.filter(
        each => each.sha256 !== event.data.sha256
      );
      break;
    case 'question.asked':
      run.questions = event.data.questions;
      break;
    case 'question.answered':
      run.questions = [];
      break;
    case 'cell.started':
      run.progress = null;
      run.stepStarted = { ...run.stepStarted, [event.data.step_id]: event.ts };
      break;
    case 'cell.progress':
      run.progress = event.data;
      break;
    case 'cell.finished':
      finishCell(run, event.data.step_id, event.data.ok, event.data.seconds);
      break;
    case 'error.diagnosed':
      run.timeline.push({
        key: key(event),
        kind: 'problem',
        stepId: event.data.step_id,
        text: event.data.message,
        repair: '',
        mended: false
      });
      break;
    case 'error.repaired':
      changeProblems(run, event.data.step_id, { repair: event.data.change });
      break;
    case 'result':
      if (isFinding(event.data.finding)) {
        run.timeline.push({
          key: key(event),
          kind: 'finding',
          stepId: event.data.step_id,
          finding: event.data.finding
        });
      }
      break;
    case 'usage':
      run.cost = event.data.cost;
      break;
    case 'run.clock':
      run.clock = {
        at: event.ts,
        elapsed: event.data.elapsed,
        secondsLeft: event.data.seconds_left,
        waitsFor: event.data.waits_for
      };
      break;
    case 'run.paused':
      run.paused = event.data.paused;
      break;
    case 'notebook.changed':
      if (event.data.change === 'taken_back') {
        const { cell_id } = event.data;
        run.timeline = run.timeline.filter(
          item => item.kind !== 'notice' || item.cellId !== cell_id
        );
      } else {
        run.timeline.push({
          key: key(event),
          kind: 'notice',
          text: event.data.sentence,
          cellId: event.data.cell_id
        });
      }
      break;
    case 'notebook.restored':
      goBack(run, event.data.steps);
      Object.assign(run, { isCautious: false, cautions: [], selected: null });
      if (run.status !== 'running') {
        // A live run that does steps again goes on.
        Object.assign(run, {
          status: 'interrupted',
          sentence: event.data.sentence,
          resumable: true
        });
      }
      run.timeline.push({
        key: key(event),
        kind: 'notice',
        text: event.data.sentence
      });
      break;
    case 'run.finished': {
      const cautions = event.data.cautions ?? []; // a journal of an earlier version has none
      Object.assign(run, {
        status: event.data.status,
        sentence: event.data.sentence,
        seconds: event.data.seconds,
        clock: null,
        isCautious: cautions.length > 0,
        cautions: cautions.filter(each => !event.data.sentence.includes(each)),
        report: event.data.report,
        selected: event.data.selected,
        progress: null,
        paused: false,
        approvals: [],
        questions: event.data.questions,
        resumable: event.data.resumable
      });
      break;
    }
  }
}

function finishCell(
  run: IRunView,
  stepId: string,
  ok: boolean,
  seconds: number
): void {
  run.progress = null;
  run.stepSeconds = {
    ...run.stepSeconds,
    [stepId]: (run.stepSeconds[stepId] ?? 0) + seconds
  };
  if (ok) {
    changeProblems(run, stepId, { mended: true });
  }
}

/** These steps are to be done again. What they found is gone, but for the opening of the test set: that cannot be taken back. */
function goBack(run: IRunView, stepIds: string[]): void {
  const isGone = (stepId: string) => stepIds.includes(stepId);
  run.plan = run.plan && {
    ...run.plan,
    steps: run.plan.steps.map(step =>
      isGone(step.id) ? { ...step, status: 'pending' } : step
    )
  };
  run.stepSeconds = Object.fromEntries(
    Object.entries(run.stepSeconds).filter(([stepId]) => !isGone(stepId))
  );
  run.timeline = run.timeline.filter(
    item =>
      !('stepId' in item && isGone(item.stepId)) ||
      (item.kind === 'finding' && item.finding.kind === 'test_opening')
  );
}

/**
 * Change what is told about the problems of this step. What mended one is often told after the cell that shows it: it belongs to
 * those that have no repair yet.
 */
function changeProblems(
  run: IRunView,
  stepId: string,
  change: { repair: string } | { mended: boolean }
): void {
  run.timeline.forEach((item, index) => {
    if (item.kind === 'problem' && item.stepId === stepId) {
      const open = 'repair' in change ? item.repair === '' : !item.mended;
      run.timeline[index] = open ? { ...item, ...change } : item;
    }
  });
}

/** Pieces of one streamed text make one entry; a loud sentence stands alone. */
function addText(
  run: IRunView,
  event: ClinjupEvent,
  text: string,
  loud: boolean
): void {
  const last = run.timeline[run.timeline.length - 1];
  if (loud) {
    run.timeline.push({ key: key(event), kind: 'notice', text });
  } else if (last?.kind === 'text') {
    run.timeline[run.timeline.length - 1] = { ...last, text: last.text + text };
  } else {
    run.timeline.push({ key: key(event), kind: 'text', text });
  }
}

function key(event: ClinjupEvent): string {
  return `${event.run_id}:${event.seq}`;
}
