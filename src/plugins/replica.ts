import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator } from '@jupyterlab/translation';

import { ReplicaManager } from '../replica/manager';
import { IClinjupClient } from '../tokens';
import { liveBundle } from '../translation';

export const replicaPlugin: JupyterFrontEndPlugin<void> = {
  id: 'clinjup:replica',
  description: 'Keeps open notebooks equal to those that the server runs.',
  autoStart: true,
  requires: [IClinjupClient, INotebookTracker],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    client: IClinjupClient,
    tracker: INotebookTracker,
    translator: ITranslator | null
  ) => {
    new ReplicaManager({
      tracker,
      settings: client.settings,
      contents: app.serviceManager.contents,
      trans: liveBundle(translator)
    });
  }
};
