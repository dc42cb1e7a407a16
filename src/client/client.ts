/**
 * The way to the server: REST for what the clinician does, one websocket for what the runs do.
 */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  ClinjupEvent,
  IAbout,
  ICellAnswer,
  ICellRequest,
  INewRun,
  IProblem,
  IRestored,
  IRunList,
  IRunSummary,
  parseEvents
} from '../protocol';
import { newRun, withSummary } from '../state/run';
import { IClinjupClient } from '../tokens';
import { ReconnectingSocket } from './socket';
import {
  EMPTY,
  IClientState,
  updated,
  withEvents,
  withSummaries
} from './state';

/** After this long without a word on why the socket was lost, it is told as lost. */
const PATIENCE_MS = 2000;

export namespace ClinjupClient {
  export interface IOptions {
    settings: ServerConnection.ISettings;
    /** Said where the server cannot be reached at all. */
    unreachable: string;
  }
}

/** A refusal or failure, with the sentence that the server gave for the clinician. */
export class ClinjupError extends Error {
  constructor(
    sentence: string,
    readonly instead: string[] = [],
    readonly isSignedOut = false
  ) {
    super(sentence);
  }
}

export class ClinjupClient implements IClinjupClient, IDisposable {
  constructor(private _options: ClinjupClient.IOptions) {
    this._socket = new ReconnectingSocket({
      open: () => new WebSocket(this._eventsUrl()),
      onOpen: () => void this._onOpen(),
      onMessage: text => this._take(parseEvents(text)),
      onLost: () => void this._onLost()
    });
    void this._readAbout();
  }

  get state(): IClientState {
    return this._state;
  }

  get stateChanged(): ISignal<this, IClientState> {
    return this._stateChanged;
  }

  get isDisposed(): boolean {
    return this._socket.isDisposed;
  }

  get settings(): ServerConnection.ISettings {
    return this._options.settings;
  }

  dispose(): void {
    this._socket.dispose();
    Signal.clearData(this);
  }

  async submit(request: INewRun): Promise<IRunSummary> {
    return this._know(await this._post<IRunSummary>('runs', request));
  }

  async stop(runId: string): Promise<void> {
    this._know(await this._post<IRunSummary>(`runs/${runId}/stop`, {}));
  }

  async pause(runId: string): Promise<void> {
    this._know(await this._post<IRunSummary>(`runs/${runId}/pause`, {}));
  }

  async resume(
    runId: string,
    answers: Record<string, string> = {}
  ): Promise<IRunSummary> {
    return this._know(
      await this._post<IRunSummary>(`runs/${runId}/resume`, { answers })
    );
  }

  /** Answer a run that waits; one that ended with a question goes on with the answer. */
  async answer(runId: string, answers: Record<string, string>): Promise<void> {
    const run = this._state.runs.find(each => each.id === runId);
    if (run && run.status !== 'running') {
      await this.resume(runId, answers);
    } else {
      this._know(
        await this._post<IRunSummary>(`runs/${runId}/input`, { answers })
      );
    }
  }

  async approve(
    runId: string,
    sha256: string,
    approved: boolean
  ): Promise<void> {
    this._know(
      await this._post<IRunSummary>(`runs/${runId}/approvals/${sha256}`, {
        approved
      })
    );
  }

  async restore(runId: string, stepId: string): Promise<IRestored> {
    const restored = await this._post<IRestored>(`runs/${runId}/restore`, {
      step_id: stepId
    });
    // A run of an earlier process tells nothing by itself, and its events are counted anew: all of it is read again.
    const summary = await this._request<IRunSummary>(`runs/${runId}`);
    this._set({
      runs: this._state.runs.map(run =>
        run.id === runId ? withSummary(newRun(runId), summary) : run
      )
    });
    this._readAnew([runId]);
    return restored;
  }

  async aboutCell(
    what: 'explain' | 'mend',
    request: ICellRequest
  ): Promise<ICellAnswer> {
    return this._post<ICellAnswer>(`cells/${what}`, request);
  }

  fileUrl(runId: string, path: string): string {
    return this._url(`runs/${runId}/files/${path}`);
  }

  /** Ask for all events of a run that ended before this page was opened. */
  follow(runId: string): void {
    const run = this._state.runs.find(each => each.id === runId);
    if (run && run.seq < 0 && !this._followed.has(runId)) {
      this._followed.add(runId);
      this._socket.reconnect();
    }
  }

