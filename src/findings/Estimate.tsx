/**
 * One figure with its confidence interval, as text and as a small interval plot from 0 to 1.
 */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IEstimate } from '../protocol';
import { interval, number, percent } from '../numbers';
import { usePanel } from '../panel/context';

export interface IEstimateProps {
  label: string;
  estimate: IEstimate;
  format?: (value: number, language: string) => string;
  /** Draw the interval on a scale from 0 to 1. */
  scale?: boolean;
}

export function Estimate(props: IEstimateProps): React.ReactElement {
  const { trans, language } = usePanel();
  const { label, estimate, format = number, scale = true } = props;
  const known = estimate.value !== null && estimate.value !== undefined;
  return (
    <div className="jp-Clinjup-Estimate" title={estimate.note ?? undefined}>
      <dt>{label}</dt>
      <dd>
        <strong>{known ? format(estimate.value!, language) : '–'}</strong>{' '}
        <span className="jp-Clinjup-Quiet">
          {interval(estimate, trans, language, format)}
        </span>
      </dd>
      {scale && known && <IntervalPlot estimate={estimate} />}
    </div>
  );
}

/** The interval as a line, the figure as a dot; the text beside it says the same, so it is hidden from screen readers. */
function IntervalPlot(props: { estimate: IEstimate }): React.ReactElement {
  const { value, ci95 } = props.estimate;
  const at = (share: number) => `${Math.min(1, Math.max(0, share)) * 100}%`;
  return (
    <svg
      className="jp-Clinjup-Interval"
      width="100%"
      height="10"
      aria-hidden="true"
      focusable="false"
    >
      <line
        className="jp-Clinjup-Interval-axis"
        x1="0"
        x2="100%"
        y1="5"
        y2="5"
      />
      {ci95 && (
        <line
          className="jp-Clinjup-Interval-range"
          x1={at(ci95[0])}
          x2={at(ci95[1])}
          y1="5"
          y2="5"
        />
      )}
      <circle
        className="jp-Clinjup-Interval-value"
        cx={at(value!)}
        cy="5"
        r="3.5"
      />
    </svg>
  );
}

/** Shares, written as percent (reporting/numbers.py has the same). */
const SHARES =
  /^(sensitivity|specificity|ppv|npv|accuracy|balanced_accuracy|box_sensitivity|false_alarm_rate|miss_rate_bound|cam_pointing|cam_energy)(_|$)|_sensitivity$/;

/** How a metric is written: shares as percent, everything else as it is. */
export function metricFormat(name: string): typeof number {
  return SHARES.test(name) ? percent : number;
}

/** Names of metrics as the field writes them, those of clinjup/metric_names.py. */
export function metricLabel(name: string, trans: TranslationBundle): string {
  const known = names(trans)[name];
  if (known) {
    return known;
  }
  const marks = /^sensitivity_at_(.+)_false_marks$/.exec(name);
  if (marks) {
    return trans.__(
      'Share of boxes marked at %1 false marks per image',
      marks[1]
    );
  }
  const [stem, of] = classMetric(name);
  if (stem) {
    return trans.__('%1 for %2', names(trans)[stem], className(of, trans));
  }
  return headed(name.replace(/_/g, ' '));
}

/** ['sensitivity', 'melanoma'] of sensitivity_melanoma and of melanoma_sensitivity; empty for a metric of no class. */
function classMetric(name: string): [string, string] {
  const first = /^(auroc|sensitivity|specificity|ppv|npv)_(.+)$/.exec(name);
  const last = /^(.+)_sensitivity$/.exec(name);
  return first
    ? [first[1], first[2]]
    : last
      ? ['sensitivity', last[1]]
      : ['', ''];
}

function className(name: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    akiec: trans.__('actinic keratosis'),
    bcc: trans.__('basal cell carcinoma'),
    bkl: trans.__('benign keratosis'),
    df: trans.__('dermatofibroma'),
    vasc: trans.__('vascular lesion')
  };
  return words[name] ?? name.replace(/_/g, ' ');
}

function headed(words: string): string {
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

function names(trans: TranslationBundle): Record<string, string> {
  return {
    auroc: 'AUROC',
    auprc: 'AUPRC',
    ap50: 'AP50',
    ap50_95: 'AP50-95',
    sensitivity: trans.__('Sensitivity'),
    specificity: trans.__('Specificity'),
    specificity_at_sensitivity: trans.__(
      'Specificity at the required sensitivity'
    ),
    sensitivity_at_specificity: trans.__(
      'Sensitivity at the required specificity'
    ),
    false_alarm_rate: trans.__('False-alarm rate'),
    ppv: trans.__('Positive predictive value'),
    npv: trans.__('Negative predictive value'),
    accuracy: trans.__('Accuracy'),
    balanced_accuracy: trans.__('Balanced accuracy'),
    brier: trans.__('Brier score'),
    ece: trans.__('Expected calibration error'),
    calibration_slope: trans.__('Calibration slope'),
    calibration_intercept: trans.__('Calibration intercept'),
    brier_scaled: trans.__('Brier score, after temperature scaling'),
    ece_scaled: trans.__(
      'Expected calibration error, after temperature scaling'
    ),
    calibration_slope_scaled: trans.__(
      'Calibration slope, after temperature scaling'
    ),
    calibration_intercept_scaled: trans.__(
      'Calibration intercept, after temperature scaling'
    ),
    worst_group_auroc: trans.__('Worst-group AUROC'),
    false_alarm_increase: trans.__('Change of false alarms by insertion'),
    box_sensitivity: trans.__('Share of boxes marked'),
    sensitivity_at_false_mark_limit: trans.__(
      'Share of boxes marked at the limit of false marks'
    ),
    false_marks_per_image: trans.__('False marks per image'),
    study_auroc: trans.__('AUROC, whole visits'),
    latency_ms: trans.__('Milliseconds an image, median'),
    latency_ms_p95: trans.__('Milliseconds an image, 95th percentile'),
    auroc_gain: trans.__('Gain of AUROC'),
    cam_pointing_finding: trans.__('Grad-CAM highest on the finding'),
    cam_energy_finding: trans.__(
      'Grad-CAM attention on the finding as outlined'
    ),
    macro_auroc: trans.__('Mean AUROC of the classes'),
    excisions_per_case: trans.__('Referred for each one found'),
    miss_rate_bound: trans.__('Miss rate, upper bound')
  };
}
