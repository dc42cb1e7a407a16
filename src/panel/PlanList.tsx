/**
 * The plan: one line a step, with its state in a mark, in words for screen readers, and the time it took.
 */

import { undoIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IStep, StepStatus } from '../protocol';
import { duration } from '../numbers';
import { IRunView } from '../state/run';
import { IRunActions } from './actions';
import { usePanel } from './context';
import { Progress } from './Progress';

const MARKS: Record<StepStatus, string> = {
  pending: '○',
  running: '◉',
  done: '✓',
  failed: '✕',
  skipped: '–'
};

export interface IPlanListProps {
  run: IRunView;
  actions: IRunActions;
  /** Now, in seconds since 1970. */
  now: number;
}

export function PlanList(props: IPlanListProps): React.ReactElement | null {
  const { trans } = usePanel();
  const { run } = props;
  if (!run.plan) {
    return null;
  }
  const done = run.plan.steps.filter(step => step.status === 'done').length;
  const opened = openedAt(run);
  return (
    <details
      key={run.status}
      className="jp-Clinjup-Plan"
      open={run.status !== 'completed'}
    >
      <summary>
        {trans.__('Plan')}
        <span className="jp-Clinjup-Quiet">
          {' '}
          {trans.__('%1 of %2 steps', done, run.plan.steps.length)}
        </span>
      </summary>
      <ol aria-label={trans.__('Plan')}>
        {run.plan.steps.map((step, at) => (
          <StepLine
            key={step.id}
            step={step}
            isSealed={at < opened}
            {...props}
          />
        ))}
      </ol>
    </details>
  );
}

/** Where in the plan the test set was opened; no later model could be tested, so nobody goes back to before that. */
function openedAt(run: IRunView): number {
  const opening = run.timeline.find(
    item => item.kind === 'finding' && item.finding.kind === 'test_opening'
  );
  return opening && 'stepId' in opening
    ? run.plan!.steps.findIndex(step => step.id === opening.stepId)
    : 0;
}

function StepLine(
  props: IPlanListProps & { step: IStep; isSealed: boolean }
): React.ReactElement {
  const { trans } = usePanel();
  const { step, run, now } = props;
  const states: Record<StepStatus, string> = {
    pending: trans.__('to do'),
    running: trans.__('running'),
    done: trans.__('done'),
    failed: trans.__('failed'),
    skipped: trans.__('left out')
  };
  const live = step.status === 'running' && run.status === 'running';
  const hasCells = ['running', 'done', 'failed'].includes(step.status);
  const seconds = live
    ? now - (run.stepStarted[step.id] ?? now)
    : run.stepSeconds[step.id];
  return (
    <li
      className="jp-Clinjup-Step"
      data-status={step.status}
      aria-current={live ? 'step' : undefined}
    >
      <span className="jp-Clinjup-Step-mark" aria-hidden="true">
        {MARKS[step.status]}
      </span>
      <span className="jp-Clinjup-Step-title">
        {hasCells && run.notebook ? (
          <button
            type="button"
            className="jp-Clinjup-Step-show"
            title={trans.__('Show this step in the notebook')}
            onClick={() => void props.actions.showStep(run, step.id)}
          >
            {step.title}
          </button>
        ) : (
          step.title
        )}
        <span className="jp-Clinjup-Hidden"> ({states[step.status]})</span>
        {step.note && <span className="jp-Clinjup-Quiet"> {step.note}</span>}
      </span>
      {seconds !== undefined && (
        <span className="jp-Clinjup-Step-time">{duration(seconds, trans)}</span>
      )}
      {live && run.progress && <Progress progress={run.progress} />}
      {run.status !== 'running' &&
        step.status === 'done' &&
        !props.isSealed && (
          <button
            type="button"
            className="jp-Clinjup-Step-back"
            aria-label={trans.__('Go back to before "%1"', step.title)}
            title={trans.__('Go back to before this step')}
            onClick={() => void props.actions.restore(run, step.id)}
          >
            <undoIcon.react
              tag="span"
              width="14px"
              height="14px"
              aria-hidden="true"
            />
          </button>
        )}
    </li>
  );
}
