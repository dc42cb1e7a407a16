/**
 * A prefilled request whose gaps are still open.
 */

import * as React from 'react';
import { act, Simulate } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { ClinjupClient } from '../../client/client';
import { TestServer } from '../../client/__tests__/server';
import { Composer } from '../Composer';
import { EMPTY_DRAFT, keptDraft } from '../draft';
import { PanelModel } from '../model';
import { Panel } from '../Panel';

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
  write(box, '');
  act(() => {
    // Nothing is drawn within: Enter comes right behind the last letter.
    Simulate.change(box, { target: { value: 'diagnose ruptures' } as any });
    Simulate.keyDown(box, { key: 'Enter' });
  });
  expect(sent).toBe(2);
});

describe('what is typed', () => {
  let client: ClinjupClient;
  let model: PanelModel;
  let host: HTMLElement;
  let draw: (panel: React.ReactElement) => void;

  beforeEach(() => {
    (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
    sessionStorage.clear();
    const { settings } = new TestServer();
    client = new ClinjupClient({ settings, unreachable: 'gone' });
    model = new PanelModel({
      client,
      drafts: keptDraft(sessionStorage, 'http://localhost/'),
      openNotebook: async () => undefined,
      revealNotebook: async () => undefined,
      showStep: async () => undefined,
      openNotebooks: () => [],
      saveNotebook: async () => undefined,
      browse: async () => null,
      insertBelow: () => undefined,
      confirm: async () => true
    });
    host = document.createElement('div');
    document.body.replaceChildren(host);
    const root = createRoot(host);
    draw = panel => act(() => root.render(panel));
    draw(panelNow());
  });

  afterEach(() => {
    model.dispose();
    client.dispose();
  });

  /** The panel as JupyterLab draws it for what the model holds now. */
  const panelNow = () => (
    <Panel
      state={client.state}
      selected={model.selected}
      draft={model.draft}
      fillings={model.fillings}
      busy={model.busy}
      problem={model.problem}
      answer={model.answered}
      notebooks={[]}
      actions={model}
    />
  );
  const box = () => host.querySelector('textarea')!;
  const write = (value: string) =>
    act(() => Simulate.change(box(), { target: { value } as any }));
  const marked = () => [box().selectionStart, box().selectionEnd];

  it('is not undone by a panel that was drawn for what stood there before', () => {
    write('a');
    const older = panelNow();
    write('ab');
    box().setSelectionRange(1, 1);
    draw(older);
    expect(box().value).toBe('ab');
    expect(marked()).toEqual([1, 1]);
    write(box().value + 'c');
    expect(model.draft.intent).toBe('abc');
    draw(panelNow());
    expect(box().value).toBe('abc');
  });

  it('gives way to what a command fills in, also when that stood there before', () => {
    const gap = [19, 35];
    for (const words of ['mine', 'other words']) {
      write(words);
      model.fillDraft({ intent: prefilled });
      draw(panelNow());
      expect(box().value).toBe(prefilled);
      expect(marked()).toEqual(gap);
    }
  });

  it('and where the cursor stands stays when a command has nothing new to fill in', () => {
    write('mine');
    draw(panelNow());
    box().setSelectionRange(2, 2);
    const before = box();
    model.fillDraft({ intent: 'mine', notebook: 'n.ipynb' });
    draw(panelNow());
    expect(box()).toBe(before);
    expect(marked()).toEqual([2, 2]);
  });
});
