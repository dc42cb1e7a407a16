/**
 * What the server last told this tab of each cell, and with which op.
 */

import type {
  ISharedCell,
  ISharedCodeCell,
  ISharedNotebook
} from '@jupyter/ydoc';
import { JSONExt } from '@lumino/coreutils';

import { ICell, ISnapshotCell, IUserOutputs } from '../protocol';

type Attachments = Record<string, any>;
type Metadata = Record<string, any>;

export interface IKnown {
  text: string;
  /** Of a file that was just loaded: the op that it stands at. */
  seq: number;
  metadata: Metadata;
  /** Pictures that were pasted into the cell, by name. */
  attachments: Attachments;
}

export type IBase = Map<string, IKnown>;

/** The base of a notebook that was just loaded: everything is as in the file. */
export function baseOf(notebook: ISharedNotebook, seq = 0): IBase {
  return new Map(
    notebook.cells.map(cell => [
      cell.getId(),
      {
        text: cell.getSource(),
        seq,
        metadata: cell.getMetadata() as Metadata,
        attachments: attachmentsOf(cell)
      }
    ])
  );
}

/** What the server knows of a cell that it has just told. */
export function knownOf(cell: ICell, seq: number): IKnown {
  return {
    text: cell.source,
    seq,
    metadata: cell.metadata,
    attachments: cell.attachments ?? {}
  };
}

/** A notebook that a new run begins with stands at `seq`, and so do all cells of a tab that has that file. */
export function raise(base: IBase, seq: number): void {
  for (const known of base.values()) {
    known.seq = Math.max(known.seq, seq);
  }
}

/** The op that a file which was just loaded stands at; 0 where no run has ever written it. */
export function seqOfFile(notebook: ISharedNotebook): number {
  const seq = (notebook.getMetadata('clinjup') as any)?.seq;
  return Number.isInteger(seq) ? seq : 0;
}

/** Ids of the cells whose text is not that of the base. */
export function typedSince(notebook: ISharedNotebook, base: IBase): string[] {
  return notebook.cells
    .filter(cell => base.get(cell.getId())?.text !== cell.getSource())
    .map(cell => cell.getId());
}

/** All cells in order. What equals the base is null, unless `full`. */
export function snapshotCells(
  notebook: ISharedNotebook,
  base: IBase,
  full: boolean
): ISnapshotCell[] {
  return notebook.cells.map(cell => {
    const id = cell.getId();
    const known = full ? undefined : base.get(id);
    const source = cell.getSource();
    const entry: ISnapshotCell = {
      id,
      type: cell.cell_type as ISnapshotCell['type'],
      source: known?.text === source ? null : source,
      seq: base.get(id)?.seq ?? 0
    };
    const metadata = cell.getMetadata() as Metadata;
    if (!known || !sameMetadata(metadata, known.metadata)) {
      entry.metadata = metadata;
    }
    if (cell.cell_type !== 'code') {
      const attachments = attachmentsOf(cell);
      if (!known || !JSONExt.deepEqual(attachments, known.attachments)) {
        entry.attachments = attachments;
      }
    }
    return entry;
  });
}

/** Outputs of cells that the server has never heard of: pasted, or deleted and brought back by undo. */
export function outputsOfNew(
  notebook: ISharedNotebook,
  base: IBase
): Omit<IUserOutputs, 'type' | 'v'>[] {
  return notebook.cells
    .filter(cell => cell.cell_type === 'code' && !base.has(cell.getId()))
    .map(cell => cell as ISharedCodeCell)
    .filter(cell => cell.getOutputs().length > 0)
    .map(cell => ({
      id: cell.getId(),
      outputs: cell.getOutputs() as any,
      execution_count: cell.execution_count
    }));
}

/** The pictures of a markdown or raw cell; none of a code cell. */
export function attachmentsOf(cell: ISharedCell): Attachments {
  return (cell as any).getAttachments?.() ?? {};
}

/** Whether the user has changed nothing. What clinjup notes is the server's, and so is the clock of a cell that it ran. */
function sameMetadata(metadata: Metadata, known: Metadata): boolean {
  const ours = { ...known };
  if (metadata.execution === undefined) {
    delete ours.execution;
  }
  return JSONExt.deepEqual(
    { ...metadata, clinjup: null },
    { ...ours, clinjup: null }
  );
}
