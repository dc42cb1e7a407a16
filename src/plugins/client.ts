import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { ClinjupClient } from '../client/client';
import { IClinjupClient } from '../tokens';
import { bundleOf } from '../translation';

export const clientPlugin: JupyterFrontEndPlugin<IClinjupClient> = {
  id: 'clinjup:client',
  description: 'Talks to the clinjup server extension.',
  autoStart: true,
  provides: IClinjupClient,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) => {
    const trans = bundleOf(translator);
    return new ClinjupClient({
      settings: app.serviceManager.serverSettings,
      unreachable: trans.__(
        'The server cannot be reached. Check that JupyterLab still runs, then try again.'
      )
    });
  }
};
