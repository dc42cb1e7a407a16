/**
 * What the user did while the file was being written by the server: kept over a reload, never lost.
 */

import type { ISharedNotebook } from '@jupyter/ydoc';

import type { Op } from '../protocol';

export interface ITyped {
  id: string;
  type: string;
  text: string;
  /** The cell above it; null = it was the first. */
  after: string | null;
}

export interface IChanges {
  /** Cells whose text is not what the server was told, new ones among them. */
  typed: ITyped[];
  /** Ids of cells that are not there any more. */
  deleted: string[];
}

export function textsOf(notebook: ISharedNotebook): Map<string, string> {
  return new Map(notebook.cells.map(cell => [cell.getId(), cell.getSource()]));
}

/** Note in `told` what the run wrote; what came from this tab, `client`, may not be in the file yet. */
export function hear(
  told: Map<string, string>,
  ops: readonly Op[],
  client: string
): void {
  for (const op of ops) {
    if (op.op === 'upsert' && op.origin !== client) {
      told.set(op.cell.id, op.cell.source);
    } else if (op.op === 'delete' && op.origin !== client) {
      told.delete(op.id);
    }
  }
}

export function changedSince(
  notebook: ISharedNotebook,
  told: ReadonlyMap<string, string>
): IChanges {
  const typed = notebook.cells
    .map((cell, index) => ({
      id: cell.getId(),
      type: cell.cell_type,
      text: cell.getSource(),
      after: index > 0 ? notebook.cells[index - 1].getId() : null
    }))
    .filter(({ id, text }) => text !== told.get(id) && (text || told.has(id)));
  const present = textsOf(notebook);
  return { typed, deleted: [...told.keys()].filter(id => !present.has(id)) };
}

/**
 * Do it again where the server's file still has what it was told; text goes beside a cell that the run has changed. Undo begins anew: the
 * first one would bring the document of before the file back, without what the run has written.
 */
export function putBack(
  notebook: ISharedNotebook,
  { typed, deleted }: IChanges,
  told: ReadonlyMap<string, string>
): void {
  notebook.clearUndoHistory();
  const place = (id: string | null) =>
    notebook.cells.findIndex(cell => cell.getId() === id);
  for (const id of deleted) {
    const index = place(id);
    if (index >= 0 && notebook.cells[index].getSource() === told.get(id)) {
      notebook.deleteCell(index);
    }
  }
  notebook.transact(() => {
    for (const { id, type, text, after } of typed) {
      const cell = notebook.cells[place(id)];
      if (cell && cell.getSource() === told.get(id)) {
        cell.setSource(text);
      } else if (cell?.getSource() !== text) {
        notebook.insertCell(place(cell ? id : after) + 1, {
          cell_type: type as any,
          source: text,
          metadata: {}
        });
      }
    }
  });
}
