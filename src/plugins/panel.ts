import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator } from '@jupyterlab/translation';
import { MessageLoop } from '@lumino/messaging';

import { keptDraft } from '../panel/draft';
import { PanelModel } from '../panel/model';
import { ClinjupPanel } from '../panel/widget';
import { Approval } from '../protocol';
import { IClinjupClient, IClinjupPanel } from '../tokens';
import {
  bundleOf,
  languageOf,
  LanguageSetting,
  liveBundle,
  setLanguage
} from '../translation';
import { addRunCommands } from './commands';
import { CommandIDs } from './ids';
import { notebookDoors } from './notebooks';

export const panelPlugin: JupyterFrontEndPlugin<IClinjupPanel> = {
  id: 'clinjup:panel',
  description: 'The clinjup panel in the sidebar.',
  autoStart: true,
  provides: IClinjupPanel,
  requires: [
    IClinjupClient,
    IRenderMimeRegistry,
    INotebookTracker,
    IDocumentManager
  ],
  optional: [
    ILabShell,
    ILayoutRestorer,
    ITranslator,
    ICommandPalette,
    ISettingRegistry,
    ILauncher
  ],
  activate: (
    app: JupyterFrontEnd,
    client: IClinjupClient,
    rendermime: IRenderMimeRegistry,
    tracker: INotebookTracker,
    documents: IDocumentManager,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    settings: ISettingRegistry | null,
    launcher: ILauncher | null
  ): IClinjupPanel => {
    const trans = liveBundle(translator);
    const doors = notebookDoors(app, tracker, documents, trans);
    const model = new PanelModel({
      client,
      drafts: keptDraft(window.sessionStorage, client.settings.baseUrl),
      ...doors,
      revealNotebook: path => panel.keepKeyboard(() => doors.openNotebook(path))
    });
    const panel: ClinjupPanel = new ClinjupPanel({
      model,
      rendermime,
      trans: bundleOf(translator),
      language: languageOf(translator, 'auto'),
      notebooks: doors.openNotebooks
    });
    app.shell.add(panel, 'right', { rank: 500 });
    const offer = (notebook: NotebookPanel) => {
      // The panel offers the notebooks that are open, by their paths.
      panel.update();
      notebook.context.pathChanged.connect(() => panel.update(), panel);
      notebook.disposed.connect(() => panel.update(), panel);
    };
    tracker.forEach(offer);
    tracker.widgetAdded.connect((_, notebook) => offer(notebook), panel);
    restorer?.add(panel, panel.id);
    addRunCommands(app, panel, palette, trans);
    launcher?.add({
      command: CommandIDs.openPanel,
      category: trans.__('Other'),
      rank: 0
    });

    if (settings) {
      let side = 'right';
      void settings.load('clinjup:panel').then(loaded => {
        const apply = () => {
          const of = loaded.composite as Record<string, any>;
          const language = of.language as LanguageSetting;
          model.settings = {
            approval: of.approve as Approval,
            model: of.model || null,
            budgetMinutes: of.budgetMinutes,
            maxFixAttempts: of.maxFixAttempts,
            network: of.network || null,
            pretrained: of.pretrained || null,
            shareImages: of.shareImages
          };
          setLanguage(language);
          app.commands.notifyCommandChanged(); // their labels
          panel.setLanguage(
            bundleOf(translator, language),
            languageOf(translator, language)
          );
          if (of.panelSide !== side) {
            side = of.panelSide;
            const { isVisible } = panel;
            app.shell.add(panel, side, { rank: 500 });
            if (isVisible) {
              const { takesKeyboard } = panel;
              panel.takesKeyboard = false;
              app.shell.activateById(panel.id);
              MessageLoop.flush(); // JupyterLab only posts that it is in front
              panel.takesKeyboard = takesKeyboard;
            }
          }
        };
        loaded.changed.connect(apply, panel);
        apply();
      });
    }

    // While the page is put together, the keyboard stays where it is.
    void app.restored.then(() => {
      MessageLoop.flush();
      panel.takesKeyboard = true;
    });
    // Whoever opens JupyterLab for the first time sees the panel; later it is as they left it.
    void labShell?.restored.then(layout => {
      if (layout.fresh) {
        app.shell.activateById(panel.id);
      }
    });
    return { model, activate: () => app.shell.activateById(panel.id) };
  }
};
