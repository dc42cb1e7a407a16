/**
 * A reload while the user types loses nothing.
 */

import { YNotebook } from '@jupyter/ydoc';

import { blankCell, removeBlank } from '../blank';
import { changedSince, putBack, textsOf, Told } from '../typed';

function notebook(cells: Record<string, string>): YNotebook {
  const model = YNotebook.create() as YNotebook;
  for (const [id, source] of Object.entries(cells)) {
    model.addCell({ id, cell_type: 'code', source, metadata: {} } as any);
  }
  return model;
}

interface IMeanwhile {
  /** What the run put in. */
  ran?: Record<string, string>;
  /** What this tab sent, one snapshot after the other. */
  sent?: Record<string, string>[];
}

/** What stands in the notebook after the server's file `file` was loaded over `now`; the server had heard `told` in `rejoin`. */
function reloaded(
  told: Record<string, string>,
  now: Record<string, string>,
  file: Record<string, string>,
  { ran = {}, sent = [] }: IMeanwhile = {}
): string[] {
  const known = new Told(textsOf(notebook(told)));
  const ops = Object.entries(ran).map(([id, source]) => ({
    op: 'upsert',
    origin: null,
    cell: { id, source }
  }));
  known.hear(ops as any, 'me');
  for (const snapshot of sent) {
    known.send(notebook(snapshot));
  }
  const changes = changedSince(notebook(now), known);
  const after = notebook(file);
  putBack(after, changes, known);
  return after.cells.map(cell => cell.getSource());
}

describe('what was typed during a reload', () => {
  it('is put back into its cell', () => {
    expect(reloaded({ a: '1' }, { a: '12' }, { a: '1' })).toEqual(['12']);
  });

  it('stands below a cell that the run has changed meanwhile', () => {
    expect(reloaded({ a: '1' }, { a: '12' }, { a: 'run' })).toEqual([
      'run',
      '12'
    ]);
  });

  it('keeps a new cell, below the one it was put under', () => {
    expect(
      reloaded(
        { a: '1', b: '2' },
        { a: '1', n: 'new', b: '2' },
        { a: '1', b: '2' }
      )
    ).toEqual(['1', 'new', '2']);
  });

  it('is not told twice where the file has it already', () => {
    expect(reloaded({ a: '1' }, { a: '12' }, { a: '12' })).toEqual(['12']);
  });

  it('is not taken for what the run itself put in and has taken out again', () => {
    const now = { a: '1', r: 'run' };
    expect(
      reloaded({ a: '1' }, now, { a: '1' }, { ran: { r: 'run' } })
    ).toEqual(['1']);
  });

  it('does not bring back a cell that was deleted meanwhile, unless the run has changed it', () => {
    const told = { a: '1', b: '2' };
    expect(reloaded(told, { b: '2' }, told)).toEqual(['2']);
    expect(reloaded(told, { b: '2' }, { a: 'run', b: '2' })).toEqual([
      'run',
      '2'
    ]);
  });

  it('may have been sent before, whether the file has it or not', () => {
    const sent = [{ a: '12' }];
    for (const file of ['1', '12']) {
      for (const now of ['12', '123']) {
        expect(reloaded({ a: '1' }, { a: now }, { a: file }, { sent })).toEqual(
          [now]
        );
      }
    }
  });

  it('may be what stood there before it was edited and sent', () => {
    const sent = [{ a: '12' }];
    expect(reloaded({ a: '1' }, { a: '1' }, { a: '12' }, { sent })).toEqual([
      '1'
    ]);
  });

  it('does not bring back a cell that was edited or put in before, sent, and then deleted', () => {
    const sent: Record<string, string>[] = [
      { a: '12', b: '2' },
      { a: '123', b: '2', n: 'new' }
    ];
    for (const file of sent) {
      expect(reloaded({ a: '1', b: '2' }, { b: '2' }, file, { sent })).toEqual([
        '2'
      ]);
    }
    const file = { a: 'run', b: '2' };
    expect(reloaded({ a: '1', b: '2' }, { b: '2' }, file, { sent })).toEqual([
      'run',
      '2'
    ]);
  });

  it('does not bring back the text of a new cell that was sent and then emptied', () => {
    const sent = [{ a: '1', n: 'new' }];
    expect(reloaded({ a: '1' }, { a: '1', n: '' }, sent[0], { sent })).toEqual([
      '1',
      ''
    ]);
  });

  it('does not bring back a cell that the run wrote twice and the user deleted', () => {
    const ran = { r: 'run, mended' };
    expect(
      reloaded({ a: '1', r: 'run' }, { a: '1' }, { a: '1', r: 'run' }, { ran })
    ).toEqual(['1']);
  });

  it('can be taken back, and with it nothing of the file', () => {
    const model = notebook({ a: '1', n: 'new' });
    const told = new Told(new Map([['a', '1']]));
    const changes = changedSince(model, told);
    model.fromJSON(notebook({ a: '1', r: 'run' }).toJSON());
    putBack(model, changes, told);
    const sources = () => model.cells.map(cell => cell.getSource());
    expect(sources()).toEqual(['1', 'new', 'run']);
    model.undo();
    expect(sources()).toEqual(['1', 'run']);
    model.undo();
    expect(sources()).toEqual(['1', 'run']);
  });

  it('leaves cells alone that nobody touched', () => {
    expect(reloaded({ a: '1' }, { a: '1' }, { a: 'run' })).toEqual(['run']);
  });
});

describe('the cell of an empty notebook', () => {
  it('is gone for good once the run has written one, also when the file still had it', () => {
    const model = notebook({ blank: '' });
    const told = new Told(textsOf(model));
    const blank = blankCell(model);
    model.addCell({ id: 'first', cell_type: 'code', source: 'T' } as any);
    expect(removeBlank(model, blank)).toBe(true);
    const changes = changedSince(model, told);
    const file = notebook({ blank: '', first: 'T' });
    putBack(file, changes, told);
    expect(file.cells.map(cell => cell.getId())).toEqual(['first']);
  });

  it('stays where the user has others, and while it is alone', () => {
    expect(blankCell(notebook({ a: '', b: '2' }))).toBeNull();
    const model = notebook({ blank: '' });
    expect(removeBlank(model, blankCell(model))).toBe(false);
  });
});
