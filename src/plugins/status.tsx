import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';

import { clinjupIcon } from '../icons';
import { liveLine } from '../panel/status';
import { liveRun } from '../state/run';
import { IClinjupClient } from '../tokens';
import { bundleOf, languageOf } from '../translation';
import { CommandIDs } from './ids';

export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'clinjup:status',
  description: 'Tells in the status bar that a run lives, and what it does.',
  autoStart: true,
  requires: [IClinjupClient, IStatusBar],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    client: IClinjupClient,
    statusBar: IStatusBar,
    translator: ITranslator | null
  ) => {
    const item = ReactWidget.create(
      <UseSignal signal={client.stateChanged}>
        {() => {
          const { runs } = client.state;
          const run = liveRun(runs);
          const trans = bundleOf(translator);
          return run ? (
            <button
              type="button"
              className="jp-Clinjup-Status"
              title={`${trans.__('Open the clinjup panel')}: ${run.intent}`}
              onClick={() =>
                void app.commands.execute(CommandIDs.openPanel, { run: run.id })
              }
            >
              <clinjupIcon.react tag="span" width="14px" height="14px" />
              {liveLine(run, runs, trans, languageOf(translator))}
            </button>
          ) : null;
        }}
      </UseSignal>
    );
    statusBar.registerStatusItem('clinjup:status', {
      item,
      align: 'left',
      rank: 50,
      isActive: () => liveRun(client.state.runs) !== null,
      activeStateChanged: client.stateChanged as any
    });
  }
};
