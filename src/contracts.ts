/**
 * The nouns of clinjup that reach the browser, as in clinjup/contracts.py.
 */

export type RunStatus =
  | 'running'
  | 'completed'
  | 'needs_answer'
  | 'failed'
  | 'refused'
  | 'interrupted';

export type StepStatus = 'pending' | 'running' | 'done' | 'failed' | 'skipped';

export interface IStep {
  id: string;
  title: string;
  status: StepStatus;
  optional: boolean;
  note: string | null;
}

export interface IPlan {
  objective: string;
  steps: IStep[];
}

export interface IQuestion {
  id: string;
  text: string;
  options: { value: string; text: string }[];
  default: string | null;
  step_id: string | null;
}

/** One figure with its 95 % confidence interval, or the reason why it cannot be had. */
export interface IEstimate {
  value: number | null;
  ci95: [number, number] | null;
  reason: string | null;
  n: number | null;
  note: string | null;
}

export interface IProgress {
  label: string;
  done: number;
  total: number;
  unit: string;
  seconds_left: number | null;
  detail: string;
}

export interface IOperatingPoint {
  threshold: number;
  rule: string;
  sensitivity: IEstimate;
  specificity: IEstimate;
}

export interface IDataWarning {
  code: string;
  sentence: string;
}

export interface IConfounderResult {
  false_alarms_before: IEstimate;
  false_alarms_after: IEstimate;
  false_alarm_increase: IEstimate;
  placebo_increase: IEstimate;
  auroc_with: IEstimate;
  auroc_without: IEstimate;
}

interface IModelFinding {
  name: string;
  metrics: Record<string, IEstimate>;
  operating_point: IOperatingPoint;
  confounders: Record<string, IConfounderResult>;
}

export type Finding =
  | {
      kind: 'cohort';
      images: number;
      patients: number;
      target: string;
      classes: Record<string, number>;
      synthetic: boolean;
      warnings: IDataWarning[];
    }
  | {
      kind: 'audit';
      images_checked: number;
      excluded: { path: string; reason: string }[];
      warnings: IDataWarning[];
    }
  | {
      kind: 'split';
      split: Record<
        string,
        { images: number; patients: number; positives: number }
      >;
      method: string;
      warnings: IDataWarning[];
    }
  | {
      kind: 'association';
      confounder: string;
      odds_ratios: Record<string, IEstimate>;
    }
  | {
      kind: 'training';
      name: string;
      architecture: string;
      mitigation: string | null;
      seconds: number;
      epochs: number;
      stopped: string;
      device: string;
    }
  | ({ kind: 'validation' } & IModelFinding)
  | ({ kind: 'evaluation' } & IModelFinding)
  | { kind: 'selection'; selected: string; sentence: string; rule: string }
  | {
      kind: 'test_opening';
      images: number;
      patients: number;
      models: string[];
    }
  | { kind: 'predictions'; path: string; rows: number }
  | {
      kind: 'figure';
      name: string;
      path: string;
      title: string;
      caption: string;
      alt: string;
    }
  | { kind: 'note'; sentence: string };

export const FINDING_MIME = 'application/vnd.clinjup.result+json';
export const CARD_MIME = 'application/vnd.clinjup.card+json';

/** Whether a JSON value has the shape of a finding that the cards can show. */
export function isFinding(value: unknown): value is Finding {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { kind?: unknown }).kind === 'string'
  );
}
