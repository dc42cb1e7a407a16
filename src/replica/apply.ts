/**
 * Ops of the server on the open notebook. Every op may come twice; none overwrites text that the server does not hold.
 */

import type {
  ISharedCell,
  ISharedCodeCell,
  ISharedMarkdownCell,
  ISharedNotebook
} from '@jupyter/ydoc';
import { JSONExt } from '@lumino/coreutils';

import {
  ICell,
  ICellState,
  IDelete,
  IOrder,
  IOutputs,
  IUpsert,
  Op
} from '../protocol';
import { attachmentsOf, IBase, IKnown, knownOf } from './base';
import { CellsInTransaction } from './cells';
import { merged } from './merged';
import { appendStream, showOutputs } from './outputs';

/** What an op did: whether the tab holds text that the server has to hear of. */
export interface IApplied {
  /** A cell's own text stood in the way; send a snapshot. */
  kept: boolean;
}

type NotebookOp = Exclude<Op, { op: 'save' | 'revert' }>;

/** Ops of which each change is a transaction of its own (see outputs.ts). */
const ALONE = new Set(['outputs', 'append_stream']);

/**
 * Apply `ops` in order, outside of undo: what the user takes back is their own, never the run's. Neighbours share one transaction.
 * `client` is this tab's own id: an op that came from here only tells that the server has the text.
 */
export function applyOps(
  notebook: ISharedNotebook,
  base: IBase,
  ops: readonly NotebookOp[],
  client: string
): IApplied {
  let kept = false;
  for (const group of groupsOf(ops)) {
    const shown: IUpsert[] = [];
    const apply = () => {
      const cells = new CellsInTransaction(notebook);
      for (const op of group) {
        const done = applyOp(cells, base, op, client);
        kept = !done || kept;
        if (done && op.op === 'upsert' && op.origin !== client) {
          shown.push(op);
        }
      }
    };
    if (ALONE.has(group[0].op)) {
      apply();
    } else {
      notebook.transact(apply, false);
    }
    const cells = new CellsInTransaction(notebook);
    for (const { cell } of shown) {
      const present = cells.code(cell.id);
      if (present && cell.cell_type === 'code') {
        showOutputs(present, cell.outputs);
      }
    }
  }
  return { kept };
}

/** Neighbours that are applied together. */
function groupsOf(ops: readonly NotebookOp[]): NotebookOp[][] {
  const groups: NotebookOp[][] = [];
  let wasAlone = false;
  for (const op of ops) {
    const isAlone = ALONE.has(op.op);
    if (groups.length === 0 || isAlone !== wasAlone) {
      groups.push([]);
    }
    wasAlone = isAlone;
    groups[groups.length - 1].push(op);
  }
  return groups;
}

/** Apply one op; false where the user's own text stood in its way. */
function applyOp(
  cells: CellsInTransaction,
  base: IBase,
  op: NotebookOp,
  client: string
): boolean {
  if (op.origin === client) {
    if (op.op === 'upsert') {
      base.set(op.cell.id, knownOf(op.cell, op.seq));
    } else if (op.op === 'delete') {
      base.delete(op.id);
    }
    return true;
  }
  switch (op.op) {
    case 'upsert':
      return upsert(cells, base, op);
    case 'delete':
      return remove(cells, base, op);
    case 'order':
      return order(cells, op);
    case 'outputs':
      return outputs(cells, op);
    case 'append_stream': {
      const cell = cells.code(op.id);
      if (cell) {
        appendStream(cell, op);
      }
      return true;
    }
    case 'state':
      return cellState(cells, op);
    case 'nbmeta':
      for (const [key, value] of Object.entries(op.metadata)) {
        cells.setNotebookMetadata(key, value);
      }
      return true;
    default:
      return true;
  }
}

