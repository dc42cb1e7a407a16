/**
 * How a run stands, in words.
 */

import { TranslationBundle } from '@jupyterlab/translation';

import { RunStatus } from '../protocol';
import { IRunView, isPaused, waitsForClinician } from '../state/run';
import { translated } from '../translation';
import { labelOf } from './Progress';

export function statusWords(
  trans: TranslationBundle
): Record<RunStatus, string> {
  return {
    running: trans.__('Running'),
    completed: trans.__('Finished'),
    needs_answer: trans.__('Waiting for your answer'),
    failed: trans.__('Failed'),
    refused: trans.__('Refused'),
    interrupted: trans.__('Stopped')
  };
}

/** How this run stands, in two or three words. */
function standing(run: IRunView, trans: TranslationBundle): string {
  if (waitsForClinician(run)) {
    return trans.__('Waits for you');
  }
  return isPaused(run) ? trans.__('Paused') : statusWords(trans)[run.status];
}

/** That the run is paused, or will be once its cell has ended; empty = it is not. */
export function pauseOf(run: IRunView, trans: TranslationBundle): string {
  if (isPaused(run)) {
    return trans.__('Paused');
  }
  return run.paused && !waitsForClinician(run)
    ? trans.__('Pauses after this cell')
    : '';
}

/** What a live run does, in one short line. */
function doing(run: IRunView, trans: TranslationBundle): string {
  if (waitsForClinician(run)) {
    return trans.__('clinjup waits for you');
  }
  if (isPaused(run)) {
    return trans.__('clinjup is paused');
  }
  const steps = run.plan?.steps ?? [];
  const now = steps.find(step => step.status === 'running');
  const done = steps.filter(step => step.status === 'done').length;
  if (!run.plan && run.progress) {
    return labelOf(run.progress.label, trans);
  }
  const words = now
    ? trans.__(
        '%1 (%2 of %3)',
        translated(now.title, trans),
        done + 1,
        steps.length
      )
    : trans.__('clinjup runs');
  const pause = pauseOf(run, trans);
  return pause ? `${words} · ${pause}` : words;
}

/** What a live run does, for the status bar; with its name where there is more than one. */
export function liveLine(
  run: IRunView,
  runs: readonly IRunView[],
  trans: TranslationBundle,
  language: string
): string {
  const live = runs.filter(each => each.status === 'running');
  return live.length > 1
    ? `${doing(run, trans)} · ${nameOf(run, language, 24)}`
    : doing(run, trans);
}

/** One line by which runs can be told apart: 'Waits for you · 14:05 · I want to diagnose …'. */
export function runLine(
  run: IRunView,
  trans: TranslationBundle,
  language: string
): string {
  return `${standing(run, trans)} · ${nameOf(run, language, 60)}`;
}

/** By which a run can be told from others: when it was started, and the beginning of its request. */
function nameOf(run: IRunView, language: string, length: number): string {
  const time = new Date(run.startedAt * 1000).toLocaleTimeString(language, {
    hour: '2-digit',
    minute: '2-digit'
  });
  return `${time} · ${shortened(run.intent, length)}`;
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
