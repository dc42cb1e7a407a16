/**
 * Where the keyboard is while the panel changes.
 */

import { act } from 'react-dom/test-utils';
import { createRoot, Root } from 'react-dom/client';

import { EMPTY } from '../../client/state';
import { IQuestion } from '../../protocol';
import { IRunView, newRun } from '../../state/run';
import { IPanelActions } from '../actions';
import { EMPTY_DRAFT } from '../draft';
import { IPanelProps, Panel } from '../Panel';

const live: IRunView = { ...newRun('r'), intent: 'i', notebook: 'n.ipynb' };
const question: IQuestion = {
  id: 'q',
  step_id: null,
  text: 'Which?',
  default: null,
  own_words: false,
  options: [
    { value: 'a', text: 'a' },
    { value: 'b', text: 'b' }
  ]
};
const approval = { step_id: 's', source: '1', sha256: 'x', reason: 'r' };
const asked: IRunView = { ...live, questions: [question] };
const title = 'Explanation';
const explained = {
  what: 'explain' as const,
  title,
  content: { v: 1 as const, markdown: 'm', source: null, needs_model: false }
};

describe('the keyboard', () => {
  let host: HTMLElement;
  let elsewhere: HTMLInputElement;
  let root: Root;

  beforeEach(() => {
    (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
    Element.prototype.scrollIntoView = jest.fn();
    host = document.createElement('div');
    elsewhere = document.createElement('input');
    document.body.replaceChildren(host, elsewhere);
    root = createRoot(host);
  });

  afterEach(() => act(() => root.unmount()));

  const draw = (run: IRunView | null, more: Partial<IPanelProps> = {}) =>
    act(() =>
      root.render(
        <Panel
          state={{ ...EMPTY, isListed: true, runs: run ? [run] : [] }}
          selected={run?.id ?? null}
          draft={EMPTY_DRAFT}
          fillings={0}
          busy={false}
          problem=""
          answer={null}
          notebooks={[]}
          actions={{ reportUrl: () => '' } as unknown as IPanelActions}
          {...more}
        />
      )
    );
  const find = (selector: string) => host.querySelector<HTMLElement>(selector)!;

  it('is at how the run ended after Stop', () => {
    draw(live);
    find('.jp-Clinjup-Stop').focus();
    draw({ ...live, status: 'interrupted', sentence: 'Stopped.' });
    expect(document.activeElement).toBe(find('.jp-Clinjup-End'));
  });

  it('is at the heading after a start, and at the question once it comes', () => {
    draw(null);
    find('textarea').focus();
    draw(live);
    expect(document.activeElement).toBe(find('h2'));
    draw(asked);
    expect(document.activeElement).toBe(find('input[value=a]'));
  });

  it('is in the request box after "New request"', () => {
    draw({ ...live, status: 'completed' });
    [...host.querySelectorAll('button')]
      .find(button => button.textContent === 'New request')!
      .focus();
    draw(null);
    expect(document.activeElement).toBe(find('textarea'));
  });

  it('goes from a button to a question that comes, but never from the notebook', () => {
    draw(live);
    elsewhere.focus();
    draw(asked);
    expect(document.activeElement).toBe(elsewhere);
    draw(live);
    find('.jp-Clinjup-RunBar button').focus();
    draw(asked);
    expect(document.activeElement).toBe(find('input[value=a]'));
  });

  it('is not taken from an answer by a cell that waits, nor put on "Run it"', () => {
    draw(asked);
    find('input[value=b]').focus();
    draw({ ...asked, approvals: [approval] });
    expect(document.activeElement).toBe(find('input[value=b]'));
    draw({ ...live, approvals: [approval] });
    expect(document.activeElement).toBe(find('section.jp-Clinjup-Attention'));
  });

  it('goes to an explanation, which is scrolled into view, and back to the request box', () => {
    draw(null);
    find('textarea').focus();
    draw(null, { answer: explained });
    const card = find('.jp-Clinjup-Answer');
    expect(document.activeElement).toBe(card);
    expect((card.scrollIntoView as jest.Mock).mock.contexts).toEqual([card]);
    card.querySelector('button')!.focus();
    draw(null);
    expect(document.activeElement).toBe(find('textarea'));
  });
});
