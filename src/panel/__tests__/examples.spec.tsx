import { nullTranslator } from '@jupyterlab/translation';
import { act } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import server from '../../locale/server.json';
import { IExample } from '../../protocol';
import { bundleOf } from '../../translation';
import { PanelContext } from '../context';
import { EmptyState } from '../EmptyState';

describe('an example', () => {
  it('is shown in German, and its request is sent as it is shown', () => {
    (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
    const intent = server.find(text => text.includes('5% of our images'))!;
    const title = 'Wrist fractures, few of them boxed';
    const sent: IExample[] = [];
    const host = document.createElement('div');
    const value = {
      trans: bundleOf(nullTranslator, 'de'),
      language: 'de',
      rendermime: null,
      fileUrl: () => null
    };
    const example = { id: 'e', title, intent, available: true, sentence: '' };
    act(() =>
      createRoot(host).render(
        <PanelContext.Provider value={value}>
          <EmptyState
            examples={[example]}
            warnings={[]}
            busy={false}
            onExample={each => sent.push(each)}
          />
        </PanelContext.Provider>
      )
    );
    const button = host.querySelector('button')!;
    button.click();
    expect(sent[0].intent).toContain('Nur etwa 5 % unserer Bilder');
    expect(button.textContent).toBe(sent[0].title + sent[0].intent);
    expect(sent[0].title).toContain('Handgelenksfrakturen');
  });
});
