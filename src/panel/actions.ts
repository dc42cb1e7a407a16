/**
 * What the panel can set going. What fails is told in the panel, so none of these rejects.
 */

import { IExample } from '../protocol';
import { IRunView } from '../state/run';
import { IDraft } from './draft';

export interface IRunActions {
  answer(runId: string, answers: Record<string, string>): Promise<void>;
  approve(runId: string, sha256: string, approved: boolean): Promise<void>;
  stop(runId: string): Promise<void>;
  pause(runId: string, paused: boolean): Promise<void>;
  resume(runId: string): Promise<void>;
  /** Put the notebook back to what it was before a step. */
  restore(run: IRunView, stepId: string): Promise<void>;
  openNotebook(run: IRunView): Promise<void>;
  /** Open the notebook at the cells of a step. */
  showStep(run: IRunView, stepId: string): Promise<void>;
  reportUrl(run: IRunView): string;
  newRequest(): void;
}

export interface IPanelActions extends IRunActions {
  select(runId: string | null): void;
  setDraft(change: Partial<IDraft>): void;
  send(): Promise<void>;
  startExample(example: IExample): Promise<void>;
  /** Opens a dialog; null when it was closed without a choice. */
  browse(): Promise<string | null>;
  insertAnswer(): void;
  closeAnswer(): void;
}
