/**
 * Words of a model in the panel.
 */

import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import * as React from 'react';
import { act } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { PanelContext } from '../context';
import { Guard } from '../Guard';
import { Markdown } from '../Markdown';

class Renderer extends Widget {
  async renderModel(model: any): Promise<void> {
    this.node.textContent = model.data['text/markdown'];
  }
}

const rendermime = {
  createRenderer: () => new Renderer()
} as unknown as IRenderMimeRegistry;

function page(...sources: string[]): React.ReactElement {
  const trans = nullTranslator.load('clinjup');
  return (
    <PanelContext.Provider
      value={{ trans, language: 'en', rendermime, fileUrl: () => null }}
    >
      <Guard fallback="gone">
        {sources.map(source => (
          <article key={source}>
            <Markdown source={source} />
          </article>
        ))}
      </Guard>
    </PanelContext.Provider>
  );
}

describe('markdown in the panel', () => {
  const host = document.createElement('div');
  const root = createRoot(host);
  const draw = (element: React.ReactElement) => act(() => root.render(element));

  beforeAll(() => {
    (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
    document.body.append(host);
  });

  it('comes and goes without taking the panel with it', () => {
    draw(page('one', 'two'));
    expect(host.textContent).toBe('onetwo');
    draw(page('two'));
    expect(host.textContent).toBe('two');
    draw(page());
    expect(host.textContent).toBe('');
  });

  it('is replaced by the fallback where it cannot be drawn', () => {
    const Broken = (): React.ReactElement => {
      throw new Error('cannot be drawn');
    };
    const quiet = jest.spyOn(console, 'error').mockImplementation();
    draw(
      <Guard fallback="in its place">
        <Broken />
      </Guard>
    );
    quiet.mockRestore();
    expect(host.textContent).toBe('in its place');
  });
});
