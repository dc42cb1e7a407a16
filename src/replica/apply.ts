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
  IAppendStream,
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

/** What an op did: whether the tab holds text that the server has to hear of. */
export interface IApplied {
  /** A cell's own text stood in the way; send a snapshot. */
  kept: boolean;
}

type NotebookOp = Exclude<Op, { op: 'save' | 'revert' }>;

/** Ops that stay out of undo: what a cell printed is not the user's doing. */
const SILENT = new Set(['outputs', 'append_stream', 'state', 'nbmeta']);

/**
 * Apply `ops` in order. Neighbours of one sort share one transaction, so that one undo takes back one step of the run.
 * `client` is this tab's own id: an op that came from here only tells that the server has the text.
 */
export function applyOps(
  notebook: ISharedNotebook,
  base: IBase,
  ops: readonly NotebookOp[],
  client: string
): IApplied {
  let kept = false;
  let start = 0;
  while (start < ops.length) {
    const silent = SILENT.has(ops[start].op);
    let end = start;
    while (end < ops.length && SILENT.has(ops[end].op) === silent) {
      end += 1;
    }
    notebook.transact(() => {
      const cells = new CellsInTransaction(notebook);
      for (const op of ops.slice(start, end)) {
        kept = !applyOp(cells, base, op, client) || kept;
      }
    }, !silent);
    start = end;
  }
  return { kept };
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
    case 'append_stream':
      return appendStream(cells, op);
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
    setOutputs(present, cell.outputs);
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
    setOutputs(cell, op.outputs);
    setState(cell, op.state, op.execution_count);
  }
  return true;
}

function setOutputs(cell: ISharedCodeCell, wanted: ICell['outputs']): void {
  const present = cell.getOutputs();
  if (!JSONExt.deepEqual(present as any, wanted as any)) {
    cell.setOutputs(wanted as any);
  }
}

function appendStream(cells: CellsInTransaction, op: IAppendStream): boolean {
  const cell = cells.code(op.id);
  const output = cell?.getOutputs()[op.index];
  if (!cell || output?.output_type !== 'stream') {
    return true;
  }
  const text = Array.isArray(output.text)
    ? output.text.join('')
    : String(output.text);
  if (text.length === op.offset) {
    cell.updateOutputs(op.index, op.index + 1, [
      { ...output, text: text + op.text }
    ]);
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
