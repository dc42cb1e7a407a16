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

/** Own texts of one cell that are remembered, as many as the server remembers. An older one in a file counts as the run's. */
const REMEMBERED = 60;

/** What the server has of each cell, as far as a tab knows: the file that it writes may be a little older. */
export class Told {
  constructor(texts: ReadonlyMap<string, string> = new Map()) {
    this._texts = new Map(texts);
  }

  /** Note what the run wrote; what came from this tab, `client`, may not be in the file yet. */
  hear(ops: readonly Op[], client: string): void {
    for (const op of ops) {
      if (op.op === 'upsert' && op.origin !== client) {
        const { id, source } = op.cell;
        this._remember(id, this._texts.get(id));
        this._texts.set(id, source);
        this._edited.delete(id);
      } else if (op.op === 'delete' && op.origin !== client) {
        this._texts.delete(op.id);
        this._others.delete(op.id);
      }
    }
  }

  /** Note what was sent to the server, which may write it into the file from now on. */
  send(notebook: ISharedNotebook): void {
    for (const [id, text] of textsOf(notebook)) {
      if (text !== this._texts.get(id)) {
        this._remember(id, text);
        this._edited.add(id);
      }
    }
  }

  get ids(): string[] {
    return [...new Set([...this._texts.keys(), ...this._others.keys()])];
  }

  has(id: string): boolean {
    return this._texts.has(id) || this._others.has(id);
  }

  /** Whether a cell reads as it was told in `rejoin`, or as the run wrote it since, and nothing else was sent in between. */
  isUntouched(id: string, text: string): boolean {
    return this._texts.get(id) === text && !this._edited.has(id);
  }

  /** Whether this tab has told or heard this text of a cell: in a file it is nothing new. */
  knows(id: string, text: string): boolean {
    return this._texts.get(id) === text || !!this._others.get(id)?.has(text);
  }

  private _remember(id: string, text: string | undefined): void {
    if (text === undefined) {
      return;
    }
    const texts = this._others.get(id) ?? new Set();
    texts.delete(text); // it is the newest now
    texts.add(text);
    if (texts.size > REMEMBERED) {
      texts.delete(texts.values().next().value!);
    }
    this._others.set(id, texts);
  }

  private _texts: Map<string, string>;
  private _others = new Map<string, Set<string>>();
  private _edited = new Set<string>();
}

export function changedSince(notebook: ISharedNotebook, told: Told): IChanges {
  const typed = notebook.cells
    .map((cell, index) => ({
      id: cell.getId(),
      type: cell.cell_type,
      text: cell.getSource(),
      after: index > 0 ? notebook.cells[index - 1].getId() : null
    }))
    .filter(
      ({ id, text }) => !told.isUntouched(id, text) && (text || told.has(id))
    );
  const present = textsOf(notebook);
  return { typed, deleted: told.ids.filter(id => !present.has(id)) };
}

/**
 * Do it again where the server's file has what this tab knew; text goes beside a cell that the run has changed. Undo begins anew: the
 * first one would bring the document of before the file back, without what the run has written.
 */
export function putBack(
  notebook: ISharedNotebook,
  { typed, deleted }: IChanges,
  told: Told
): void {
  notebook.clearUndoHistory();
  const place = (id: string | null) =>
    notebook.cells.findIndex(cell => cell.getId() === id);
  for (const id of deleted) {
    const index = place(id);
    if (index >= 0 && told.knows(id, notebook.cells[index].getSource())) {
      notebook.deleteCell(index);
    }
  }
  notebook.transact(() => {
    for (const { id, type, text, after } of typed) {
      const cell = notebook.cells[place(id)];
      if (cell && told.knows(id, cell.getSource())) {
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