  private async _onOpen(): Promise<void> {
    this._set({ connection: 'open' });
    const seen = new Map(this._state.runs.map(run => [run.id, run.seq]));
    if (this._wasOpen || !this._state.about) {
      void this._readAbout();
    }
    this._wasOpen = true;
    try {
      const list = await this._request<IRunList>('runs');
      const runs = withSummaries(this._state.runs, list.runs, seen);
      this._set({ runs, isListed: true });
      const anew = this._state.runs.filter(
        run => run.seq < (seen.get(run.id) ?? -1)
      );
      if (anew.length > 0) {
        this._readAnew(anew.map(run => run.id));
      }
    } catch {
      // The socket tells when the server is back, and then this is asked again.
    }
  }

  /** What the panel needs before any run: it waits neither for the socket nor for the list of runs. */
  private async _readAbout(): Promise<void> {
    if (this._isAsking) {
      return;
    }
    this._isAsking = true;
    try {
      this._set({ about: await this._request<IAbout>('about') });
    } catch {
      // The socket tells when the server is back, and then this is asked again.
    } finally {
      this._isAsking = false;
    }
  }

  /** Read all events of these runs again; those that have come and were not looked at yet are among them. */
  private _readAnew(runIds: string[]): void {
    runIds.forEach(runId => this._followed.add(runId));
    this._waiting = this._waiting.filter(
      event => !runIds.includes(event.run_id)
    );
    this._socket.reconnect();
  }

  /** A socket does not say why it was refused; a request does. */
  private async _onLost(): Promise<void> {
    const tell = (connection: IClientState['connection']) => {
      if (!this._socket.isOpen && connection !== this._state.connection) {
        this._set({ connection });
      }
    };
    const timer = window.setTimeout(() => {
      if (this._state.connection !== 'signed_out') {
        tell('lost');
      }
    }, PATIENCE_MS);
    const isSignedOut = await this._request<IAbout>('about').then(
      () => false,
      problem => problem instanceof ClinjupError && problem.isSignedOut
    );
    window.clearTimeout(timer);
    tell(isSignedOut ? 'signed_out' : 'lost');
  }

  /** Events are put into the view once a frame at most: ten thousand of them must not make the page stumble. */
  private _take(events: ClinjupEvent[]): void {
    this._waiting.push(...events);
    if (this._frame) {
      return;
    }
    this._frame = window.setTimeout(() => {
      this._frame = 0;
      const waiting = this._waiting;
      this._waiting = [];
      const runs = withEvents(this._state.runs, waiting);
      if (runs !== this._state.runs) {
        this._set({ runs });
      }
    }, 16);
  }

  /** Put what a route answered about a run into the state. */
  private _know(summary: IRunSummary): IRunSummary {
    const known = this._state.runs.find(run => run.id === summary.id);
    const run = updated(known ?? newRun(summary.id), summary);
    this._set({
      runs: known
        ? this._state.runs.map(each => (each === known ? run : each))
        : [run, ...this._state.runs]
    });
    return summary;
  }

  private _set(change: Partial<IClientState>): void {
    this._state = { ...this._state, ...change };
    this._stateChanged.emit(this._state);
  }

  private _post<T>(route: string, body: unknown): Promise<T> {
    return this._request<T>(route, {
      method: 'POST',
      body: JSON.stringify(body)
    });
  }

  private async _request<T>(route: string, init: RequestInit = {}): Promise<T> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(
        this._url(route),
        init,
        this._options.settings
      );
    } catch {
      throw new ClinjupError(this._options.unreachable);
    }
    const body = await response.json().catch(() => null);
    if (!response.ok) {
      const problem = body as IProblem | null;
      throw new ClinjupError(
        problem?.sentence ?? `${response.status} ${response.statusText}`,
        problem?.instead ?? [],
        [401, 403].includes(response.status)
      );
    }
    return body as T;
  }

  private _url(route: string): string {
    return URLExt.join(this._options.settings.baseUrl, 'clinjup/v1', route);
  }

  private _eventsUrl(): string {
    const { wsUrl, token, appendToken } = this._options.settings;
    const since = this._state.runs
      .filter(run => run.seq >= 0 || this._followed.has(run.id))
      .map(run => `${run.id}:${run.seq + 1}`)
      .join(',');
    const query: Record<string, string> = { since };
    if (appendToken && token) {
      query.token = token;
    }
    return (
      URLExt.join(wsUrl, 'clinjup/v1/events') +
      URLExt.objectToQueryString(query)
    );
  }

  private _state: IClientState = EMPTY;
  private _stateChanged = new Signal<this, IClientState>(this);
  private _wasOpen = false;
  private _isAsking = false;
  private _followed = new Set<string>();
  private _waiting: ClinjupEvent[] = [];
  private _frame = 0;
  private _socket: ReconnectingSocket;
}
