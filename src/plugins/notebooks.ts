/**
 * What the panel needs of JupyterLab's documents: open, save, choose a folder, put a cell below another.
 */

import { JupyterFrontEnd } from '@jupyterlab/application';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';

import { PanelModel } from '../panel/model';

export type INotebookDoors = Pick<
  PanelModel.IOptions,
  | 'openNotebook'
  | 'showStep'
  | 'openNotebooks'
  | 'saveNotebook'
  | 'browse'
  | 'insertBelow'
  | 'confirm'
>;

export function notebookDoors(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  documents: IDocumentManager,
  trans: TranslationBundle
): INotebookDoors {
  const find = (path: string): NotebookPanel | undefined =>
    tracker.find(panel => panel.context.localPath === path);
  const openNotebook = async (path: string): Promise<void> => {
    await app.commands.execute('docmanager:open', { path });
  };
  return {
    openNotebook,
    showStep: async (run, stepId) => {
      await openNotebook(run.notebook);
      const panel = find(run.notebook);
      await panel?.revealed;
      const notebook = panel?.content;
      const index = notebook?.widgets.findIndex(cell => {
        const author = cell.model.getMetadata('clinjup');
        return author?.run_id === run.id && author.step_id === stepId;
      });
      if (notebook && index !== undefined && index >= 0) {
        notebook.activeCellIndex = index;
        await notebook.scrollToItem(index, 'start');
      }
    },
    saveNotebook: async path => {
      try {
        await find(path)?.context.save();
      } catch (problem) {
        throw new Error(
          trans.__(
            'The notebook %1 could not be saved, so nothing was done (%2). Save it, or write into a new notebook.',
            path,
            (problem as Error).message
          )
        );
      }
    },
    browse: async () => {
      const { FileDialog } = await import('@jupyterlab/filebrowser');
      const choice = await FileDialog.getExistingDirectory({
        manager: documents,
        title: trans.__('Folder with the images')
      });
      return choice.button.accept ? (choice.value?.[0]?.path ?? '') : null;
    },
    insertBelow: (request, source) => {
      const notebook = find(request.notebook)?.context.model.sharedModel;
      const index = notebook?.cells.findIndex(
        cell => cell.getId() === request.cell_id
      );
      notebook?.insertCell((index ?? -1) + 1, {
        cell_type: 'code',
        source,
        metadata: { trusted: true }
      });
    },
    confirm: async step => {
      const { Dialog, showDialog } = await import('@jupyterlab/apputils');
      const result = await showDialog({
        title: trans.__('Go back to before this step?'),
        body: trans.__(
          'The cells that the run wrote from "%1" on are taken out, and its cells before that are put back as they stood. What you wrote stays, if need be in a cell of its own, and the journal keeps everything.',
          step
        ),
        buttons: [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          Dialog.okButton({ label: trans.__('Go back') })
        ]
      });
      return result.button.accept;
    },
    openNotebooks: () => {
      const paths: string[] = [];
      tracker.forEach(panel => paths.push(panel.context.localPath));
      return paths;
    }
  };
}
