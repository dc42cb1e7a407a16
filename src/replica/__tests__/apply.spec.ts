/**
 * Ops on the document that JupyterLab shows.
 */

import { YNotebook } from '@jupyter/ydoc';

import { ICell, IUpsert, Op } from '../../protocol';
import { applyOps } from '../apply';
import { baseOf, IBase, outputsOfNew, snapshotCells } from '../base';

const ME = 'me';

function notebook(...sources: string[]): YNotebook {
  const model = new YNotebook({
    disableDocumentWideUndoRedo: true
  }) as YNotebook;
  model.fromJSON({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: sources.map((source, index) => ({
      id: `c${index}`,
      cell_type: 'code',
      source,
      metadata: {},
      outputs: [],
      execution_count: null
    })) as any
  });
  // What comes from the file is no step of the user's.
  model.clearUndoHistory();
  return model;
}

function cell(id: string, source: string, more: Partial<ICell> = {}): ICell {
  return {
    id,
    cell_type: 'code',
    source,
    metadata: {},
    outputs: [],
    execution_count: null,
    attachments: null,
    ...more
  };
}

function upsert(seq: number, of: ICell, more: Partial<IUpsert> = {}): IUpsert {
  return {
    op: 'upsert',
    seq,
    origin: null,
    cell: of,
    after: null,
    over: null,
    ...more
  };
}

function apply(model: YNotebook, base: IBase, ...ops: Op[]): boolean {
  return applyOps(model, base, ops as any, ME).kept;
}

const sources = (model: YNotebook) => model.cells.map(each => each.getSource());

const outputsOf = (model: YNotebook, index: number): any[] =>
  (model.getCell(index) as any).getOutputs();

