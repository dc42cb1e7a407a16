import { nullTranslator } from '@jupyterlab/translation';
import { act } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { PanelContext } from '../../panel/context';
import { FindingCard } from '../FindingCard';

describe('a plot', () => {
  it('is shown large by a click, until it is closed', () => {
    (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
    const { prototype } = HTMLDialogElement;
    // jsdom draws no dialogs.
    prototype.showModal = function () {
      this.open = true;
    };
    prototype.close = function () {
      this.open = false;
      this.dispatchEvent(new Event('close'));
    };
    const host = document.createElement('div');
    document.body.append(host);
    const value = {
      trans: nullTranslator.load('clinjup'),
      language: 'en',
      rendermime: null,
      fileUrl: (path: string) => `/files/${path}`
    };
    const [title, caption, alt] = ['ROC', 'c', 'a'];
    const finding = {
      kind: 'figure' as const,
      name: 'roc',
      path: 'plots/roc.png',
      title,
      caption,
      alt
    };
    act(() =>
      createRoot(host).render(
        <PanelContext.Provider value={value}>
          <FindingCard finding={finding} />
        </PanelContext.Provider>
      )
    );
    expect(host.querySelector('dialog')).toBeNull();
    const press = (button: HTMLButtonElement) => act(() => button.click());
    press(host.querySelector('button')!);
    const dialog = host.querySelector('dialog')!;
    expect(dialog.open).toBe(true);
    expect(dialog.querySelector('img')!.getAttribute('src')).toBe(
      '/files/plots/roc.png'
    );
    press(dialog.querySelector('button')!);
    expect(host.querySelector('dialog')).toBeNull();
  });
});
