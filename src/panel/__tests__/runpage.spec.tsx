/**
 * What a live run offers, and what is said about it.
 */

import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { act } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { EMPTY } from '../../client/state';
import { ICellProgress } from '../../protocol';
import { IRunView, newRun } from '../../state/run';
import { bundleOf } from '../../translation';
import { announcement } from '../Announcer';
import { PanelContext } from '../context';
import { EMPTY_DRAFT } from '../draft';
import { Panel } from '../Panel';
import { Progress } from '../Progress';
import { liveLine } from '../status';

const steps = [
  ['Load', 'done'],
  ['Train', 'pending']
].map(([title, status]) => ({ id: title, title, status })) as any;
const live: IRunView = {
  ...newRun('r'),
  notebook: 'n.ipynb',
  plan: { objective: '', steps }
};
const [label, reading, training] = [
  'Drawing the synthetic films',
  'Reading images',
  'Training balanced_sampling'
];
const drawing: ICellProgress = {
  label,
  done: 12,
  total: 3133,
  unit: 'image',
  seconds_left: 70,
  detail: ''
};

function panel(run: IRunView, actions: any = {}, connection: any = 'open') {
  return (
    <Panel
      state={{ ...EMPTY, connection, runs: [run] }}
      selected={run.id}
      draft={EMPTY_DRAFT}
      fillings={0}
      busy={false}
      problem=""
      answer={null}
      notebooks={[]}
      actions={actions}
    />
  );
}

function text(element: React.ReactElement): string {
  const page = document.createElement('div');
  page.innerHTML = renderToStaticMarkup(element);
  return page.textContent ?? '';
}

describe('a live run', () => {
  it('leads to its notebook, and each step that has cells to these', () => {
    (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
    const opened: string[] = [];
    const actions = {
      openNotebook: (run: IRunView) => opened.push(run.notebook),
      showStep: (_: IRunView, stepId: string) => opened.push(stepId)
    };
    const host = document.createElement('div');
    act(() => createRoot(host).render(panel(live, actions)));
    const button = (label: string) =>
      [...host.querySelectorAll('button')].find(
        each => each.textContent === label
      );
    button('Open the notebook')!.click();
    button('Load')!.click();
    expect(opened).toEqual(['n.ipynb', 'Load']);
    expect(button('Train')).toBeUndefined();
  });

  it('shows, and says aloud, that its images are still being drawn', () => {
    const run = { ...live, notebook: '', plan: null, progress: drawing };
    expect(text(panel(run))).toContain(
      'Drawing the synthetic films: 12/3,133 images · 1 min 10 s left'
    );
    const trans = nullTranslator.load('clinjup');
    expect(announcement(run, trans)).toBe('Drawing the synthetic films');
    expect(liveLine(run, [run], trans, 'en')).toBe(
      'Drawing the synthetic films'
    );
    expect(text(panel(run))).toMatch(/elapsedStop/); // nothing to pause
  });

  it('is said to go on without connection, but not where none lives', () => {
    const ended: IRunView = { ...live, status: 'interrupted' };
    const goesOn = 'The run goes on there';
    for (const connection of ['lost', 'signed_out']) {
      expect(text(panel(live, {}, connection))).toMatch(/the run goes on/i);
      expect(text(panel(ended, {}, connection))).not.toMatch(
        /the run goes on/i
      );
    }
    expect(text(panel(ended, {}, 'lost'))).not.toContain(goesOn);
    expect(text(panel(ended, {}, 'lost'))).toContain('No connection');
  });
});

describe('progress', () => {
  const shown = (more: Partial<ICellProgress>, language: 'en' | 'de') =>
    text(
      <PanelContext.Provider
        value={{
          trans: bundleOf(nullTranslator, language),
          language,
          rendermime: null,
          fileUrl: () => null
        }}
      >
        <Progress progress={{ ...drawing, seconds_left: null, ...more }} />
      </PanelContext.Provider>
    );

  it('counts as one speaks, and names models in words', () => {
    const all = { label: reading, done: 76, total: 76 };
    expect(shown(all, 'en')).toBe('Reading images: 76/76 images');
    expect(shown({ ...all, total: 1, done: 1 }, 'en')).toContain('1/1 image');
    const batch = { label: training, unit: 'batch' };
    expect(shown({ ...batch, done: 1, total: 240 }, 'en')).toBe(
      'Training balanced sampling: 1/240 batches'
    );
    expect(shown(all, 'de')).toContain('76/76 Bilder');
  });
});
