/**
 * A reload while the user types loses nothing.
 */

import { YNotebook } from '@jupyter/ydoc';

import { putBack, textsOf, typedSince } from '../typed';

function notebook(cells: Record<string, string>): YNotebook {
  const model = YNotebook.create() as YNotebook;
  for (const [id, source] of Object.entries(cells)) {
    model.addCell({ id, cell_type: 'code', source, metadata: {} } as any);
  }
  return model;
}

/** What stands in the notebook after the server's file `file` was loaded over `now`; the server had heard `told`. */
function reloaded(
  told: Record<string, string>,
  now: Record<string, string>,
  file: Record<string, string>
): string[] {
  const heard = textsOf(notebook(told));
  const typed = typedSince(notebook(now), heard);
  const after = notebook(file);
  putBack(after, typed, heard);
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

  it('leaves cells alone that nobody touched', () => {
    expect(reloaded({ a: '1' }, { a: '1' }, { a: 'run' })).toEqual(['run']);
  });
});
