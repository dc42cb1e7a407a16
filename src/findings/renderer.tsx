/**
 * A finding in a notebook or chat. It draws JSON as text and shapes only, so that it is safe in untrusted notebooks; without
 * clinjup the sentence in text/plain is shown instead.
 */

import { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { TranslationBundle } from '@jupyterlab/translation';
import { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { createRoot, Root } from 'react-dom/client';

import { PanelContext } from '../panel/context';
import { isFinding } from '../protocol';
import { FindingCard } from './FindingCard';

export namespace FindingRenderer {
  export interface IOptions extends IRenderMime.IRendererOptions {
    trans: TranslationBundle;
    language: string;
  }
}

export class FindingRenderer extends Widget implements IRenderMime.IRenderer {
  constructor(private _options: FindingRenderer.IOptions) {
    super();
    this.addClass('jp-Clinjup-Output');
    this._root = createRoot(this.node);
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { trans, language, mimeType } = this._options;
    const content = model.data[mimeType] as any;
    const sentence = model.data['text/plain'];
    const finding = isFinding(content) ? content : content?.finding;
    // A card says itself what it has to say; its text/plain is for who cannot draw it.
    const isCard =
      !isFinding(content) && (content?.sentence || content?.finding);
    const said = isCard ? content.sentence : text(sentence);
    this._root.render(
      <PanelContext.Provider
        value={{ trans, language, rendermime: null, fileUrl: () => null }}
      >
        {typeof content?.title === 'string' && !isFinding(content) && (
          <h4>{content.title}</h4>
        )}
        {said && <p className="jp-Clinjup-Sentence">{String(said)}</p>}
        {isFinding(finding) && <FindingCard finding={finding} />}
      </PanelContext.Provider>
    );
  }

  protected onCloseRequest(message: Message): void {
    super.onCloseRequest(message);
    this.dispose();
  }

  dispose(): void {
    if (!this.isDisposed) {
      this._root.unmount();
      super.dispose();
    }
  }

  private _root: Root;
}

function text(value: unknown): string {
  return Array.isArray(value) ? value.join('') : String(value ?? '');
}
