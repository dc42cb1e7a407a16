/**
 * What stands for the server in the tests: it answers requests as it is told to, and its sockets open and break on command.
 */

import { ServerConnection } from '@jupyterlab/services';

import { ClinjupEvent, IRunSummary } from '../../protocol';

export class TestSocket {
  static OPEN = 1;
  static all: TestSocket[] = [];

  constructor(readonly url: string) {
    TestSocket.all.push(this);
  }

  readyState = 0;
  onopen?: () => void;
  onclose?: () => void;
  onmessage?: (event: { data: string }) => void;

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  close(): void {
    this.readyState = 3;
    this.onclose?.();
  }

  /** What came up through it. */
  sent: any[] = [];

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  tell(...events: ClinjupEvent[]): void {
    this.say({ v: 1, events });
  }

  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

export interface IAnswer {
  status: number;
  body: unknown;
}

export class TestServer {
  constructor() {
    TestSocket.all = [];
    (window as any).WebSocket = TestSocket;
  }

  /** By 'METHOD route'; a route that is not here is not found, and one that is null never answers. */
  routes: Record<string, IAnswer | null> = {
    'GET about': { status: 200, body: { examples: [], warnings: [] } },
    'GET runs': { status: 200, body: { runs: [] } }
  };

  /** What was asked for, as 'METHOD route', with the body of a POST. */
  asked: [string, unknown][] = [];

  readonly settings = ServerConnection.makeSettings({
    baseUrl: 'http://localhost/',
    wsUrl: 'ws://localhost/',
    fetch: async (info: RequestInfo | URL) => {
      const request = info as Request;
      const route = new URL(request.url).pathname.split('/clinjup/v1/')[1];
      const name = `${request.method} ${route}`;
      this.asked.push([
        name,
        request.method === 'POST' ? await request.json() : null
      ]);
      const answer = this.routes[name];
      if (answer === null) {
        await new Promise(() => undefined);
      }
      return new Response(JSON.stringify(answer?.body ?? null), {
        status: answer?.status ?? 404
      });
    }
  });

  /** What was asked to be done. */
  get posted(): [string, unknown][] {
    return this.asked.filter(([name]) => name.startsWith('POST '));
  }

  get socket(): TestSocket {
    return TestSocket.all[TestSocket.all.length - 1];
  }
}

export const summary = (more: Partial<IRunSummary>): IRunSummary => ({
  v: 1,
  id: 'r',
  intent: 'i',
  status: 'running',
  paused: false,
  resumable: false,
  notebook: 'n.ipynb',
  folder: '/f',
  folder_path: null,
  started: 1,
  elapsed: 2,
  as_of: 3,
  seconds_left: 58,
  waits_for: '',
  budget_seconds: 60,
  destination: { offline: true, host: null, loopback: false },
  last_seq: -1,
  questions: [],
  approvals: [],
  sentence: '',
  ...more
});

/** Wait until something is so. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}
