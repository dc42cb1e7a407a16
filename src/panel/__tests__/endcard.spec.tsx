/**
 * What the end card says about the result, and in which look.
 */

import { act } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { nullTranslator } from '@jupyterlab/translation';

import { IRunView, newRun, reduceRun } from '../../state/run';
import { bundleOf, spoken } from '../../translation';
import { announcement } from '../Announcer';
import { IRunActions } from '../actions';
import { EndCard } from '../RunPage';

const verdict = 'Inserting a chest drain raised false alarms.';
const leans = 'The model leans strongly on the chest drain.';
const chance = 'This model was not shown to be better than chance.';

function ended(sentence: string, cautions: string[]): IRunView {
  const data = { status: 'completed', sentence, cautions, questions: [] };
  const event = { run_id: 'r', seq: 0, ts: 9, type: 'run.finished', data };
  return reduceRun(newRun('r'), [event as any]);
}

function drawn(run: IRunView): HTMLElement {
  (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
  const host = document.createElement('div');
  const actions = { reportUrl: () => '' } as unknown as IRunActions;
  act(() => createRoot(host).render(<EndCard run={run} actions={actions} />));
  return host.querySelector('.jp-Clinjup-End')!;
}

describe('the end card', () => {
  it('shows the verdict, and is plain where nothing cautions', () => {
    const card = drawn(ended(verdict, []));
    expect(card.querySelector('p')?.textContent).toBe(verdict);
    expect(card.getAttribute('data-cautious')).toBe('false');
    expect(card.querySelector('h4')?.textContent).toMatch(/^Finished after/);
  });

  it('says with a sign and a word, before the verdict, what cautions', () => {
    const card = drawn(ended(verdict, [leans]));
    expect(card.getAttribute('data-cautious')).toBe('true');
    expect(card.querySelector('h4')?.textContent).toMatch(
      /^⚠ Finished, to be read with caution/
    );
    const said = [...card.querySelectorAll('p')].map(p => p.textContent);
    expect(said).toEqual([leans, verdict]);
    expect(announcement(ended(verdict, [leans]), null as any)).toBe(
      `${leans} ${verdict}`
    );
  });

  it('says in German what cautions, and once', () => {
    const trans = bundleOf(nullTranslator, 'de');
    const run = spoken(
      ended(`All steps are done. ${leans}`, [
        leans,
        'What the chosen model finds could not be measured; the report says why.'
      ]),
      trans
    );
    const said = [...drawn(run).querySelectorAll('p')].map(p => p.textContent);
    expect(said).toEqual([
      'Was das gewählte Modell findet, ließ sich nicht messen; der Bericht sagt, warum.',
      'Alle Schritte sind erledigt. Das Modell stützt sich stark auf den Störfaktor (Thoraxdrainage).'
    ]);
  });

  it('is marked as cautious also where the verdict says why', () => {
    const card = drawn(ended(chance, [chance]));
    expect(card.getAttribute('data-cautious')).toBe('true');
  });

  it('says nothing twice', () => {
    const said = [...drawn(ended(chance, [chance])).querySelectorAll('p')];
    expect(said.map(p => p.textContent)).toEqual([chance]);
  });
});
