/**
 * How a run is shown that was paused.
 */

import { nullTranslator } from '@jupyterlab/translation';
import { renderToStaticMarkup } from 'react-dom/server';

import { IRunView, newRun } from '../../state/run';
import { IRunActions } from '../actions';
import { announcement } from '../Announcer';
import { RunBar } from '../RunBar';
import { liveLine, runLine } from '../status';

const trans = nullTranslator.load('clinjup');
const title = 'Train';
const clock = { at: 100, elapsed: 23, secondsLeft: 577, waitsFor: '' as const };
const training: IRunView = {
  ...newRun('r'),
  notebook: 'n.ipynb',
  paused: true,
  clock,
  plan: {
    objective: '',
    steps: [{ id: 's', title, status: 'running' } as any]
  }
};
const paused: IRunView = {
  ...training,
  clock: { ...clock, waitsFor: 'go_on' }
};

function bar(run: IRunView): string {
  const actions = {} as IRunActions;
  return renderToStaticMarkup(<RunBar run={run} now={110} actions={actions} />);
}

describe('a run that was paused', () => {
  it('says that it is, wherever it is shown, and its clock stands', () => {
    expect(runLine(paused, trans, 'en')).toMatch(/^Paused · /);
    expect(liveLine(paused, [paused], trans, 'en')).toBe('clinjup is paused');
    expect(announcement(paused, trans)).toBe('Paused');
    expect(bar(paused)).toContain('Paused');
    expect(bar(paused)).toContain('23 s elapsed');
  });

  it('says that the cell that runs ends first', () => {
    expect(runLine(training, trans, 'en')).toMatch(/^Running · /);
    expect(liveLine(training, [training], trans, 'en')).toBe(
      'Train (1 of 1) · Pauses after this cell'
    );
    expect(announcement(training, trans)).toBe('Pauses after this cell');
    expect(bar(training)).toContain('Pauses after this cell');
    expect(bar(training)).toContain('33 s elapsed');
  });
});
