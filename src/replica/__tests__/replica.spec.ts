/**
 * The replica in JupyterLab's own notebook: the server writes the file behind the tab's back, the user goes on.
 */

import { NotebookPanel } from '@jupyterlab/notebook';
import {
  initNotebookContext,
  NBTestUtils
} from '@jupyterlab/notebook/lib/testutils';
import { ServiceManager } from '@jupyterlab/services';
import { ServiceManagerMock } from '@jupyterlab/services/lib/testutils';
import { nullTranslator } from '@jupyterlab/translation';

import { TestServer, TestSocket, until } from '../../client/__tests__/server';
import { NotebookReplica } from '../replica';

type Cells = Record<string, string>;

const content = (cells: Cells, seq: number) => ({
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { clinjup: { seq } },
  cells: Object.entries(cells).map(([id, source]) => ({
    id,
    cell_type: 'code',
    source,
    metadata: {},
    outputs: [],
    execution_count: null
  }))
});

describe('a reload of the file', () => {
  let manager: ServiceManager.IManager;
  let panel: NotebookPanel;
  let replica: NotebookReplica;
  let socket: TestSocket;

  beforeEach(async () => {
    const server = new TestServer();
    manager = new ServiceManagerMock();
    const context = await initNotebookContext({ manager });
    panel = NBTestUtils.createNotebookPanel(context);
    await write({ a: '1', b: '2' }, 0);
    await context.revert();
    replica = new NotebookReplica({
      panel,
      contents: manager.contents,
      trans: nullTranslator.load('clinjup'),
      url: path => `ws://localhost/${path}`
    });
    socket = server.socket;
    socket.open();
    socket.say({
      type: 'welcome',
      v: 1,
      kernel_id: null,
      kernel_name: null,
      live: true,
      owner: true,
      run_id: 'r',
      sentence: '',
      seq: 0
    });
    await until(() => socket.sent.some(({ type }) => type === 'rejoin'));
  });

  afterEach(() => {
    replica.dispose();
    panel.dispose();
  });

  const notebook = () => panel.context.model.sharedModel;
  const shown = () =>
    Object.fromEntries(
      notebook().cells.map(cell => [cell.getId(), cell.getSource()])
    );
  const cell = (id: string) =>
    notebook().cells.findIndex(each => each.getId() === id);

  /** The server writes the file, which stands at op `seq` then. */
  const write = (cells: Cells, seq: number) =>
    manager.contents.save(panel.context.path, {
      type: 'notebook',
      format: 'json',
      content: content(cells, seq)
    });

  /** The server has the tab load the file; the tab does again what the user did since, and tells it. */
  const reload = async (seq: number) => {
    const ops = [{ op: 'revert', seq, origin: null }];
    socket.say({ type: 'ops', v: 1, after: 0, ops, until: seq });
    await until(() => snapshots().some(snapshot => snapshot.seq === seq));
  };

  const snapshots = () => socket.sent.filter(({ type }) => type === 'snapshot');

  /** What the user does reaches the server. */
  const sent = async (edit: () => void) => {
    const before = snapshots().length;
    edit();
    await until(() => snapshots().length > before);
  };

  it('does not bring back what the user deleted, though it came only with the reload before', async () => {
    await write({ a: '1', b: '2', r: 'run' }, 5);
    await reload(5);
    expect(shown()).toEqual({ a: '1', b: '2', r: 'run' });
    await write({ a: '1', b: '2', r: 'run', s: 'more' }, 9);
    notebook().deleteCell(cell('r'));
    await reload(9);
    expect(shown()).toEqual({ a: '1', b: '2', s: 'more' });
  });

  it('does not bring back what the user edited and then deleted', async () => {
    await sent(() => notebook().cells[cell('a')].setSource('12'));
    await write({ a: '12', b: '2', r: 'run' }, 5);
    notebook().deleteCell(cell('a'));
    await reload(5);
    expect(shown()).toEqual({ b: '2', r: 'run' });
  });

  it('keeps what was sent and had not reached the file', async () => {
    await write({ a: '1', b: '2', r: 'run' }, 5);
    await sent(() => notebook().cells[cell('a')].setSource('12'));
    await reload(5);
    expect(shown()).toEqual({ a: '12', b: '2', r: 'run' });
  });
});