describe('applyOps', () => {
  it('puts a new cell after the one that is named', () => {
    const model = notebook('a', 'b');
    apply(model, baseOf(model), upsert(1, cell('new', 'x'), { after: 'c0' }));
    expect(sources(model)).toEqual(['a', 'x', 'b']);
  });

  it('puts a cell first where none is named, and last where the named one is gone', () => {
    const model = notebook('a');
    const base = baseOf(model);
    apply(model, base, upsert(1, cell('first', 'x')));
    apply(model, base, upsert(2, cell('last', 'y'), { after: 'gone' }));
    expect(sources(model)).toEqual(['x', 'a', 'y']);
  });

  it('changes nothing when the same ops come again', () => {
    const model = notebook('a');
    const base = baseOf(model);
    const output = { output_type: 'stream', name: 'stdout', text: 'one' };
    const ops: Op[] = [
      upsert(1, cell('new', 'x'), { after: 'c0' }),
      {
        op: 'outputs',
        seq: 2,
        origin: null,
        id: 'new',
        outputs: [output],
        execution_count: 3,
        state: 'running'
      },
      {
        op: 'append_stream',
        seq: 3,
        origin: null,
        id: 'new',
        index: 0,
        offset: 3,
        text: ' two'
      },
      { op: 'order', seq: 4, origin: null, ids: ['new', 'c0'] }
    ];
    apply(model, base, ...ops);
    const once = JSON.stringify(model.toJSON());
    apply(model, base, ops[2], ops[3]);
    expect(JSON.stringify(model.toJSON())).toBe(once);
    expect(outputsOf(model, 0)[0].text).toBe('one two');
    expect(sources(model)).toEqual(['x', 'a']);
  });

  it('replaces text that the server knows', () => {
    const model = notebook('a');
    const base = baseOf(model);
    expect(apply(model, base, upsert(1, cell('c0', 'a2')))).toBe(false);
    expect(sources(model)).toEqual(['a2']);
  });

  it('never writes over text that the server does not hold, and asks for a snapshot', () => {
    const model = notebook('a');
    const base = baseOf(model);
    model.getCell(0).setSource('typed by the user');
    expect(apply(model, base, upsert(1, cell('c0', 'a2')))).toBe(true);
    expect(sources(model)).toEqual(['typed by the user']);
    const [told] = snapshotCells(model, base, false);
    expect(told).toMatchObject({ source: 'typed by the user', seq: 0 });
  });

  it("replaces the user's text once the server holds it", () => {
    const model = notebook('a');
    const base = baseOf(model);
    model.getCell(0).setSource('typed');
    apply(model, base, upsert(1, cell('c0', 'a2'), { over: 'typed' }));
    expect(sources(model)).toEqual(['a2']);
  });

  it('takes an op of its own as news about the server only', () => {
    const model = notebook('a');
    const base = baseOf(model);
    model.getCell(0).setSource('typed on');
    apply(model, base, upsert(5, cell('c0', 'typed'), { origin: ME }));
    expect(sources(model)).toEqual(['typed on']);
    expect(base.get('c0')).toMatchObject({ text: 'typed', seq: 5 });
  });

  it('does not delete a cell that the user has changed', () => {
    const model = notebook('a', 'b');
    const base = baseOf(model);
    model.getCell(0).setSource('mine');
    const kept = apply(
      model,
      base,
      { op: 'delete', seq: 1, origin: null, id: 'c0', over: null },
      { op: 'delete', seq: 2, origin: null, id: 'c1', over: null }
    );
    expect(kept).toBe(true);
    expect(sources(model)).toEqual(['mine']);
  });

  it("rule 8: undo brings back the user's own cell, and takes out none that the run wrote since", () => {
    const model = notebook('a', 'mine');
    const base = baseOf(model);
    const ran = (seq: number, id: string): Op => ({
      op: 'outputs',
      seq,
      origin: null,
      id,
      outputs: [{ output_type: 'stream', name: 'stdout', text: 'one' }],
      execution_count: seq,
      state: 'idle'
    });
    const note = cell('m', '# why', { cell_type: 'markdown' });
    apply(model, base, upsert(1, note, { after: 'c1' }));
    apply(model, base, upsert(2, cell('x', 'code'), { after: 'm' }));
    apply(model, base, ran(3, 'x'));
    apply(model, base, upsert(4, cell('y', 'next'), { after: 'x' }));
    expect(model.canUndo()).toBe(false);

    model.deleteCell(3); // a cell of the run, while the next one is at work
    apply(
      model,
      base,
      { op: 'delete', seq: 5, origin: ME, id: 'x', over: null },
      upsert(6, cell('z', 'last'), { after: 'y' }),
      upsert(7, cell('c0', 'a2'))
    );
    apply(model, base, ran(8, 'z'));
    apply(
      model,
      base,
      { op: 'order', seq: 9, origin: null, ids: ['c1'] },
      { op: 'delete', seq: 10, origin: null, id: 'c0', over: null }
    );
    expect(sources(model)).toEqual(['mine', '# why', 'next', 'last']);

    model.undo();
    expect(sources(model)).toEqual(['mine', '# why', 'code', 'next', 'last']);
    expect(outputsOf(model, 2)[0].text).toBe('one');
    expect(model.canUndo()).toBe(false);
    expect(model.getCell(2).getId()).toBe('x');
  });

  it("undo in a cell takes back the user's own text only", () => {
    const model = notebook('a');
    const base = baseOf(model);
    apply(model, base, upsert(1, cell('c0', 'the run wrote this')));
    expect(model.getCell(0).canUndo()).toBe(false);
    model.getCell(0).setSource('the run wrote this, and I more');
    model.getCell(0).undo();
    expect(sources(model)).toEqual(['the run wrote this']);
  });

  it('leaves undo alone when only outputs came', () => {
    const model = notebook('a');
    const output = { output_type: 'stream', name: 'stdout', text: 'one' };
    apply(model, baseOf(model), {
      op: 'outputs',
      seq: 1,
      origin: null,
      id: 'c0',
      outputs: [output],
      execution_count: 1,
      state: 'idle'
    });
    expect(outputsOf(model, 0)).toHaveLength(1);
    expect(model.canUndo()).toBe(false);
  });

  it('trusts what the server trusts, whoever is said to have written it', () => {
    const model = notebook();
    const clinjup = { author: 'recipe', run_id: 'another' };
    const of = (trusted: object) => ({ metadata: { clinjup, ...trusted } });
    const base = baseOf(model);
    apply(model, base, upsert(1, cell('foreign', 'x', of({}))));
    apply(model, base, upsert(2, cell('own', 'x', of({ trusted: true }))));
    const trust = Object.fromEntries(
      model.cells.map(each => [each.getId(), each.getMetadata('trusted')])
    );
    expect(trust).toEqual({ own: true, foreign: undefined });
  });

  it("merges tags, and leaves the user's other metadata as it is", () => {
    const model = notebook('a');
    const base = baseOf(model);
    model.getCell(0).setMetadata({ tags: ['mine'], name: 'ward' } as any);
    apply(
      model,
      base,
      upsert(1, cell('c0', 'a', { metadata: { tags: ['x'] } }))
    );
    expect(model.getCell(0).getMetadata()).toEqual({
      tags: ['mine', 'x'],
      name: 'ward'
    });
    const [told] = snapshotCells(model, base, false);
    expect(told.metadata).toEqual({ tags: ['mine', 'x'], name: 'ward' });
    apply(
      model,
      base,
      upsert(2, cell('c0', 'a', { metadata: { tags: ['x'] } }))
    );
    expect(model.getCell(0).getMetadata('tags')).toEqual(['mine', 'x']);
  });

  it('takes the metadata of a cell whose text it leaves alone', () => {
    const model = notebook('a');
    const base = baseOf(model);
    model.getCell(0).setSource('typed');
    const marked = cell('c0', 'a2', { metadata: { tags: ['failed'] } });
    expect(apply(model, base, upsert(1, marked))).toBe(true);
    expect(sources(model)).toEqual(['typed']);
    expect(model.getCell(0).getMetadata('tags')).toEqual(['failed']);
  });

  it('shows a picture that came with the file, and keeps one that was just pasted', () => {
    const model = notebook();
    const note = cell('m', 'text', { cell_type: 'markdown' });
    const base = baseOf(model);
    apply(model, base, upsert(1, note));
    const picture = (data: string) => ({ 'image/png': data });
    (model.getCell(0) as any).setAttachments({ mine: picture('1') });
    const more = { ...note, attachments: { theirs: picture('2') } };
    apply(model, base, upsert(2, more));
    expect((model.getCell(0) as any).getAttachments()).toEqual({
      mine: picture('1'),
      theirs: picture('2')
    });
  });

  it('ignores more text for a stream that is not there or has moved on', () => {
    const model = notebook('a');
    const base = baseOf(model);
    const more: Op = {
      op: 'append_stream',
      seq: 1,
      origin: null,
      id: 'c0',
      index: 0,
      offset: 0,
      text: 'x'
    };
    apply(model, base, more, { ...more, seq: 2, id: 'gone' });
    expect(outputsOf(model, 0)).toEqual([]);
  });
});

