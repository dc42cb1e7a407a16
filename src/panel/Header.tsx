/**
 * Always in sight: where words go ('offline' or the host), what it has cost, which run is shown.
 */

import { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { clinjupIcon, offlineIcon, onlineIcon } from '../icons';
import { number } from '../numbers';
import { IDestination } from '../protocol';
import { IRunView } from '../state/run';
import { usePanel } from './context';
import { runLine } from './status';

export interface IHeaderProps {
  destination: IDestination;
  run: IRunView | null;
  runs: IRunView[];
  onSelect: (runId: string | null) => void;
}

export function Header(props: IHeaderProps): React.ReactElement {
  const { trans, language } = usePanel();
  const { offline, loopback } = props.destination;
  const host = props.destination.host ?? '';
  const cost = props.run?.cost ?? 0;
  return (
    <header className="jp-Clinjup-Header">
      <div className="jp-Clinjup-Brand">
        <clinjupIcon.react
          tag="span"
          width="18px"
          height="18px"
          aria-hidden="true"
        />
        <h2 tabIndex={-1}>{trans.__('clinjup')}</h2>
      </div>
      <ul
        className="jp-Clinjup-Facts"
        aria-label={trans.__('Destination and cost')}
      >
        <Fact
          icon={offline ? offlineIcon : onlineIcon}
          strong={!offline && !loopback}
          text={offline ? trans.__('offline') : host}
          title={
            offline
              ? trans.__('Nothing leaves this machine.')
              : loopback
                ? trans.__('The model runs on this machine.')
                : trans.__(
                    'Words go to %1. What was sent is written down.',
                    host
                  )
          }
        />
        <Fact
          text={
            cost > 0
              ? trans.__('%1 USD', number(cost, language))
              : trans.__('no cost')
          }
          title={trans.__('Cost of this run')}
        />
      </ul>
      {props.runs.length > 0 && <RunSelect {...props} />}
    </header>
  );
}

function Fact(props: {
  icon?: LabIcon;
  text: string;
  title: string;
  strong?: boolean;
}): React.ReactElement {
  return (
    <li title={props.title} data-strong={props.strong}>
      {props.icon && (
        <props.icon.react
          tag="span"
          width="14px"
          height="14px"
          aria-hidden="true"
        />
      )}
      {props.text}
      <span className="jp-Clinjup-Hidden"> ({props.title})</span>
    </li>
  );
}

function RunSelect(props: IHeaderProps): React.ReactElement {
  const { trans, language } = usePanel();
  return (
    <label className="jp-Clinjup-RunSelect">
      <span className="jp-Clinjup-Hidden">{trans.__('Shown run')}</span>
      <select
        value={props.run?.id ?? ''}
        onChange={event => props.onSelect(event.target.value || null)}
      >
        <option value="">{trans.__('New request')}</option>
        {props.runs.map(run => (
          <option key={run.id} value={run.id}>
            {runLine(run, trans, language)}
          </option>
        ))}
      </select>
    </label>
  );
}
