import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { Cell, CodeCell } from '@jupyterlab/cells';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator } from '@jupyterlab/translation';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { ErrorRenderer } from '../cells/error';
import { ICellProblem, ICellRequest } from '../protocol';
import { IClinjupPanel } from '../tokens';
import { liveBundle } from '../translation';
import { CommandIDs } from './ids';

const ONE_CELL = {
  args: {
    type: 'object',
    properties: {
      cellId: {
        type: 'string',
        description: 'Id of the cell; the active cell where it is left away'
      },
      clicked: {
        type: 'boolean',
        description: 'The cell whose context menu is open'
      }
    }
  }
} as const;

export const cellActionsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'clinjup:cell-actions',
  description: 'Explain a cell, mend one that failed, check for confounders.',
  autoStart: true,
  requires: [IClinjupPanel, INotebookTracker, IRenderMimeRegistry],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    panel: IClinjupPanel,
    tracker: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = liveBundle(translator);
    const { commands } = app;
    const cellOf = ({ cellId, clicked }: ReadonlyPartialJSONObject) => {
      if (clicked) {
        const isCell = (node: HTMLElement) =>
          node.classList.contains('jp-Cell');
        const node = app.contextMenuHitTest(isCell);
        return findCell(tracker, cell => cell.node === node);
      }
      return typeof cellId === 'string'
        ? findCell(tracker, cell => cell.model.id === cellId)
        : activeCell(tracker);
    };
    const ask = async (
      what: 'explain' | 'mend',
      title: string,
      args: ReadonlyPartialJSONObject
    ) => {
      const found = cellOf(args);
      if (found) {
        panel.activate();
        await panel.model.askAboutCell(what, title, requestOf(found));
      }
    };

    commands.addCommand(CommandIDs.explainCell, {
      label: () => trans.__('Explain with clinjup'),
      describedBy: ONE_CELL,
      isEnabled: () => tracker.activeCell !== null,
      execute: args => ask('explain', trans.__('Explanation'), args)
    });
    commands.addCommand(CommandIDs.fixError, {
      label: () => trans.__('Mend with clinjup'),
      describedBy: ONE_CELL,
      isEnabled: args => errorOf(cellOf(args)?.cell ?? null) !== null,
      execute: args => ask('mend', trans.__('A way to mend it'), args)
    });
    commands.addCommand(CommandIDs.checkConfounders, {
      label: () => trans.__('Check for confounders'),
      describedBy: ONE_CELL,
      isEnabled: () => tracker.activeCell !== null,
      execute: args => {
        const path = cellOf(args)?.panel.context.localPath ?? '';
        const { model } = panel;
        const run = model.client.state.runs.find(
          each => each.notebook === path
        );
        const asked =
          run?.intent ??
          trans.__(
            'I want to diagnose [which finding?] on [which images?]. [Which object?] may act as a confounder.'
          );
        model.select(null);
        // What somebody has written stays.
        model.fillDraft({
          intent: model.draft.intent || asked,
          notebook: path
        });
        panel.activate();
      }
    });
    for (const command of [
      CommandIDs.explainCell,
      CommandIDs.fixError,
      CommandIDs.checkConfounders
    ]) {
      palette?.addItem({ command, category: trans.__('clinjup') });
    }

    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: ['application/vnd.jupyter.error'],
        createRenderer: options =>
          new ErrorRenderer({ ...options, commands, trans })
      },
      105
    );
  }
};

interface IFoundCell {
  panel: NotebookPanel;
  cell: Cell;
}

function activeCell(tracker: INotebookTracker): IFoundCell | null {
  const panel = tracker.currentWidget;
  const cell = tracker.activeCell;
  return panel && cell ? { panel, cell } : null;
}

function findCell(
  tracker: INotebookTracker,
  is: (cell: Cell) => boolean
): IFoundCell | null {
  let found: IFoundCell | null = null;
  tracker.forEach(panel => {
    const cell = panel.content.widgets.find(is);
    found = cell ? { panel, cell } : found;
  });
  return found;
}

function requestOf({ panel, cell }: IFoundCell): ICellRequest {
  return {
    notebook: panel.context.localPath,
    cell_id: cell.model.id,
    source: cell.model.sharedModel.getSource(),
    metadata: cell.model.getMetadata('clinjup') ?? {},
    error: errorOf(cell)
  };
}

/** The error below a cell, if there is one. */
function errorOf(cell: Cell | null): ICellProblem | null {
  if (!(cell instanceof CodeCell)) {
    return null;
  }
  for (let index = 0; index < cell.model.outputs.length; index++) {
    const output = cell.model.outputs.get(index).toJSON() as any;
    if (output.output_type === 'error') {
      const traceback = (output.traceback as string[]).join('\n');
      return { name: output.ename, message: output.evalue, traceback };
    }
  }
  return null;
}
