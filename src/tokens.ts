/**
 * What other extensions may ask JupyterLab for.
 */

import { ServerConnection } from '@jupyterlab/services';
import { Token } from '@lumino/coreutils';
import { ISignal } from '@lumino/signaling';

import { IClientState } from './client/state';
import type { PanelModel } from './panel/model';
import {
  ICellAnswer,
  ICellRequest,
  INewRun,
  IRestored,
  IRunSummary
} from './protocol';

/** The runs of this server, and what can be done with them. A promise that fails carries a sentence for the clinician. */
export interface IClinjupClient {
  readonly state: IClientState;
  readonly stateChanged: ISignal<IClinjupClient, IClientState>;
  readonly settings: ServerConnection.ISettings;
  submit(request: INewRun): Promise<IRunSummary>;
  stop(runId: string): Promise<void>;
  pause(runId: string): Promise<void>;
  resume(runId: string, answers?: Record<string, string>): Promise<IRunSummary>;
  answer(runId: string, answers: Record<string, string>): Promise<void>;
  approve(runId: string, sha256: string, approved: boolean): Promise<void>;
  restore(runId: string, stepId: string): Promise<IRestored>;
  aboutCell(
    what: 'explain' | 'mend',
    request: ICellRequest
  ): Promise<ICellAnswer>;
  /** Address of a file of the run: plots/NAME.png, report.html ... */
  fileUrl(runId: string, path: string): string;
  /** Read all events of a run that ended before this page was opened. */
  follow(runId: string): void;
}

export const IClinjupClient = new Token<IClinjupClient>(
  'clinjup:IClinjupClient',
  'The runs of clinjup on this server: start, follow, answer, approve and stop them.'
);

/** The panel in the sidebar. */
export interface IClinjupPanel {
  readonly model: PanelModel;
  /** Bring it to the front, with the keyboard in it. */
  activate(): void;
}

export const IClinjupPanel = new Token<IClinjupPanel>(
  'clinjup:IClinjupPanel',
  'The clinjup panel: which run it shows, and the request that is being written.'
);
