/**
 * For each cell, the text that the server last told this tab, and with which op.
 */

import type { ISharedNotebook } from '@jupyter/ydoc';

import { ISnapshotCell } from '../protocol';

export interface IKnown {
  text: string;
  /** Of a file that was just loaded: the op that it stands at. */
  seq: number;
}

export type IBase = Map<string, IKnown>;

/** The base of a notebook that was just loaded: everything is as in the file. */
export function baseOf(notebook: ISharedNotebook, seq = 0): IBase {
  return new Map(
    notebook.cells.map(cell => [cell.getId(), { text: cell.getSource(), seq }])
  );
}

/** The op that a file which was just loaded stands at; 0 where no run has ever written it. */
export function seqOfFile(notebook: ISharedNotebook): number {
  const seq = (notebook.getMetadata('clinjup') as any)?.seq;
  return Number.isInteger(seq) ? seq : 0;
}

/** All cells in order. `source` is null where it equals the base, unless `full`. */
export function snapshotCells(
  notebook: ISharedNotebook,
  base: IBase,
  full: boolean
): ISnapshotCell[] {
  return notebook.cells.map(cell => {
    const id = cell.getId();
    const known = base.get(id);
    const source = cell.getSource();
    const entry: ISnapshotCell = {
      id,
      type: cell.cell_type as ISnapshotCell['type'],
      source: !full && known?.text === source ? null : source,
      seq: known?.seq ?? 0
    };
    if (!known || full) {
      // The file knows nothing of trust, and the server decides it anew.
      const { trusted, ...metadata } = cell.getMetadata() as Record<
        string,
        any
      >;
      entry.metadata = metadata;
      if (cell.cell_type === 'markdown' || cell.cell_type === 'raw') {
        const attachments = (cell as any).getAttachments?.();
        entry.attachments = attachments ?? null;
      }
    }
    return entry;
  });
}
