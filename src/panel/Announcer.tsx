/**
 * Says aloud, for screen readers, what has just changed: the step, a question, an approval, a problem, the end.
 */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IRunView } from '../state/run';
import { usePanel } from './context';

export function Announcer(props: { run: IRunView | null }): React.ReactElement {
  const { trans } = usePanel();
  return (
    <div className="jp-Clinjup-Hidden" role="status" aria-live="polite">
      {props.run ? announcement(props.run, trans) : ''}
    </div>
  );
}

/** The one sentence that matters most now. */
export function announcement(run: IRunView, trans: TranslationBundle): string {
  if (run.questions.length > 0) {
    return trans.__('clinjup asks: %1', run.questions[0].text);
  }
  if (run.approvals.length > 0) {
    return trans.__(
      'A cell waits for your approval: %1',
      run.approvals[0].reason
    );
  }
  if (run.status !== 'running') {
    return run.sentence;
  }
  const last = run.timeline[run.timeline.length - 1];
  if (last?.kind === 'problem' && !last.mended) {
    return last.text;
  }
  const step = run.plan?.steps.find(each => each.status === 'running');
  return step ? trans.__('Running: %1', step.title) : '';
}
