import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';

import { clinjupIcon } from '../icons';
import { IRunView, liveRun, waitsForClinician } from '../state/run';
import { IClinjupClient } from '../tokens';
import { bundleOf, translated } from '../translation';
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
    const live = () => liveRun(client.state.runs);
    const words = (run: IRunView, trans: TranslationBundle) => {
      if (waitsForClinician(run)) {
        return trans.__('clinjup waits for you');
      }
      const steps = run.plan?.steps ?? [];
      const now = steps.find(step => step.status === 'running');
      const done = steps.filter(step => step.status === 'done').length;
      return now
        ? trans.__(
            '%1 (%2 of %3)',
            translated(now.title, trans),
            done + 1,
            steps.length
          )
        : trans.__('clinjup runs');
    };
    const item = ReactWidget.create(
      <UseSignal signal={client.stateChanged}>
        {() => {
          const [run, trans] = [live(), bundleOf(translator)];
          return run ? (
            <button
              type="button"
              className="jp-Clinjup-Status"
              title={trans.__('Open the clinjup panel')}
              onClick={() =>
                void app.commands.execute(CommandIDs.openPanel, { run: run.id })
              }
            >
              <clinjupIcon.react tag="span" width="14px" height="14px" />
              {words(run, trans)}
            </button>
          ) : null;
        }}
      </UseSignal>
    );
    statusBar.registerStatusItem('clinjup:status', {
      item,
      align: 'left',
      rank: 50,
      isActive: () => live() !== null,
      activeStateChanged: client.stateChanged as any
    });
  }
};
