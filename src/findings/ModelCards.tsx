/**
 * Cards about models: training, figures on validation and test, what a confounder does to the alarms.
 */

import * as React from 'react';

import {
  Finding,
  IConfounderResult,
  IEstimate,
  IOperatingPoint
} from '../protocol';
import { duration, percent } from '../numbers';
import { usePanel } from '../panel/context';
import { readable } from '../translation';
import { Estimate, metricFormat, metricLabel } from './Estimate';

/** Shown at once; the others are one click away, and all of them stand in the report. */
const HEADLINES = ['auroc', 'auprc', 'macro_auroc', 'balanced_accuracy'];
/** Of a detector, which marks places instead of giving each image a probability. */
const MARK_HEADLINES = [
  'ap50',
  'box_sensitivity',
  'false_marks_per_image',
  'auroc'
];
/** Not on a scale from 0 to 1. */
const RATES = ['false_marks_per_image'];
/** Shown above, at the frozen threshold. */
const AT_THE_THRESHOLD = ['sensitivity', 'specificity'];

export function Training(
  props: Extract<Finding, { kind: 'training' }>
): React.ReactElement {
  const { trans } = usePanel();
  return (
    <>
      <h4>{trans.__('Trained: %1', readable(props.name, trans))}</h4>
      <p>
        {readable(props.architecture, trans)} ·{' '}
        {trans.__(
          '%1 epochs in %2 on %3',
          props.epochs,
          duration(props.seconds, trans),
          props.device
        )}
        {props.stopped === 'time budget' && (
          <> · {trans.__('ended by the time budget')}</>
        )}
      </p>
    </>
  );
}

export interface IModelFiguresProps {
  title: string;
  metrics: Record<string, IEstimate>;
  operating_point: IOperatingPoint;
  confounders: Record<string, IConfounderResult>;
}

export function ModelFigures(props: IModelFiguresProps): React.ReactElement {
  const { trans } = usePanel();
  const point = props.operating_point;
  const isMarks = 'ap50' in props.metrics;
  const headlines = isMarks ? MARK_HEADLINES : HEADLINES;
  const shown = headlines.filter(name => props.metrics[name]);
  const others = Object.keys(props.metrics).filter(
    name =>
      !headlines.includes(name) && (isMarks || !AT_THE_THRESHOLD.includes(name))
  );
  return (
    <>
      <h4>{props.title}</h4>
      <dl className="jp-Clinjup-Estimates">
        {shown.map(name => (
          <Estimate
            key={name}
            label={metricLabel(name, trans)}
            estimate={props.metrics[name]}
            format={metricFormat(name)}
            scale={!RATES.includes(name)}
          />
        ))}
        {!isMarks && (
          <>
            <Estimate
              label={trans.__('Sensitivity')}
              estimate={point.sensitivity}
              format={percent}
            />
            <Estimate
              label={trans.__('Specificity')}
              estimate={point.specificity}
              format={percent}
            />
          </>
        )}
      </dl>
      {Object.entries(props.confounders).map(([name, result]) => (
        <Confounder key={name} name={name} result={result} isMarks={isMarks} />
      ))}
      {others.length > 0 && (
        <details>
          <summary>{trans.__('More figures')}</summary>
          <dl className="jp-Clinjup-Estimates">
            {others.map(name => (
              <Estimate
                key={name}
                label={metricLabel(name, trans)}
                estimate={props.metrics[name]}
                format={metricFormat(name)}
                scale={false}
              />
            ))}
          </dl>
        </details>
      )}
    </>
  );
}

/** The headline of every confounder check: false alarms before and after the confounder was drawn in. */
function Confounder(props: {
  name: string;
  result: IConfounderResult;
  isMarks: boolean;
}): React.ReactElement | null {
  const { trans, language } = usePanel();
  const { false_alarms_before: before, false_alarms_after: after } =
    props.result;
  if (before?.value === null || after?.value === null) {
    return null;
  }
  const shown = (share: IEstimate) => percent(share.value!, language);
  const range = props.result.false_alarm_increase?.ci95;
  const isMeasured = !range || range[0] > 0 || range[1] < 0;
  const direction =
    shown(before) === shown(after)
      ? trans.__('stays at')
      : !isMeasured
        ? trans.__('before, not measurably different after:')
        : after.value! > before.value!
          ? trans.__('rises to')
          : trans.__('falls to');
  const name = readable(props.name, trans);
  const title = props.isMarks
    ? trans.__('Images with a false mark when a %1 is drawn in', name)
    : trans.__('False alarms when a %1 is drawn in', name);
  return (
    <section className="jp-Clinjup-Confounder" aria-label={title}>
      <h5>{title}</h5>
      <p className="jp-Clinjup-BeforeAfter">
        <strong>{shown(before)}</strong>
        <span aria-hidden="true"> → </span>
        <span className="jp-Clinjup-Hidden"> {direction} </span>
        <strong>{shown(after)}</strong>{' '}
        <span className="jp-Clinjup-Quiet">
          {trans.__('n = %1 films without it', after.n ?? 0)}
        </span>
      </p>
    </section>
  );
}
