/**
 * How a run stands, in words.
 */

import { TranslationBundle } from '@jupyterlab/translation';

import { RunStatus } from '../protocol';
import { IRunView, waitsForClinician } from '../state/run';

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

/** What cautions of the figures of the run, but for what its sentence says already. */
export function unsaidCautions(run: IRunView): string[] {
  return run.cautions.filter(caution => !run.sentence.includes(caution));
}

/** One line by which runs can be told apart: 'Waits for you · 14:05 · I want to diagnose …'. */
export function runLine(
  run: IRunView,
  trans: TranslationBundle,
  language: string
): string {
  const status = waitsForClinician(run)
    ? trans.__('Waits for you')
    : statusWords(trans)[run.status];
  const time = new Date(run.startedAt * 1000).toLocaleTimeString(language, {
    hour: '2-digit',
    minute: '2-digit'
  });
  return `${status} · ${time} · ${shortened(run.intent, 60)}`;
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
