/**
 * A prefilled request whose gaps are still open.
 */

import * as React from 'react';
import { act, Simulate } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { Composer } from '../Composer';
import { EMPTY_DRAFT } from '../draft';

const prefilled = 'I want to diagnose [which finding?] on [which images?].';

it('is not sent before it is filled in, and the cursor stands at its first gap', () => {
  (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
  let sent = 0;
  const host = document.body.appendChild(document.createElement('div'));
  function Draft() {
    const [draft, setDraft] = React.useState({
      ...EMPTY_DRAFT,
      intent: prefilled,
      data: '/films'
    });
    return (
      <Composer
        draft={draft}
        busy={false}
        problem=""
        notebooks={[]}
        claude={null}
        onChange={change => setDraft(old => ({ ...old, ...change }))}
        onSend={() => (sent += 1)}
        onBrowse={async () => null}
      />
    );
  }
  act(() => createRoot(host).render(<Draft />));
  const box = host.querySelector('textarea')!;
  const marked = () => box.value.slice(box.selectionStart, box.selectionEnd);
  const write = (value: string) =>
    act(() => Simulate.change(box, { target: { value } as any }));
  const start = () => act(() => Simulate.submit(host.querySelector('form')!));

  expect(marked()).toBe('[which finding?]');
  write('I want to diagnose fractures on [which images?].');
  start();
  expect(sent).toBe(0);
  expect(host.querySelector('[role=alert]')?.textContent).toBe(
    'Fill in [which images?] first.'
  );
  expect(marked()).toBe('[which images?]');
  expect(document.activeElement).toBe(box);
  write('I want to diagnose fractures on wrist films …');
  start();
  expect(sent).toBe(1);
});

it('knows what was typed before the panel is drawn again', () => {
  (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
  let sent = 0;
  const host = document.body.appendChild(document.createElement('div'));
  const composer = (
    <Composer
      draft={EMPTY_DRAFT}
      busy={false}
      problem=""
      notebooks={[]}
      claude={null}
      onChange={() => undefined}
      onSend={() => (sent += 1)}
      onBrowse={async () => null}
    />
  );
  act(() => createRoot(host).render(composer));
  const write = (field: Element, value: string) =>
    act(() => Simulate.change(field, { target: { value } as any }));
  const box = host.querySelector('textarea')!;

  write(host.querySelector('input')!, '/films');
  write(box, 'diagnose fractures');
  expect(box.value).toBe('diagnose fractures');
  act(() => Simulate.keyDown(box, { key: 'Enter' }));
  expect(sent).toBe(1);
});
