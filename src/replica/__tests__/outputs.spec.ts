/**
 * What a cell shows while it runs, in the document and in the copy of it that JupyterLab draws.
 */

import { CodeCellModel } from '@jupyterlab/cells';
import { NotebookModel } from '@jupyterlab/notebook';

import { Op } from '../../protocol';
import { applyOps } from '../apply';
import { baseOf } from '../base';

const CODE = {
  cell_type: 'code' as const,
  source: 'x',
  metadata: {},
  outputs: [],
  execution_count: null,
  attachments: null
};

function stream(text: string, name = 'stdout') {
  return { output_type: 'stream', name, text };
}

const picture = {
  output_type: 'display_data',
  data: { 'image/png': 'x' },
  metadata: {}
};

function outputs(...shown: any[]): Partial<Op> {
  return {
    op: 'outputs',
    outputs: shown,
    execution_count: null,
    state: 'running'
  };
}

function more(text: string, offset: number, index = 0): Partial<Op> {
  return { op: 'append_stream', index, offset, text };
}

/** A notebook with the run's cell, to which `batches` of ops come; what the document and JupyterLab's copy show in the end. */
function after(...batches: Partial<Op>[][]) {
  const model = new NotebookModel();
  const base = baseOf(model.sharedModel);
  const insert = {
    op: 'upsert',
    cell: { id: 'run', ...CODE },
    after: null,
    over: null
  };
  let seq = 0;
  const [first, ...others] = batches;
  for (const batch of [[insert as Partial<Op>, ...first], ...others]) {
    const ops = batch.map(op => ({
      seq: (seq += 1),
      origin: null,
      id: 'run',
      ...op
    }));
    applyOps(model.sharedModel, base, ops as any, 'me');
  }
  const place = model.sharedModel.cells.findIndex(
    cell => cell.getId() === 'run'
  );
  const shown = {
    document: (model.sharedModel.cells[place] as any).getOutputs(),
    drawn: (model.cells.get(place) as CodeCellModel).outputs.toJSON()
  };
  model.dispose();
  return shown;
}

const CASES: [string, Partial<Op>[][], any[]][] = [
  [
    'a stream that grows',
    [[outputs(stream('a\n'))], [more('b\n', 2)], [more('c\n', 4)]],
    [stream('a\nb\nc\n')]
  ],
  [
    'a stream that grows several times in one batch',
    [[outputs(stream('a\n')), more('b\n', 2), more('c\n', 4)]],
    [stream('a\nb\nc\n')]
  ],
  [
    'a stream that grows beyond a character of more than 16 bit',
    [[outputs(stream('🫁\n'))], [more('b\n', 2)]],
    [stream('🫁\nb\n')]
  ],
  [
    'a bar that is drawn anew in its line',
    [
      [outputs(stream(' 10 %', 'stderr'))],
      [outputs(stream(' 20 %', 'stderr'))],
      [outputs(stream(' 3', 'stderr'))]
    ],
    [stream(' 3', 'stderr')]
  ],
  [
    'another character beyond 16 bit with the same first half',
    [[outputs(stream('🌍 loading'))], [outputs(stream('🌎 done'))]],
    [stream('🌎 done')]
  ],
  [
    'a stream below a picture',
    [[outputs(picture, stream('a\n'))], [more('b\n', 2, 1)]],
    [picture, stream('a\nb\n')]
  ],
  [
    'a stream to which a picture comes',
    [[outputs(stream('a\n'))], [outputs(stream('a\n'), picture)]],
    [stream('a\n'), picture]
  ],
  [
    'a stream that takes the place of another and of a picture',
    [[outputs(picture, stream('a\n'))], [outputs(stream('b\n'))]],
    [stream('b\n')]
  ],
  ['nothing any more', [[outputs(stream('a\n'), picture)], [outputs()]], []],
  [
    'what comes with the text of the cell',
    [
      [outputs(stream('a\n'))],
      [
        {
          op: 'upsert',
          cell: { id: 'run', ...CODE, outputs: [stream('b\n')] },
          after: null,
          over: null
        } as Partial<Op>
      ]
    ],
    [stream('b\n')]
  ]
];

describe.each(CASES)('%s', (_, batches, wanted) => {
  it('stands in the document, and is what JupyterLab draws', () => {
    const { document, drawn } = after(...batches);
    expect(document).toEqual(wanted);
    expect(drawn).toEqual(wanted);
  });
});
