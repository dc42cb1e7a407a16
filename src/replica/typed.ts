/**
 * What the user typed while the file was being written by the server: kept over a reload, never lost.
 */

import type { ISharedNotebook } from '@jupyter/ydoc';

export interface ITyped {
  id: string;
  type: string;
  text: string;
  /** The cell above it; null = it was the first. */
  after: string | null;
}

export function textsOf(notebook: ISharedNotebook): Map<string, string> {
  return new Map(notebook.cells.map(cell => [cell.getId(), cell.getSource()]));
}

/** Cells whose text is not what the server was told, new ones among them. */
export function typedSince(
  notebook: ISharedNotebook,
  told: ReadonlyMap<string, string>
): ITyped[] {
  return notebook.cells
    .map((cell, index) => ({
      id: cell.getId(),
      type: cell.cell_type,
      text: cell.getSource(),
      after: index > 0 ? notebook.cells[index - 1].getId() : null
    }))
    .filter(({ id, text }) => text !== told.get(id) && (text || told.has(id)));
}

/** Put the text back where the server's file still has what it was told; beside it where the run has changed the cell. */
export function putBack(
  notebook: ISharedNotebook,
  typed: readonly ITyped[],
  told: ReadonlyMap<string, string>
): void {
  const place = (id: string | null) =>
    notebook.cells.findIndex(cell => cell.getId() === id);
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
