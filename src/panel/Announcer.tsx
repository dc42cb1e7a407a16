/**
 * Says aloud, for screen readers, what has just changed: the step, a question, an approval, a problem, the end.
 */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IRunView, liveRun, waitsForClinician } from '../state/run';
import { usePanel } from './context';
import { labelOf } from './Progress';
import { pauseOf } from './status';

export function Announcer(props: {
  /** The run that is shown. */
  run: IRunView | null;
  runs: IRunView[];
}): React.ReactElement {
  const { trans } = usePanel();
  return (
    <div className="jp-Clinjup-Hidden" role="status" aria-live="polite">
      {sentence(props.run, props.runs, trans)}
    </div>
  );
}

/** What the shown run waits for; else that another one waits; else how the shown one stands. */
function sentence(
  run: IRunView | null,
  runs: IRunView[],
  trans: TranslationBundle
): string {
  const live = liveRun(runs);
  if (live && live.id !== run?.id && waitsForClinician(live)) {
    if (!run || !waitsForClinician(run)) {
      return trans.__('Another run waits for you: %1', live.intent);
    }
  }
  return run ? announcement(run, trans) : '';
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
    return [...run.cautions, run.sentence].join(' ');
  }
  const last = run.timeline[run.timeline.length - 1];
  if (last?.kind === 'problem' && !last.mended) {
    return last.text;
  }
  const pause = pauseOf(run, trans);
  if (pause) {
    return pause;
  }
  if (!run.plan && run.progress) {
    return labelOf(run.progress.label, trans);
  }
  const step = run.plan?.steps.find(each => each.status === 'running');
  return step ? trans.__('Running: %1', step.title) : '';
}
