/**
 * The whole panel: header, the empty state or one run, and below it the request box or the stop button.
 */

import * as React from 'react';

import { IClientState } from '../client/state';
import { IDestination } from '../protocol';
import { liveRun } from '../state/run';
import { IPanelActions } from './actions';
import { spoken, translated } from '../translation';
import { Announcer } from './Announcer';
import { CellAnswer } from './CellAnswer';
import { Composer } from './Composer';
import { usePanel } from './context';
import { IDraft } from './draft';
import { EmptyState } from './EmptyState';
import { Header } from './Header';
import { Keyboard } from './keyboard';
import { ICellTopic } from './model';
import { RunBar } from './RunBar';
import { RunPage } from './RunPage';

export interface IPanelProps {
  state: IClientState;
  selected: string | null;
  draft: IDraft;
  /** How often the request was filled in other than by typing. */
  fillings: number;
  busy: boolean;
  /** Why the last thing that was asked for could not be done. */
  problem: string;
  /** What was said about a cell. */
  answer: Omit<ICellTopic, 'request'> | null;
  notebooks: string[];
  actions: IPanelActions;
}

const OFFLINE: IDestination = { offline: true, host: null, loopback: false };

export function Panel(props: IPanelProps): React.ReactElement {
  const { trans, language } = usePanel();
  const { state, actions, draft } = props;
  const scroller = React.useRef<HTMLDivElement>(null);
  const runs = state.runs.map(each => spoken(each, trans));
  const run = runs.find(each => each.id === props.selected) ?? null;
  const problem = props.problem
    .split('\n')
    .map(line => translated(line, trans))
    .join('\n');
  const live = run?.status === 'running';
  const now = useNow(live);
  const planned = draft.planner === 'claude' ? state.about?.claude : null;
  return (
    <Keyboard
      className="jp-Clinjup-Panel"
      role="region"
      lang={language}
      aria-label={trans.__('clinjup')}
      aria-busy={!state.isListed}
    >
      <Header
        destination={run?.destination ?? planned ?? OFFLINE}
        run={run}
        runs={runs}
        onSelect={actions.select}
      />
      <Connection state={state} />
      <div className="jp-Clinjup-Body" ref={scroller}>
        {props.answer && <CellAnswer {...props.answer} actions={actions} />}
        {run ? (
          <RunPage
            key={run.id}
            run={run}
            now={now}
            actions={actions}
            scroller={scroller}
          />
        ) : (
          <EmptyState
            examples={state.about?.examples ?? []}
            warnings={state.about?.warnings ?? []}
            busy={props.busy}
            onExample={actions.startExample}
          />
        )}
      </div>
      {run && problem && (
        <p className="jp-Clinjup-Refusal" role="alert">
          {problem}
        </p>
      )}
      {run && live && <RunBar run={run} now={now} actions={actions} />}
      {!run && (
        <Composer
          key={props.fillings}
          draft={draft}
          busy={props.busy}
          problem={problem}
          notebooks={props.notebooks}
          claude={state.about?.claude ?? null}
          onChange={actions.setDraft}
          onSend={actions.send}
          onBrowse={actions.browse}
        />
      )}
      <Announcer run={run} runs={runs} />
    </Keyboard>
  );
}

/** That the server is not heard of, and what that means for a run that lives. */
function Connection(props: { state: IClientState }): React.ReactElement | null {
  const { trans } = usePanel();
  const { connection, runs } = props.state;
  const isLive = liveRun(runs) !== null;
  if (connection !== 'lost' && connection !== 'signed_out') {
    return null;
  }
  return (
    <p className="jp-Clinjup-Connection" role="status">
      {connection === 'lost'
        ? isLive
          ? trans.__(
              'No connection to the server. The run goes on there; this panel catches up once it is back.'
            )
          : trans.__(
              'No connection to the server. This panel catches up once it is back.'
            )
        : isLive
          ? trans.__(
              'You are not logged in to this server any more. Reload the page and log in; the run goes on meanwhile.'
            )
          : trans.__(
              'You are not logged in to this server any more. Reload the page and log in.'
            )}
    </p>
  );
}

/** Seconds since 1970, ticking once a second while `live`. */
function useNow(live: boolean): number {
  const [now, setNow] = React.useState(() => Date.now() / 1000);
  React.useEffect(() => {
    if (!live) {
      return;
    }
    const tick = () => setNow(Date.now() / 1000);
    tick();
    const timer = window.setInterval(tick, 1000);
    return () => window.clearInterval(timer);
  }, [live]);
  return now;
}
