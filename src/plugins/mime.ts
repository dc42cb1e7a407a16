import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator } from '@jupyterlab/translation';

import { CARD_MIME, FINDING_MIME } from '../protocol';
import { FindingRenderer } from '../findings/renderer';
import { bundleOf, languageOf } from '../translation';

/** After pictures (90), before plain text (120): a plot stays a plot, a sentence becomes a card. */
const RANK = 95;

export const mimePlugin: JupyterFrontEndPlugin<void> = {
  id: 'clinjup:mime',
  description: 'Shows findings in notebooks and chats as cards.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null
  ) => {
    const trans = bundleOf(translator);
    const language = languageOf(translator, 'auto');
    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: [FINDING_MIME, CARD_MIME],
        createRenderer: options =>
          new FindingRenderer({ ...options, trans, language })
      },
      RANK
    );
  }
};
