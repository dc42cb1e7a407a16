import { ClinjupEvent, IRunSummary, RunStatus } from '../../protocol';
import { ClinjupClient } from '../client';
import { summary, TestServer, until } from './server';

const SIGNED_OUT = { status: 403, body: { sentence: 'Log in.' } };

describe('a run that goes back to before a step', () => {
  it('is read anew, so that a run of an earlier process shows it, too', async () => {
    const server = new TestServer();
    const { settings } = server;
    const client = new ClinjupClient({ settings, unreachable: 'gone' });
    const list = (more: Partial<IRunSummary>) => {
      server.routes['GET runs'] = { status: 200, body: { runs: [run(more)] } };
    };
    const run = (more: Partial<IRunSummary>) =>
      summary({ last_seq: 2, ...more });
    const view = () => client.state.runs[0];
    list({ status: 'completed' });
    server.socket.open();
    await until(() => client.state.runs.length > 0);
    server.socket.tell(finished(2, 'completed'));
    await until(() => view().seq === 2);

    list({ status: 'interrupted', resumable: true });
    server.routes['GET runs/r'] = {
      status: 200,
      body: run({ status: 'interrupted', resumable: true })
    };
    server.routes['POST runs/r/restore'] = { status: 200, body: {} };
    const before = server.socket;
    const restored = client.restore('r', 's');
    before.tell(finished(2, 'completed')); // on its way meanwhile
    await restored;
    expect(view()).toMatchObject({ status: 'interrupted', resumable: true });
    expect(server.socket).not.toBe(before);
    expect(server.socket.url).toContain('since=r%3A0');
    server.socket.open();
    server.socket.tell(finished(0, 'interrupted'));
    await until(() => view().seq === 0);
    expect(view().status).toBe('interrupted');
    client.dispose();
  });
});

function finished(seq: number, status: RunStatus): ClinjupEvent {
  const data = { status, sentence: '', questions: [] } as any;
  return { v: 1, run_id: 'r', seq, ts: 1, type: 'run.finished', data };
}

describe('the connection to the server', () => {
  let server: TestServer;
  let client: ClinjupClient;
  let told: string[];

  beforeEach(async () => {
    server = new TestServer();
    const { settings } = server;
    client = new ClinjupClient({ settings, unreachable: 'gone' });
    client.stateChanged.connect((_, { connection }) => {
      if (connection !== told[told.length - 1]) {
        told.push(connection);
      }
    });
    told = [];
    server.socket.open();
    await until(() => client.state.about !== null);
  });

  afterEach(() => client.dispose());

  /** The socket breaks, and so do the next two tries to open it. */
  async function breakThrice(): Promise<void> {
    for (let time = 1; time <= 3; time++) {
      const broken = server.socket;
      const before = server.asked.length;
      broken.close();
      await until(
        () => server.asked.length > before && server.socket !== broken
      );
    }
  }

  it('is told as ended by the login alone, however often it is tried', async () => {
    server.routes['GET about'] = SIGNED_OUT;
    await breakThrice();
    expect(told).toEqual(['open', 'signed_out']);
    server.socket.open();
    expect(told).toEqual(['open', 'signed_out', 'open']);
  });

  it('is told as lost where the login still holds', async () => {
    await breakThrice();
    expect(told).toEqual(['open', 'lost']);
  });

  it('is told as lost where the server says nothing any more', async () => {
    server.routes['GET about'] = null;
    server.socket.close();
    await until(() => client.state.connection === 'lost');
    expect(told).toEqual(['open', 'lost']);
  });
});

it('knows the examples before its socket is open', async () => {
  const { settings } = new TestServer();
  const client = new ClinjupClient({ settings, unreachable: 'gone' });
  await until(() => client.state.about !== null);
  expect(client.state.connection).not.toBe('open');
  client.dispose();
});

it('asks for the examples once, where its socket opens before the answer', async () => {
  const server = new TestServer();
  const { settings } = server;
  const client = new ClinjupClient({ settings, unreachable: 'gone' });
  server.socket.open();
  await until(() => client.state.isListed && client.state.about !== null);
  expect(server.asked.filter(([name]) => name === 'GET about')).toHaveLength(1);
  client.dispose();
});
