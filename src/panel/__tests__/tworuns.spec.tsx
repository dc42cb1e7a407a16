/**
 * Two runs, of which one waits for the clinician.
 */

import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { act } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { IRunView, liveRun, newRun } from '../../state/run';
import { Announcer } from '../Announcer';
import { Header } from '../Header';
import { liveLine } from '../status';

const intent = 'diagnose pneumothorax';
const question = { id: 'q', text: 'Which?', options: [], default: null } as any;
const busy: IRunView = { ...newRun('busy'), intent, startedAt: 0 };
const waits: IRunView = { ...busy, id: 'waits', questions: [question] };
const ended: IRunView = { ...busy, id: 'ended', status: 'completed' };

function drawn(element: React.ReactElement): HTMLElement {
  (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
  const host = document.createElement('div');
  act(() => createRoot(host).render(element));
  return host;
}

describe('of two runs', () => {
  it('the one that waits is the one to be told about', () => {
    expect(liveRun([busy, waits])?.id).toBe('waits');
    expect(liveRun([{ ...waits, status: 'needs_answer' }, busy])?.id).toBe(
      'busy'
    );
    expect(liveRun([ended])).toBeNull();
  });

  it('the status bar says which one it speaks of', () => {
    const line = (runs: IRunView[]) =>
      liveLine(busy, runs, nullTranslator.load('clinjup'), 'en');
    expect(line([busy, ended])).toBe('clinjup runs');
    expect(line([busy, { ...busy, id: 'other' }])).toMatch(
      /^clinjup runs · \d\d:\d\d.* · diagnose pneumothorax$/
    );
  });

  it('each is listed with how it stands', () => {
    const { destination } = busy;
    const onSelect = () => undefined;
    const host = drawn(
      <Header
        destination={destination}
        run={busy}
        runs={[busy, waits, ended]}
        onSelect={onSelect}
      />
    );
    const lines = [...host.querySelectorAll('option')].map(
      option => option.textContent?.split(' · ') ?? []
    );
    expect(lines.map(line => line[0])).toEqual([
      'New request',
      'Running',
      'Waits for you',
      'Finished'
    ]);
    expect(lines[1].slice(1)).toEqual([
      expect.stringMatching(/^\d\d:\d\d/),
      intent
    ]);
  });

  it('one that waits is said aloud while the other is shown', () => {
    const heard = (run: IRunView | null) =>
      drawn(<Announcer run={run} runs={[busy, waits]} />).textContent;
    expect(heard(busy)).toBe(`Another run waits for you: ${intent}`);
    expect(heard(null)).toBe(`Another run waits for you: ${intent}`);
    expect(heard(waits)).toBe('clinjup asks: Which?');
  });
});
