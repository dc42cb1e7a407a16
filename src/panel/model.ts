/**
 * What the panel shows beside the runs themselves: which run, the request being written, what was refused.
 */

import { IChangedArgs } from '@jupyterlab/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Approval,
  ICellAnswer,
  ICellRequest,
  IExample,
  INewRun
} from '../protocol';
import { IRunView, liveRun } from '../state/run';
import { IClinjupClient } from '../tokens';
import { IPanelActions } from './actions';
import { IDraft, IDraftStore } from './draft';

export namespace PanelModel {
  export interface IOptions {
    client: IClinjupClient;
    /** Where the request being written is kept. */
    drafts: IDraftStore;
    /** Opens a notebook in the main area, and brings the keyboard there. */
    openNotebook: (path: string) => Promise<void>;
    /** Opens a notebook in the main area; the keyboard stays in the panel. */
    revealNotebook: (path: string) => Promise<void>;
    /** Opens a notebook at the cells of a step of a run. */
    showStep: (run: IRunView, stepId: string) => Promise<void>;
    /** Contents paths of the notebooks that are open. */
    openNotebooks: () => string[];
    /** Saves the notebook with this path, where it is open; rejects with a sentence where that cannot be done. */
    saveNotebook: (path: string) => Promise<void>;
    browse: () => Promise<string | null>;
    /** Puts a cell below the one that was asked about. */
    insertBelow: (request: ICellRequest, source: string) => void;
    /** Asks before the notebook goes back to before this step. */
    confirm: (step: string) => Promise<boolean>;
  }

  /** The user's settings that go with each request. */
  export interface ISettings {
    approval: Approval;
    model: string | null;
    budgetMinutes: number;
    maxFixAttempts: number;
    network: string | null;
    pretrained: string | null;
    shareImages: boolean;
  }
}

export interface ICellTopic {
  what: 'explain' | 'mend';
  title: string;
  request: ICellRequest;
  content: ICellAnswer;
}

export class PanelModel implements IPanelActions, IDisposable {
  constructor(private _options: PanelModel.IOptions) {
    this._draft = this._options.drafts.load();
    this._options.client.stateChanged.connect(this._onClientChanged, this);
  }

  settings: PanelModel.ISettings = {
    approval: 'risky',
    model: null,
    budgetMinutes: 20,
    maxFixAttempts: 2,
    network: null,
    pretrained: null,
    shareImages: false
  };

  get client(): IClinjupClient {
    return this._options.client;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted with the run that is shown now. */
  get selectionChanged(): ISignal<this, IChangedArgs<string | null>> {
    return this._selectionChanged;
  }

  get selected(): string | null {
    return this._selected;
  }

  get draft(): IDraft {
    return this._draft;
  }

  /** How often the request was filled in other than by typing. */
  get fillings(): number {
    return this._fillings;
  }

  get busy(): boolean {
    return this._busy;
  }

  get problem(): string {
    return this._problem;
  }

  get answered(): ICellTopic | null {
    return this._answered;
  }

  get run(): IRunView | null {
    return (
      this.client.state.runs.find(run => run.id === this._selected) ?? null
    );
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      Signal.clearData(this);
    }
  }

  select = (runId: string | null): void => {
    const oldValue = this._selected;
    this._chosen = true;
    this._selected = runId;
    this._problem = '';
    if (runId) {
      this.client.follow(runId);
    }
    this._changed.emit();
    this._selectionChanged.emit({
      name: 'selected',
      oldValue,
      newValue: runId
    });
  };

  newRequest = (): void => this.select(null);

  /** What the user does in the request box. */
  setDraft = (change: Partial<IDraft>): void => {
    this._draft = { ...this._draft, ...change };
    this._options.drafts.save(this._draft);
    this._changed.emit();
  };

  /** Fill in the request box from outside of it. */
  fillDraft = (change: Partial<IDraft>): void => {
    const { intent, data } = this._draft;
    const filled = { intent, data, ...change };
    if (filled.intent !== intent || filled.data !== data) {
      this._fillings += 1;
    }
    this.setDraft(change);
  };

  send = async (): Promise<void> => {
    if (!this._options.openNotebooks().includes(this._draft.notebook)) {
      // It was closed or renamed since it was chosen, and the panel offers it no more.
      this.setDraft({ notebook: '' });
    }
    const { intent, data, notebook, planner } = this._draft;
    const started = await this._submit({
      intent: intent.trim(),
      data: data.trim(),
      notebook: notebook || null,
      planner
    });
    if (started) {
      this.fillDraft({ intent: '' });
    }
  };

  startExample = async (example: IExample): Promise<void> => {
    if (example.available && !this._busy) {
      await this._submit({ example: example.id, intent: example.intent });
    }
  };