function upsert(cells: CellsInTransaction, base: IBase, op: IUpsert): boolean {
  const { cell } = op;
  const index = cells.indexOf(cell.id);
  if (index < 0) {
    const after = op.after === null ? -1 : cells.indexOf(op.after);
    const place = op.after !== null && after < 0 ? cells.length : after + 1;
    cells.insert(place, asShared(cell));
    base.set(cell.id, knownOf(cell, op.seq));
    return true;
  }
  const present = cells.get(index);
  const known = base.get(cell.id);
  mergeTheRest(present, cell, known);
  if (!mayReplace(present, base, op.over, cell.source)) {
    if (known) {
      base.set(cell.id, { ...knownOf(cell, known.seq), text: known.text });
    }
    return false;
  }
  if (present.cell_type !== cell.cell_type) {
    cells.remove(index);
    cells.insert(index, asShared(cell));
  } else {
    rewrite(present, cell);
  }
  base.set(cell.id, knownOf(cell, op.seq));
  return true;
}

function remove(cells: CellsInTransaction, base: IBase, op: IDelete): boolean {
  const index = cells.indexOf(op.id);
  if (index < 0) {
    return true;
  }
  if (!mayReplace(cells.get(index), base, op.over, null)) {
    return false;
  }
  cells.remove(index);
  base.delete(op.id);
  return true;
}

/** Whether the server holds what stands in this cell. */
function mayReplace(
  cell: ISharedCell,
  base: IBase,
  over: string | null,
  source: string | null
): boolean {
  const text = cell.getSource();
  return (
    text === base.get(cell.getId())?.text || text === over || text === source
  );
}

function rewrite(present: ISharedCell, cell: ICell): void {
  if (present.getSource() !== cell.source) {
    present.setSource(cell.source);
  }
  if (isCode(present)) {
    if (present.execution_count !== cell.execution_count) {
      present.execution_count = cell.execution_count;
    }
  }
}

/** What is no text: taken over where the server changed it; what the user has changed since stays. */
function mergeTheRest(present: ISharedCell, cell: ICell, known?: IKnown): void {
  const metadata: Record<string, any> = present.getMetadata();
  const wanted = merged(known?.metadata ?? {}, metadata, cell.metadata);
  for (const name of Object.keys({ ...metadata, ...wanted })) {
    if (wanted[name] === undefined) {
      present.deleteMetadata(name);
    } else if (!JSONExt.deepEqual(metadata[name] ?? null, wanted[name])) {
      present.setMetadata(name, wanted[name]);
    }
  }
  if (!isCode(present)) {
    const pictures = attachmentsOf(present);
    const kept = merged(
      known?.attachments ?? {},
      pictures,
      cell.attachments ?? {}
    );
    if (!JSONExt.deepEqual(pictures, kept)) {
      (present as ISharedMarkdownCell).setAttachments(kept);
    }
  }
}

function order(cells: CellsInTransaction, op: IOrder): boolean {
  let place = 0;
  for (const id of op.ids) {
    const index = cells.indexOf(id);
    if (index < 0) {
      continue;
    }
    if (index > place) {
      cells.move(index, place);
    }
    place += 1;
  }
  return true;
}

function outputs(cells: CellsInTransaction, op: IOutputs): boolean {
  const cell = cells.code(op.id);
  if (cell) {
    showOutputs(cell, op.outputs);
    setState(cell, op.state, op.execution_count);
  }
  return true;
}

function cellState(cells: CellsInTransaction, op: ICellState): boolean {
  const cell = cells.code(op.id);
  if (cell) {
    setState(cell, op.state, op.execution_count);
  }
  return true;
}

function setState(
  cell: ISharedCodeCell,
  state: 'idle' | 'running',
  executionCount: number | null
): void {
  if (cell.execution_count !== executionCount) {
    cell.execution_count = executionCount;
  }
  if (cell.executionState !== state) {
    cell.executionState = state;
  }
}

function isCode(cell: ISharedCell): cell is ISharedCodeCell {
  return cell.cell_type === 'code';
}

function asShared(cell: ICell): any {
  const { id, cell_type, source, metadata } = cell;
  if (cell_type === 'code') {
    const { outputs, execution_count } = cell;
    return { id, cell_type, source, metadata, outputs, execution_count };
  }
  return cell.attachments
    ? { id, cell_type, source, metadata, attachments: cell.attachments }
    : { id, cell_type, source, metadata };
}
