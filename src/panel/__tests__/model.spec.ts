import { ClinjupClient } from '../../client/client';
import { summary, TestServer, until } from '../../client/__tests__/server';
import { keptDraft } from '../draft';
import { PanelModel } from '../model';

describe('a request', () => {
  let server: TestServer;
  let client: ClinjupClient;
  let model: PanelModel;
  let open: string[];
  let opened: string[];
  let save: () => Promise<void>;
  let browse: () => Promise<string | null>;

  beforeEach(() => {
    server = new TestServer();
    server.routes['POST runs'] = { status: 201, body: summary({}) };
    open = ['mine.ipynb'];
    opened = [];
    save = async () => undefined;
    browse = async () => null;
    const { settings } = server;
    sessionStorage.clear();
    client = new ClinjupClient({ settings, unreachable: 'gone' });
    model = newPage();
    model.setDraft({ intent: 'i', data: 'd', notebook: 'mine.ipynb' });
  });

  /** What a page that is opened begins with. */
  const newPage = () =>
    new PanelModel({
      client,
      drafts: keptDraft(sessionStorage, 'http://localhost/'),
      openNotebook: async () => undefined,
      revealNotebook: async path => {
        opened.push(path);
      },
      showStep: async () => undefined,
      openNotebooks: () => open,
      saveNotebook: () => save(),
      browse: () => browse(),
      insertBelow: () => undefined,
      confirm: async () => true
    });

  afterEach(() => {
    model.dispose();
    client.dispose();
  });

  it('goes into the notebook that was chosen', async () => {
    await model.send();
    expect(server.posted).toEqual([
      ['POST runs', expect.objectContaining({ notebook: 'mine.ipynb' })]
    ]);
    expect(model.draft.intent).toBe('');
  });

  it('is not sent, and the panel says why, where its notebook cannot be saved', async () => {
    save = () => Promise.reject(new Error('mine.ipynb is read-only'));
    await model.send();
    expect(model.problem).toBe('mine.ipynb is read-only');
    expect(model.busy).toBe(false);
    expect(model.draft.intent).toBe('i');
    expect(server.posted).toEqual([]);
  });

  it('is sent once, however long saving takes', async () => {
    let saved: () => void = () => undefined;
    save = () => new Promise(resolve => (saved = resolve));
    const [first, second] = [model.send(), model.send()];
    saved();
    await Promise.all([first, second]);
    expect(server.posted).toHaveLength(1);
  });

  it('has its notebook opened, for examples as soon as their images are drawn', async () => {
    await model.send();
    expect(opened).toEqual(['n.ipynb']);
    const example = { id: 'wrist', title: '', intent: 'i', sentence: '' };
    for (const id of ['first', 'second']) {
      const drawing = summary({ id, notebook: '' });
      server.routes['POST runs'] = { status: 201, body: drawing };
      await model.startExample({ ...example, available: true });
      expect(model.run).toMatchObject({ id, notebook: '' });
    }
    expect(opened).toEqual(['n.ipynb']);
    server.socket.open();
    for (const run_id of ['first', 'second']) {
      server.socket.tell({
        v: 1,
        run_id,
        seq: 0,
        ts: 1,
        type: 'run.started',
        data: { notebook: `${run_id}.ipynb` } as any
      });
    }
    await until(() => opened.length > 2);
    expect(opened.sort()).toEqual(['first.ipynb', 'n.ipynb', 'second.ipynb']);
  });

  it('goes into a new notebook once the chosen one was closed or renamed', async () => {
    open = ['renamed.ipynb'];
    await model.send();
    expect(server.posted).toEqual([
      ['POST runs', expect.objectContaining({ notebook: null })]
    ]);
    expect(model.draft.notebook).toBe('');
  });

  it.each(['', 'What I am writing'])(
    'that is being written ("%s") is not taken away by a run that waits',
    async intent => {
      model.setDraft({ intent });
      const waiting = summary({ status: 'needs_answer' });
      server.routes['GET runs'] = { status: 200, body: { runs: [waiting] } };
      server.socket.open();
      while (!client.state.isListed) {
        await new Promise(resolve => setTimeout(resolve, 5));
      }
      expect(model.selected).toBe(intent ? null : waiting.id);
    }
  );

  it('is still there when the page is loaded again, until it was sent', async () => {
    const draft = model.draft;
    model.dispose();
    model = newPage();
    expect(model.draft).toEqual(draft);
    await model.send();
    model.dispose();
    model = newPage();
    expect(model.draft).toMatchObject({ intent: '', data: 'd' });
  });

  it('can be written on when the folders cannot be shown', async () => {
    browse = () => Promise.reject(new Error('no folders here'));
    expect(await model.browse()).toBeNull();
    expect(model.problem).toBe('no folders here');
  });
});
