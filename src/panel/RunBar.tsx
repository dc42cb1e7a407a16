/**
 * Below a live run: elapsed and remaining time, pause, and the button that stops now.
 */

import { stopIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { duration } from '../numbers';
import { IRunView, workTimes } from '../state/run';
import { IRunActions } from './actions';
import { usePanel } from './context';
import { pauseOf } from './status';

export interface IRunBarProps {
  run: IRunView;
  now: number;
  actions: IRunActions;
}

export function RunBar(props: IRunBarProps): React.ReactElement {
  const { trans } = usePanel();
  const [stopping, setStopping] = React.useState(false);
  const { run, now, actions } = props;
  const { elapsed, left } = workTimes(run, now);
  const pause = pauseOf(run, trans);
  // While the images of an example are drawn, it has no notebook, and nothing to pause.
  const begun = run.notebook !== '';
  const stop = async () => {
    if (stopping) {
      return;
    }
    setStopping(true);
    try {
      await actions.stop(run.id);
    } finally {
      setStopping(false);
    }
  };
  return (
    <footer className="jp-Clinjup-RunBar">
      <span className="jp-Clinjup-Times">
        {pause && <strong>{pause}</strong>}
        <span>{trans.__('%1 elapsed', duration(elapsed, trans))}</span>
        {begun && left !== null && left > 0 && (
          <span className="jp-Clinjup-Quiet">
            {trans.__('at most %1 more', duration(left, trans))}
          </span>
        )}
      </span>
      <span className="jp-Clinjup-RunBar-buttons">
        {begun && (
          <button
            type="button"
            className="jp-Clinjup-Button"
            title={
              run.paused
                ? trans.__('Go on with the next cell')
                : trans.__('The running cell ends, the next one waits')
            }
            onClick={() => void actions.pause(run.id, !run.paused)}
          >
            {run.paused ? trans.__('Go on') : trans.__('Pause')}
          </button>
        )}
        <button
          type="button"
          className="jp-Clinjup-Button jp-Clinjup-Stop"
          aria-disabled={stopping}
          onClick={stop}
        >
          <stopIcon.react
            tag="span"
            width="14px"
            height="14px"
            aria-hidden="true"
          />
          {stopping ? trans.__('Stopping …') : trans.__('Stop')}
        </button>
      </span>
    </footer>
  );
}
