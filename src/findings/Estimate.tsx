/**
 * One figure with its confidence interval, as text and as a small interval plot from 0 to 1.
 */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IEstimate } from '../protocol';
import { interval, number } from '../numbers';
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

/** Names of metrics as the field writes them. */
export function metricLabel(name: string, trans: TranslationBundle): string {
  const labels: Record<string, string> = {
    auroc: 'AUROC',
    auprc: 'AUPRC',
    macro_auroc: trans.__('Mean AUROC of the classes'),
    ap50: 'AP50',
    ap50_95: 'AP50-95',
    box_sensitivity: trans.__('Share of boxes marked'),
    false_marks_per_image: trans.__('False marks per image'),
    latency_ms: trans.__('Milliseconds an image, median'),
    brier: trans.__('Brier score'),
    accuracy: trans.__('Accuracy'),
    balanced_accuracy: trans.__('Balanced accuracy'),
    sensitivity: trans.__('Sensitivity'),
    specificity: trans.__('Specificity'),
    ppv: trans.__('Positive predictive value'),
    npv: trans.__('Negative predictive value')
  };
  return labels[name] ?? name.replace(/_/g, ' ');
}