  answer = (runId: string, answers: Record<string, string>): Promise<void> =>
    this._try(() => this.client.answer(runId, answers));

  approve = (runId: string, sha256: string, approved: boolean): Promise<void> =>
    this._try(() => this.client.approve(runId, sha256, approved));

  stop = (runId: string): Promise<void> =>
    this._try(() => this.client.stop(runId));

  pause = (runId: string, paused: boolean): Promise<void> =>
    this._try(() =>
      paused ? this.client.pause(runId) : this.client.resume(runId)
    );

  resume = (runId: string): Promise<void> =>
    this._try(() => this.client.resume(runId));

  restore = (run: IRunView, stepId: string): Promise<void> =>
    this._try(async () => {
      const step = run.plan?.steps.find(each => each.id === stepId);
      if (await this._options.confirm(step?.title ?? stepId)) {
        // The server compares the file with what stood there: it has to hold what the user has done since.
        await this._options.saveNotebook(run.notebook);
        await this.client.restore(run.id, stepId);
      }
    });

  openNotebook = (run: IRunView): Promise<void> =>
    this._try(() => this._options.openNotebook(run.notebook));

  showStep = (run: IRunView, stepId: string): Promise<void> =>
    this._try(() => this._options.showStep(run, stepId));

  reportUrl = (run: IRunView): string =>
    this.client.fileUrl(run.id, run.report ?? 'report.html');

  browse = async (): Promise<string | null> => {
    let folder: string | null = null;
    await this._try(async () => {
      folder = await this._options.browse();
    });
    return folder;
  };

  /** Ask about one cell; the answer is shown at the top of the panel. */
  askAboutCell = (
    what: 'explain' | 'mend',
    title: string,
    request: ICellRequest
  ): Promise<void> =>
    this._try(async () => {
      const content = await this.client.aboutCell(what, request);
      this._answered = { what, title, request, content };
    });

  insertAnswer = (): void => {
    const topic = this._answered;
    if (topic?.content.source) {
      this._options.insertBelow(topic.request, topic.content.source);
      this.closeAnswer();
    }
  };

  closeAnswer = (): void => {
    this._answered = null;
    this._changed.emit();
  };

  private async _submit(request: INewRun): Promise<boolean> {
    if (this._busy) {
      return false;
    }
    this._busy = true;
    let started = false;
    await this._try(async () => {
      if (request.notebook) {
        await this._options.saveNotebook(request.notebook);
      }
      const { budgetMinutes, maxFixAttempts, shareImages, ...settings } =
        this.settings;
      const summary = await this.client.submit({
        ...request,
        ...settings,
        budget_minutes: budgetMinutes,
        max_fix_attempts: maxFixAttempts,
        share_images: shareImages && request.planner === 'claude'
      });
      started = true;
      this.select(summary.id);
      if (summary.notebook) {
        await this._options.revealNotebook(summary.notebook);
      } else {
        this._toOpen.add(summary.id);
      }
    });
    this._busy = false;
    this._changed.emit();
    return started;
  }

  /** Do it, and tell in the panel why it could not be done. */
  private async _try(action: () => Promise<unknown>): Promise<void> {
    this._problem = '';
    this._changed.emit();
    try {
      await action();
    } catch (problem) {
      const { message, instead } = problem as Error & { instead?: string[] };
      this._problem = [message, ...(instead ?? [])].join('\n');
    }
    this._changed.emit();
  }

  /** A page that was just opened shows the run that lives, else the newest one if it was cut off or waits for an answer. */
  private _onClientChanged(): void {
    const runs = this.client.state.runs;
    for (const { id, notebook } of runs) {
      if (notebook && this._toOpen.delete(id)) {
        void this._try(() => this._options.revealNotebook(notebook));
      }
    }
    // Whoever has begun to write is not taken away from it, not even to a run that waits.
    if (!this._chosen && !this._draft.intent && runs.length > 0) {
      const live = liveRun(runs);
      const open = ['interrupted', 'needs_answer'].includes(runs[0].status);
      const first = live ?? (open ? runs[0] : null);
      if (first) {
        this.select(first.id);
      }
    }
    this._changed.emit();
  }

  private _changed = new Signal<this, void>(this);
  private _selectionChanged = new Signal<this, IChangedArgs<string | null>>(
    this
  );
  /** Runs whose notebook is opened as soon as they have one: the images of an example are drawn first. */
  private _toOpen = new Set<string>();
  private _chosen = false;
  private _selected: string | null = null;
  private _draft: IDraft;
  private _fillings = 0;
  private _busy = false;
  private _problem = '';
  private _answered: ICellTopic | null = null;
  private _isDisposed = false;
}