describe('snapshotCells', () => {
  it('sends only what differs from what the server told', () => {
    const model = notebook('a', 'b');
    const base = baseOf(model, 7);
    model.getCell(1).setSource('b2');
    const cells = snapshotCells(model, base, false);
    expect(cells.map(each => [each.source, each.seq])).toEqual([
      [null, 7],
      ['b2', 7]
    ]);
  });

  it('sends everything on a rejoin', () => {
    const model = notebook('a');
    model.getCell(0).setMetadata('tags', ['x']);
    const [told] = snapshotCells(model, baseOf(model), true);
    expect(told.source).toBe('a');
    expect(told.metadata).toEqual({ tags: ['x'] });
  });

  it('sends a picture that was pasted into a known cell, and tags, until the server has told them', () => {
    const model = notebook('a');
    model.addCell({ id: 'm', cell_type: 'markdown', source: 'see:' } as any);
    const base = baseOf(model);
    const attachments = { 'x.png': { 'image/png': 'AAAA' } };
    (model.getCell(1) as any).setAttachments(attachments);
    model.getCell(0).setMetadata('tags', ['mine']);
    const [code, note] = snapshotCells(model, base, false);
    expect(code).toEqual({
      id: 'c0',
      type: 'code',
      source: null,
      seq: 0,
      metadata: { tags: ['mine'] }
    });
    expect(note).toMatchObject({ source: null, attachments });
    expect(note).not.toHaveProperty('metadata');
    const heard = { origin: ME };
    const tags = { metadata: { tags: ['mine'], clinjup: {}, execution: {} } };
    apply(model, base, upsert(1, cell('c0', 'a', tags), heard));
    const more = { cell_type: 'markdown' as const, attachments };
    apply(model, base, upsert(2, cell('m', 'see:', more), heard));
    const again = snapshotCells(model, base, false);
    expect(again.some(each => 'metadata' in each)).toBe(false);
    expect(again.some(each => 'attachments' in each)).toBe(false);
    (model.getCell(1) as any).setAttachments({});
    expect(snapshotCells(model, base, false)[1].attachments).toEqual({});
  });

  it('tells the outputs of a cell that the server does not have', () => {
    const model = notebook('a');
    const base = baseOf(model);
    const outputs = [{ output_type: 'stream', name: 'stdout', text: '42' }];
    model.addCell({ id: 'x', cell_type: 'code', source: 'b', outputs } as any);
    (model.getCell(0) as any).setOutputs(outputs);
    expect(outputsOfNew(model, base)).toEqual([
      { id: 'x', outputs, execution_count: null }
    ]);
  });
});
