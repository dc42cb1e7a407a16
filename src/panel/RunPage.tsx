/**
 * One run from top to bottom: the request, what needs the clinician, the plan, the findings.
 */

import * as React from 'react';

import { Finding } from '../protocol';
import { duration } from '../numbers';
import { IRunView } from '../state/run';
import { FindingCard } from '../findings/FindingCard';
import { ApprovalCard } from './ApprovalCard';
import { usePanel } from './context';
import { IRunActions } from './actions';
import { PlanList } from './PlanList';
import { Progress } from './Progress';
import { QuestionForm } from './QuestionForm';
import { statusWords } from './status';
import { Timeline } from './Timeline';

export interface IRunPageProps {
  run: IRunView;
  now: number;
  actions: IRunActions;
  scroller: React.RefObject<HTMLElement>;
}

export function RunPage(props: IRunPageProps): React.ReactElement {
  const { run, now, actions } = props;
  const title = (stepId: string) =>
    run.plan?.steps.find(step => step.id === stepId)?.title ?? '';
  return (
    <div className="jp-Clinjup-Run">
      <blockquote className="jp-Clinjup-Intent">{run.intent}</blockquote>
      {run.status === 'running' && run.notebook && (
        <OpenNotebook run={run} actions={actions} />
      )}
      {run.status !== 'running' && <EndCard run={run} actions={actions} />}
      {run.approvals.map(approval => (
        <ApprovalCard
          key={approval.sha256}
          approval={approval}
          title={title(approval.step_id)}
          onDecide={approved =>
            actions.approve(run.id, approval.sha256, approved)
          }
        />
      ))}
      {run.questions.length > 0 && (
        <QuestionForm
          key={run.questions.map(each => each.id).join()}
          questions={run.questions}
          onAnswer={answers => actions.answer(run.id, answers)}
        />
      )}
      <PlanList run={run} now={now} actions={actions} />
      {!run.plan && run.status === 'running' && run.questions.length === 0 && (
        <BeforePlan run={run} />
      )}
      <Timeline items={run.timeline} scroller={props.scroller} />
    </div>
  );
}

/** What goes on before there is a plan: the images of an example are drawn, the data are looked at. */
function BeforePlan(props: { run: IRunView }): React.ReactElement {
  const { trans } = usePanel();
  const { progress } = props.run;
  return progress ? (
    <Progress progress={progress} />
  ) : (
    <p className="jp-Clinjup-Quiet">{trans.__('Making a plan …')}</p>
  );
}

/** How it ended, and where to read on. */
export function EndCard(props: {
  run: IRunView;
  actions: IRunActions;
}): React.ReactElement {
  const { trans } = usePanel();
  const { run, actions } = props;
  const headline = headlineOf(run);
  const cautious = run.status === 'completed' && run.isCautious;
  return (
    <section
      className="jp-Clinjup-Card jp-Clinjup-End"
      data-status={run.status}
      data-cautious={cautious}
      aria-label={trans.__('How the run ended')}
      tabIndex={-1}
    >
      <h4>
        {cautious && <span aria-hidden="true">⚠ </span>}
        {cautious
          ? trans.__('Finished, to be read with caution,')
          : statusWords(trans)[run.status]}
        {run.seconds !== null && (
          <span className="jp-Clinjup-Quiet">
            {' '}
            {trans.__('after %1', duration(run.seconds, trans))}
          </span>
        )}
      </h4>
      {cautious &&
        run.cautions.map(caution => (
          <p key={caution}>
            <strong>{caution}</strong>
          </p>
        ))}
      {run.sentence && <p>{run.sentence}</p>}
      {headline && <FindingCard finding={headline} />}
      <div className="jp-Clinjup-Buttons">
        {run.status === 'completed' && (
          <a
            className="jp-Clinjup-Button jp-mod-accept"
            href={actions.reportUrl(run)}
            target="_blank"
            rel="noreferrer"
          >
            {trans.__('Read the report')}
          </a>
        )}
        {run.resumable && run.questions.length === 0 && (
          <button
            type="button"
            className="jp-Clinjup-Button jp-mod-accept"
            onClick={() => void actions.resume(run.id)}
          >
            {trans.__('Go on')}
          </button>
        )}
        {run.notebook && run.plan && (
          <OpenNotebook run={run} actions={actions} />
        )}
        <button
          type="button"
          className="jp-Clinjup-Button"
          onClick={() => actions.newRequest()}
        >
          {trans.__('New request')}
        </button>
      </div>
    </section>
  );
}

function OpenNotebook(props: {
  run: IRunView;
  actions: IRunActions;
}): React.ReactElement {
  const { trans } = usePanel();
  return (
    <button
      type="button"
      className="jp-Clinjup-Button jp-Clinjup-Open"
      title={props.run.notebook}
      onClick={() => void props.actions.openNotebook(props.run)}
    >
      {trans.__('Open the notebook')}
    </button>
  );
}

/** What most people want to know first: how the chosen model did on the test set. */
function headlineOf(run: IRunView): Finding | null {
  for (const item of run.timeline) {
    if (item.kind === 'finding' && item.finding.kind === 'evaluation') {
      if (item.finding.name === run.selected) {
        return item.finding;
      }
    }
  }
  return null;
}
