import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { ReplicaManager } from '../replica/manager';
import { IClinjupClient } from '../tokens';

export const replicaPlugin: JupyterFrontEndPlugin<void> = {
  id: 'clinjup:replica',
  description: 'Keeps open notebooks equal to those that the server runs.',
  autoStart: true,
  requires: [IClinjupClient, INotebookTracker],
  activate: (
    app: JupyterFrontEnd,
    client: IClinjupClient,
    tracker: INotebookTracker
  ) => {
    new ReplicaManager({
      tracker,
      settings: client.settings,
      contents: app.serviceManager.contents
    });
  }
};
