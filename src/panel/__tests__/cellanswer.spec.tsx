/**
 * The card about one cell is called what it holds.
 */

import { act } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { IPanelActions } from '../actions';
import { CellAnswer } from '../CellAnswer';

const mended = 'A way to mend it';

function heading(source: string | null): string | null | undefined {
  (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
  Element.prototype.scrollIntoView = jest.fn(); // jsdom has none
  const host = document.createElement('div');
  const content = { markdown: 'It failed.', needs_model: true, source };
  act(() =>
    createRoot(host).render(
      <CellAnswer
        what="mend"
        title={mended}
        content={content as any}
        actions={{} as IPanelActions}
      />
    )
  );
  return host.querySelector('h4')?.textContent;
}

it('a card without a mended cell does not promise one', () => {
  expect(heading('x = 1')).toBe(mended);
  expect(heading(null)).toBe('What went wrong');
});
