/**
 * What the browser knows about the server and its runs: one immutable value, replaced at every change.
 */

import { ClinjupEvent, IAbout, IRunSummary } from '../protocol';
import { IRunView, newRun, reduceRun, withSummary } from '../state/run';

export interface IClientState {
  connection: 'connecting' | 'open' | 'lost' | 'signed_out';
  about: IAbout | null;
  /** Newest first. */
  runs: IRunView[];
  /** The server has told which runs there are. */
  isListed: boolean;
}

export const EMPTY: IClientState = {
  connection: 'connecting',
  about: null,
  runs: [],
  isListed: false
};

/**
 * The runs after a list from the server: what we know of their plans and findings stays. `seen` are the seqs that we had when
 * the list was asked for: a server that knows fewer was started anew, and everything of that run is read again.
 */
export function withSummaries(
  runs: IRunView[],
  summaries: IRunSummary[],
  seen: ReadonlyMap<string, number>
): IRunView[] {
  const listed = new Set(summaries.map(summary => summary.id));
  const started = runs.filter(run => !listed.has(run.id) && run.seq >= 0);
  return [
    ...started,
    ...summaries.map(summary => {
      const known = runs.find(run => run.id === summary.id);
      const anew = (seen.get(summary.id) ?? -1) > summary.last_seq;
      return known && !anew
        ? updated(known, summary)
        : withSummary(newRun(summary.id), summary);
    })
  ];
}

/** The run with its summary, unless events have told more already. */
export function updated(run: IRunView, summary: IRunSummary): IRunView {
  return run.seq > summary.last_seq ? run : withSummary(run, summary);
}

/** The runs after a batch of events; the same array when nothing was news. */
export function withEvents(
  runs: IRunView[],
  events: ClinjupEvent[]
): IRunView[] {
  const ids = new Set(events.map(event => event.run_id));
  let next = runs;
  for (const id of ids) {
    const index = next.findIndex(run => run.id === id);
    const before = index < 0 ? newRun(id) : next[index];
    const after = reduceRun(before, events);
    if (after !== before) {
      next = index < 0 ? [after, ...next] : next.slice();
      next[Math.max(index, 0)] = after;
    }
  }
  return next;
}
