/**
 * One open notebook as a replica of the server's: ops come down and are applied, the user's edits go up as snapshots.
 *
 * The rules stand in clinjup/server/protocol.py.
 */

import type { ISharedCell, ISharedNotebook } from '@jupyter/ydoc';
import { MarkdownCell } from '@jupyterlab/cells';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { ReconnectingSocket } from '../client/socket';
import {
  IOps,
  IUserOutputs,
  IWelcome,
  parseServerMessage,
  ServerMessage,
  TabMessage
} from '../protocol';
import { applyOps } from './apply';
import { blankCell, removeBlank } from './blank';
import {
  baseOf,
  IBase,
  outputsOfNew,
  raise,
  seqOfFile,
  snapshotCells,
  typedSince
} from './base';
import { goBack, placeOf } from './place';
import { isStale, saveUnlessStale } from './saving';
import { changedSince, putBack, textsOf, Told } from './typed';

const SNAPSHOT_DELAY_MS = 200;
const PING_EVERY_MS = 3000;

export namespace NotebookReplica {
  export interface IOptions {
    panel: NotebookPanel;
    contents: Contents.IManager;
    trans: TranslationBundle;
    /** Address of the ops socket of the notebook with this path. */
    url: (path: string) => string;
  }
}

export class NotebookReplica implements IDisposable {
  constructor(private _options: NotebookReplica.IOptions) {
    const { context } = this._options.panel;
    this._seq = seqOfFile(this._notebook);
    this._base = baseOf(this._notebook, this._seq);
    context.model.contentChanged.connect(this._onContentChanged, this);
    context.pathChanged.connect(this._onPathChanged, this);
    context.saveState.connect(this._onSaveState, this);
    for (const kind of ['pointerdown', 'keydown']) {
      this._options.panel.content.node.addEventListener(
        kind,
        () => {
          this._userCame = true;
        },
        { capture: true, once: true }
      );
    }
    // What was typed in the last moment before the tab is closed.
    window.addEventListener('pagehide', this._onPageHide);
    this._socket = new ReconnectingSocket({
      open: () => new WebSocket(this._options.url(context.localPath)),
      onOpen: () => this._hello(),
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
    return (
      !this._welcome?.live ||
      this._model.collaborative ||
      (this._welcome.owner && !this._isTakingOver)
    );
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
    window.removeEventListener('pagehide', this._onPageHide);
    this._socket.dispose();
    Signal.clearData(this);
  }

  /** Tell what a cell printed that the user ran. */
  tellOutputs(message: Omit<IUserOutputs, 'type' | 'v'>): void {
    if (
      this._isLiveOwner ||
      (this._welcome?.live && this._model.collaborative)
    ) {
      // The text that ran goes first, so that the outputs belong to it. Of a shared document its first tab tells the text.
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

  private _hello(): void {
    this._send({
      type: 'hello',
      v: 1,
      client: this.client,
      since: this._seq,
      collaborative: this._model.collaborative
    });
  }

  /** Without a run, what the user saves is what the server will read: it is the base of what is typed from then on. */
  private _onSaveState(
    _: DocumentRegistry.Context,
    state: DocumentRegistry.SaveState
  ): void {
    if (state === 'started') {
      this._saving = this._welcome?.live
        ? null
        : baseOf(this._notebook, seqOfFile(this._notebook));
    } else if (state !== 'failed' && this._saving && !this._welcome?.live) {
      this._base = this._saving;
      this._saving = null;
    }
  }

  private _receive(text: string): void {
    const message = parseServerMessage(text);
    if (message) {
      // One after the other: a revert must have ended before the ops behind it are applied.
      this._work = this._work
        .then(() => this._take(message))
        .catch(problem => {
          console.error('clinjup could not follow the run here', problem);
          this._trouble.emit(this._lostSentence());
        });
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
        return this._takeOps(message);
      case 'trouble':
        this._trouble.emit(message.sentence);
    }
  }

  private async _takeWelcome(welcome: IWelcome): Promise<void> {
    const wasLive = this._welcome?.live;
    if (welcome.live && !wasLive) {
      raise(this._base, seqOfFile(this._notebook));
    }
    const wasReader = wasLive && !this._welcome?.owner;
    this._welcome = welcome;
    if (wasReader && this._isLiveOwner && !this._model.collaborative) {
      return this._takeOver();
    }
    window.clearInterval(this._pingTimer);
    if (this._isLiveOwner) {
      this._pingTimer = window.setInterval(
        () => this._send({ type: 'ping', v: 1 }),
        PING_EVERY_MS
      );
    }
    if (welcome.live) {
      this._sendRejoin();
    }
    this._changed.emit();
    const { collaborative } = this._model; // a shared document takes the file by itself
    if (
      wasLive &&
      !welcome.live &&
      !collaborative &&
      (await this._isBehind())
    ) {
      await this._catchUp();
    }
    const { sessionContext } = this._options.panel;
    if (welcome.live && welcome.kernel_id) {
      await sessionContext.ready;
      if (!sessionContext.session?.kernel) {
        await sessionContext.changeKernel({ id: welcome.kernel_id });
      }
    }
  }

  /** Whether the file was written behind this tab's back. A file that is not there any more was not. */
  private async _isBehind(): Promise<boolean> {
    const { contents, panel } = this._options;
    return isStale(panel.context, contents).catch(() => false);
  }

  /** The tab that wrote the file is gone: load what it wrote before the user types here, and tell the server which file this tab has. */
  private async _takeOver(): Promise<void> {
    this._isTakingOver = true;
    try {
      await this._takeFile(new Told(textsOf(this._notebook)));
    } finally {
      this._isTakingOver = false;
    }
    this._hello();
  }

  private async _takeOps({ ops, after, until }: IOps): Promise<void> {
    if (after > this._seq) {
      this._hello();
      return;
    }
    let batch: Parameters<typeof applyOps>[2][number][] = [];
    let kept = false;
    const flush = () => {
      if (batch.length > 0) {
        const blank = this._isLiveOwner ? blankCell(this._notebook) : null;
        this._applying = true;
        kept =
          applyOps(this._notebook, this._base, batch, this.client).kept || kept;
        this._told.hear(batch, this.client);
        this._removeBlank(blank);
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
        if (op.op === 'save') {
          this._seq = op.seq;
          await this._save();
        } else if (!this._model.collaborative) {
          await this._revert();
        }
      } else {
        batch.push(op);
      }
    }
    flush();
    this._seq = Math.max(this._seq, until);
    if (kept) {
      this._lastSnapshot = '';
      this._sendSnapshot();
    }
  }

  /** JupyterLab opens a new notebook in edit mode, which passes on to the run's first cell: it would stand there as source. */
  private _leaveEditModeOfNobody(): void {
    const { content } = this._options.panel;
    const { activeCell } = content;
    if (content.mode === 'edit' && activeCell instanceof MarkdownCell) {
      content.mode = 'command';
      activeCell.rendered = true;
    }
  }

  /** Take away the blank cell that the run has written beside. */
  private _removeBlank(blank: ISharedCell | null): void {
    if (removeBlank(this._notebook, blank)) {
      this._leaveEditModeOfNobody();
      window.setTimeout(() => this._sendSnapshot(), 0);
    }
  }

  /** The owner writes the file, with the op that it stands at. */
  private async _save(): Promise<void> {
    if (!this._isLiveOwner) {
      return;
    }
    const seq = this._seq;
    const note = () =>
      this._notebook.transact(() => {
        const own = (this._notebook.getMetadata('clinjup') ?? {}) as any;
        this._notebook.setMetadata('clinjup', { ...own, seq });
      }, false);
    if (this._model.collaborative) {
      note(); // the shared document saves itself
      return;
    }
    const { contents, panel } = this._options;
    const how = await saveUnlessStale(panel.context, contents, note);
    this._send({ type: 'saved', v: 1, seq, ok: how === 'saved' });
    if (how === 'stale') {
      // The server wrote meanwhile, since it had not heard of this tab: it answers with a revert.
      this._hello();
    }
  }

  /** The server wrote the file, with what it heard in `rejoin`: take it, and do again what the user did since. */
  private async _revert(): Promise<void> {
    await this._takeFile(this._told);
    this._lastSnapshot = '';
    this._sendSnapshot();
  }

  /** The run ended while this tab had no connection, and the server wrote the file: take it, with what was typed since. */
  private async _catchUp(): Promise<void> {
    const texts = [...this._base].map(([id, { text }]) => [id, text] as const);
    if (await this._takeFile(new Told(new Map(texts)))) {
      await this._options.panel.context.save();
    }
  }

  /**
   * Load the file again, which says at which op it stands, and do again what the user did beyond `told` up to the moment in which the
   * file took the place of the text. Returns whether there was any.
   */
  private async _takeFile(told: Told): Promise<boolean> {
    const { content, context } = this._options.panel;
    const { contentChanged } = this._model;
    const before = new Set(this._notebook.cells);
    let place = placeOf(content);
    let changes = changedSince(this._notebook, told);
    const note = () => {
      if (this._notebook.cells.some(cell => before.has(cell))) {
        place = placeOf(content);
        changes = changedSince(this._notebook, told);
      }
    };
    contentChanged.connect(note);
    try {
      await context.revert();
    } finally {
      contentChanged.disconnect(note);
    }
    this._seq = seqOfFile(this._notebook);
    this._base = baseOf(this._notebook, this._seq);
    this._told = new Told(textsOf(this._notebook));
    putBack(this._notebook, changes, told);
    if (this._userCame) {
      void goBack(content, place);
    } else {
      this._leaveEditModeOfNobody();
    }
    return changes.typed.length + changes.deleted.length > 0;
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

  private _onPageHide = () => this._sendSnapshot();

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
      this._told.send(this._notebook);
      this._tellOutputsOfNew();
    }
  }

  private _sendRejoin(): void {
    this._n += 1;
    this._send({
      type: 'rejoin',
      v: 1,
      n: this._n,
      seq: this._seq,
      file: this._options.panel.context.contentsModel?.last_modified ?? null,
      typed: typedSince(this._notebook, this._base),
      cells: snapshotCells(this._notebook, this._base, true)
    });
    this._lastSnapshot = '';
    this._told = new Told(textsOf(this._notebook));
    if (this._isLiveOwner) {
      this._tellOutputsOfNew();
    }
  }

  private _tellOutputsOfNew(): void {
    for (const told of outputsOfNew(this._notebook, this._base)) {
      this._send({ type: 'user_outputs', v: 1, ...told });
    }
  }

  private _lostSentence(): string {
    return this._options.trans.__(
      'This tab could not follow the run in "%1". Nothing is lost: the run goes on and keeps its log. Close the notebook and open it again to see where it stands.',
      this._options.panel.context.localPath
    );
  }

  private _send(message: TabMessage): boolean {
    return this._socket.send(message);
  }

  private _socket: ReconnectingSocket;
  private _base;
  /** The base that a save under way will leave. */
  private _saving: IBase | null = null;
  private _seq: number;
  private _n = 0;
  private _told = new Told();
  private _lastSnapshot = '';
  private _snapshotTimer = 0;
  private _pingTimer = 0;
  private _applying = false;
  private _isTakingOver = false;
  /** Whether the user has done anything in this notebook. */
  private _userCame = false;
  private _welcome: IWelcome | null = null;
  private _work: Promise<void> = Promise.resolve();
  private _changed = new Signal<this, void>(this);
  private _trouble = new Signal<this, string>(this);
  private _isDisposed = false;
}
