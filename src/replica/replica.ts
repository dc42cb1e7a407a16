/**
 * One open notebook as a replica of the server's: ops come down and are applied, the user's edits go up as snapshots.
 *
 * The rules stand in clinjup/server/protocol.py.
 */

import { ISharedNotebook } from '@jupyter/ydoc';
import { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { UUID } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { ReconnectingSocket } from '../client/socket';
import {
  IUserOutputs,
  IWelcome,
  Op,
  parseServerMessage,
  ServerMessage,
  TabMessage
} from '../protocol';
import { applyOps } from './apply';
import { baseOf, snapshotCells } from './base';

const SNAPSHOT_DELAY_MS = 200;
const PING_EVERY_MS = 3000;

export namespace NotebookReplica {
  export interface IOptions {
    panel: NotebookPanel;
    /** Address of the ops socket of the notebook with this path. */
    url: (path: string) => string;
  }
}

export class NotebookReplica implements IDisposable {
  constructor(private _options: NotebookReplica.IOptions) {
    const { context } = this._options.panel;
    this._base = baseOf(this._notebook);
    this._seq = 0;
    context.model.contentChanged.connect(this._onContentChanged, this);
    context.pathChanged.connect(this._onPathChanged, this);
    this._socket = new ReconnectingSocket({
      open: () => new WebSocket(this._options.url(context.localPath)),
      onOpen: again => this._hello(again),
      onMessage: text => this._receive(text),
      onLost: () => undefined
    });
  }

  readonly client = UUID.uuid4();

  /** What the server said last about this notebook; null until it has answered. */
  get welcome(): IWelcome | null {
    return this._welcome;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A sentence for the clinician about this notebook. */
  get trouble(): ISignal<this, string> {
    return this._trouble;
  }

  /** Whether the user may edit here. */
  get mayEdit(): boolean {
    return !this._welcome?.live || this._welcome.owner;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    window.clearTimeout(this._snapshotTimer);
    window.clearInterval(this._pingTimer);
    this._socket.dispose();
    Signal.clearData(this);
  }

  /** Tell what a cell printed that the user ran. */
  tellOutputs(message: Omit<IUserOutputs, 'type' | 'v'>): void {
    if (this._isLiveOwner) {
      // The text that ran goes first, so that the outputs belong to it.
      this._sendSnapshot();
      this._send({ type: 'user_outputs', v: 1, ...message });
    }
  }

  private get _model(): INotebookModel {
    return this._options.panel.context.model;
  }

  private get _notebook(): ISharedNotebook {
    return this._model.sharedModel;
  }

  private get _isLiveOwner(): boolean {
    return this._welcome !== null && this._welcome.live && this._welcome.owner;
  }

  private _hello(again: boolean): void {
    this._send({
      type: 'hello',
      v: 1,
      client: this.client,
      since: this._seq,
      collaborative: this._model.collaborative
    });
    if (again && this._welcome?.live) {
      this._sendRejoin();
    }
  }

  private _receive(text: string): void {
    const message = parseServerMessage(text);
    if (message) {
      // One after the other: a revert must have ended before the ops behind it are applied.
      this._work = this._work
        .then(() => this._take(message))
        .catch(problem => this._trouble.emit(String(problem)));
    }
  }

  private async _take(message: ServerMessage): Promise<void> {
    if (this._isDisposed) {
      return;
    }
    switch (message.type) {
      case 'welcome':
        return this._takeWelcome(message);
      case 'ops':
        return this._takeOps(message.ops);
      case 'trouble':
        this._trouble.emit(message.sentence);
    }
  }

  private async _takeWelcome(welcome: IWelcome): Promise<void> {
    const before = this._welcome;
    this._welcome = welcome;
    window.clearInterval(this._pingTimer);
    if (this._isLiveOwner) {
      this._pingTimer = window.setInterval(
        () => this._send({ type: 'ping', v: 1 }),
        PING_EVERY_MS
      );
    }
    if (welcome.live && !before?.live) {
      this._lastSnapshot = '';
      this._sendSnapshot();
    }
    this._changed.emit();
    const { sessionContext } = this._options.panel;
    if (welcome.live && welcome.kernel_id) {
      await sessionContext.ready;
      if (!sessionContext.session?.kernel) {
        await sessionContext.changeKernel({ id: welcome.kernel_id });
      }
    }
  }

  private async _takeOps(ops: Op[]): Promise<void> {
    let batch: Parameters<typeof applyOps>[2][number][] = [];
    let kept = false;
    const flush = () => {
      if (batch.length > 0) {
        this._applying = true;
        kept =
          applyOps(this._notebook, this._base, batch, this.client).kept || kept;
        this._applying = false;
        this._seq = batch[batch.length - 1].seq;
        batch = [];
      }
    };
    for (const op of ops) {
      if (op.seq <= this._seq) {
        continue;
      }
      if (op.op === 'save' || op.op === 'revert') {
        flush();
        this._seq = op.seq;
        await (op.op === 'save' ? this._save() : this._revert(op.seq));
      } else {
        batch.push(op);
      }
    }
    flush();
    if (kept) {
      this._lastSnapshot = '';
      this._sendSnapshot();
    }
  }

  /** The owner writes the file, with the op that it stands at. */
  private async _save(): Promise<void> {
    const { context } = this._options.panel;
    if (!this._isLiveOwner || this._model.collaborative) {
      return;
    }
    const seq = this._seq;
    this._notebook.transact(() => {
      const own = (this._notebook.getMetadata('clinjup') ?? {}) as any;
      this._notebook.setMetadata('clinjup', { ...own, seq });
    }, false);
    let ok = true;
    try {
      await context.save();
    } catch {
      ok = false;
    }
    this._send({ type: 'saved', v: 1, seq, ok });
  }

  /** The server wrote the file: take it, and put back what was typed since the server last heard of this tab. */
  private async _revert(seq: number): Promise<void> {
    const typed = this._notebook.cells
      .map(cell => ({ id: cell.getId(), text: cell.getSource() }))
      .filter(({ id, text }) => text !== (this._told.get(id) ?? text));
    await this._options.panel.context.revert();
    this._base = baseOf(this._notebook, seq);
    this._notebook.transact(() => {
      for (const { id, text } of typed) {
        const cell = this._notebook.cells.find(each => each.getId() === id);
        if (cell && cell.getSource() === this._told.get(id)) {
          cell.setSource(text);
        } else if (cell && cell.getSource() !== text) {
          this._notebook.insertCell(this._notebook.cells.indexOf(cell) + 1, {
            cell_type: cell.cell_type as any,
            source: text,
            metadata: {}
          });
        }
      }
    });
    this._lastSnapshot = '';
    this._sendSnapshot();
  }

  private _onContentChanged(): void {
    if (!this._applying && this._isLiveOwner) {
      window.clearTimeout(this._snapshotTimer);
      this._snapshotTimer = window.setTimeout(
        () => this._sendSnapshot(),
        SNAPSHOT_DELAY_MS
      );
    }
  }

  private _onPathChanged(): void {
    this._socket.reconnect();
  }

  private _sendSnapshot(): void {
    window.clearTimeout(this._snapshotTimer);
    if (!this._isLiveOwner) {
      return;
    }
    const cells = snapshotCells(this._notebook, this._base, false);
    const content = JSON.stringify(cells);
    if (content === this._lastSnapshot) {
      return;
    }
    this._n += 1;
    if (
      this._send({ type: 'snapshot', v: 1, n: this._n, seq: this._seq, cells })
    ) {
      this._lastSnapshot = content;
      this._remember();
    }
  }

  private _sendRejoin(): void {
    this._n += 1;
    const cells = snapshotCells(this._notebook, this._base, true);
    this._send({ type: 'rejoin', v: 1, n: this._n, seq: this._seq, cells });
    this._lastSnapshot = '';
    this._remember();
  }

  /** What the server has now heard of this tab. */
  private _remember(): void {
    this._told = new Map(
      this._notebook.cells.map(cell => [cell.getId(), cell.getSource()])
    );
  }

  private _send(message: TabMessage): boolean {
    return this._socket.send(message);
  }

  private _socket: ReconnectingSocket;
  private _base;
  private _seq: number;
  private _n = 0;
  private _told = new Map<string, string>();
  private _lastSnapshot = '';
  private _snapshotTimer = 0;
  private _pingTimer = 0;
  private _applying = false;
  private _welcome: IWelcome | null = null;
  private _work: Promise<void> = Promise.resolve();
  private _changed = new Signal<this, void>(this);
  private _trouble = new Signal<this, string>(this);
  private _isDisposed = false;
}
