/**
 * Ops of the server on the open notebook. Every op may come twice; none overwrites text that the server does not hold.
 */

import type {
  ISharedCell,
  ISharedCodeCell,
  ISharedNotebook
} from '@jupyter/ydoc';
import { JSONExt, PartialJSONValue } from '@lumino/coreutils';

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
import { IBase } from './base';
import { CellsInTransaction } from './cells';

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
      base.set(op.cell.id, { text: op.cell.source, seq: op.seq });
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
    base.set(cell.id, { text: cell.source, seq: op.seq });
    return true;
  }
  const present = cells.get(index);
  if (!mayReplace(present, base, op.over, cell.source)) {
    return false;
  }
  if (present.cell_type !== cell.cell_type) {
    cells.remove(index);
    cells.insert(index, asShared(cell));
  } else {
    rewrite(present, cell);
  }
  base.set(cell.id, { text: cell.source, seq: op.seq });
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
  const trusted = present.getMetadata('trusted');
  const metadata: Record<string, any> = withTrust(cell);
  if (trusted !== undefined && metadata.trusted === undefined) {
    metadata.trusted = trusted;
  }
  if (!JSONExt.deepEqual(present.getMetadata() as any, metadata)) {
    present.setMetadata(metadata as any);
  }
  if (isCode(present)) {
    setOutputs(present, cell.outputs);
    if (present.execution_count !== cell.execution_count) {
      present.execution_count = cell.execution_count;
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
  const { id, cell_type, source } = cell;
  const metadata = withTrust(cell);
  if (cell_type === 'code') {
    const { outputs, execution_count } = cell;
    return { id, cell_type, source, metadata, outputs, execution_count };
  }
  return cell.attachments
    ? { id, cell_type, source, metadata, attachments: cell.attachments }
    : { id, cell_type, source, metadata };
}

/**
 * clinjup's own cells are trusted, so that their widgets live; the server has taken all scripts out of their outputs. What a
 * model wrote is not: JupyterLab sanitises it.
 */
function withTrust(cell: ICell): Record<string, PartialJSONValue | undefined> {
  return cell.metadata.clinjup?.author === 'recipe'
    ? { ...cell.metadata, trusted: true }
    : { ...cell.metadata };
}
