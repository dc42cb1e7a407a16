/**
 * What a cell shows. JupyterLab keeps a copy of it (OutputAreaModel) and joins a stream that is put in to the one before it, so a
 * stream has to grow and change in place, and everything else has to go before its successor comes, in a transaction of its own.
 * None of these may run inside of another transaction.
 */

import type { ISharedCodeCell, YCodeCell } from '@jupyter/ydoc';
import { JSONExt } from '@lumino/coreutils';

import { IAppendStream, ICell } from '../protocol';

/** Show `wanted`, changing as little as possible. */
export function showOutputs(
  cell: ISharedCodeCell,
  wanted: ICell['outputs']
): void {
  const present: ICell['outputs'] = cell.getOutputs() as any;
  const last = wanted.length - 1;
  if (JSONExt.deepEqual(present as any, wanted as any)) {
    return;
  }
  if (
    present.length === wanted.length &&
    JSONExt.deepEqual(
      present.slice(0, last) as any,
      wanted.slice(0, last) as any
    ) &&
    isSameStream(present[last], wanted[last])
  ) {
    rewriteStream(cell, last, textOf(present[last]), textOf(wanted[last]));
    return;
  }
  if (present.length > 0) {
    cell.clearOutputs(null);
  }
  if (wanted.length > 0) {
    cell.setOutputs(wanted as any);
  }
}

/** The last stream of a cell goes on; more text for one that is not there, or has moved on, changes nothing. */
export function appendStream(cell: ISharedCodeCell, op: IAppendStream): void {
  const outputs = cell.getOutputs();
  const output = outputs[op.index];
  if (
    output?.output_type === 'stream' &&
    op.index === outputs.length - 1 &&
    isAsLong(textOf(output), op.offset)
  ) {
    (cell as YCodeCell).appendStreamOutput(op.index, op.text);
  }
}

function rewriteStream(
  cell: ISharedCodeCell,
  index: number,
  before: string,
  after: string
): void {
  let same = 0;
  while (same < before.length && before[same] === after[same]) {
    same += 1;
  }
  if (/[\uD800-\uDBFF]/.test(before[same - 1] ?? '')) {
    same -= 1; // not between the halves of a character beyond 16 bit
  }
  const streams = cell as YCodeCell; // the interface leaves these two out
  if (same < before.length) {
    streams.removeStreamOutput(index, same);
  }
  if (same < after.length) {
    streams.appendStreamOutput(index, after.slice(same));
  }
}

function isSameStream(one: any, other: any): boolean {
  return (
    one.output_type === 'stream' &&
    other.output_type === 'stream' &&
    one.name === other.name
  );
}

function textOf(output: any): string {
  return Array.isArray(output.text)
    ? output.text.join('')
    : String(output.text);
}

/** The server counts characters, the browser counts halves of those beyond 16 bit. */
function isAsLong(text: string, characters: number): boolean {
  return text.length === characters || [...text].length === characters;
}
