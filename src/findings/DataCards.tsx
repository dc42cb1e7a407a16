/**
 * Cards about the data: cohort, audit, split, association of label and confounder.
 */

import * as React from 'react';

import { Finding, IDataWarning } from '../protocol';
import { count, number } from '../numbers';
import { usePanel } from '../panel/context';
import { readable } from '../translation';
import { Estimate } from './Estimate';

type Of<K extends Finding['kind']> = Extract<Finding, { kind: K }>;

export function Cohort(props: Of<'cohort'>): React.ReactElement {
  const { trans, language } = usePanel();
  const largest = Math.max(1, ...Object.values(props.classes));
  return (
    <>
      <h4>
        {trans.__('Cohort')}{' '}
        {props.synthetic && (
          <span className="jp-Clinjup-Tag">{trans.__('synthetic')}</span>
        )}
      </h4>
      <p>
        {props.warnings.some(warning => warning.code === 'no_patient_ids')
          ? trans.__(
              '%1 images, patients unknown',
              count(props.images, language)
            )
          : props.grouped_by === 'lesion'
            ? trans.__(
                '%1 images of %2 lesions',
                count(props.images, language),
                count(props.patients, language)
              )
            : trans.__(
                '%1 images of %2 patients',
                count(props.images, language),
                count(props.patients, language)
              )}
      </p>
      <dl className="jp-Clinjup-Bars">
        {Object.entries(props.classes).map(([name, images]) => (
          <div key={name}>
            <dt>{readable(name, trans)}</dt>
            <dd>
              <span
                className="jp-Clinjup-Bar"
                style={{ width: `${(images / largest) * 100}%` }}
                aria-hidden="true"
              />
              <span>{count(images, language)}</span>
            </dd>
          </div>
        ))}
      </dl>
      <Warnings warnings={props.warnings} />
    </>
  );
}

export function Audit(props: Of<'audit'>): React.ReactElement {
  const { trans, language } = usePanel();
  const clean = props.excluded.length === 0 && props.warnings.length === 0;
  return (
    <>
      <h4>{trans.__('Data audit')}</h4>
      <p>
        {trans.__(
          '%1 images checked, %2 left out.',
          count(props.images_checked, language),
          count(props.excluded.length, language)
        )}{' '}
        {clean && trans.__('Nothing suspicious found.')}
      </p>
      <Warnings warnings={props.warnings} />
    </>
  );
}

export function Split(props: Of<'split'>): React.ReactElement {
  const { trans, language } = usePanel();
  const order = ['train', 'validation', 'test']; // a journal keeps its names sorted
  const parts = Object.entries(props.split).sort(
    ([one], [other]) => order.indexOf(one) - order.indexOf(other)
  );
  const names: Record<string, string> = {
    train: trans.__('Training'),
    validation: trans.__('Validation'),
    test: trans.__('Test')
  };
  const isByLesion = props.grouped_by === 'lesion';
  return (
    <>
      <h4>
        {isByLesion
          ? trans.__('Split by lesion')
          : trans.__('Split by patient')}
      </h4>
      <table className="jp-Clinjup-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Part')}</th>
            <th scope="col">{trans.__('Images')}</th>
            <th scope="col">
              {isByLesion ? trans.__('Lesions') : trans.__('Patients')}
            </th>
            <th scope="col">{trans.__('Positive')}</th>
          </tr>
        </thead>
        <tbody>
          {parts.map(([name, part]) => (
            <tr key={name}>
              <th scope="row">{names[name] ?? name}</th>
              <td>{count(part.images, language)}</td>
              <td>{count(part.patients, language)}</td>
              <td>{count(part.positives, language)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Warnings warnings={props.warnings} />
    </>
  );
}

export function Association(props: Of<'association'>): React.ReactElement {
  const { trans } = usePanel();
  const train = props.odds_ratios.train ?? Object.values(props.odds_ratios)[0];
  return (
    <>
      <h4>{trans.__('Diagnosis and %1', readable(props.confounder, trans))}</h4>
      <dl className="jp-Clinjup-Estimates">
        <Estimate
          label={trans.__('Odds ratio in training')}
          estimate={train}
          format={number}
          scale={false}
        />
      </dl>
      {(train.ci95?.[0] ?? 0) > 1 && (
        <p className="jp-Clinjup-Caution">
          {trans.__(
            'The two go together: a model can profit from reading the confounder instead of the disease.'
          )}
        </p>
      )}
    </>
  );
}

export function Warnings(props: {
  warnings: IDataWarning[];
}): React.ReactElement | null {
  if (props.warnings.length === 0) {
    return null;
  }
  return (
    <ul className="jp-Clinjup-Warnings">
      {props.warnings.map(warning => (
        <li key={warning.code + warning.sentence}>{warning.sentence}</li>
      ))}
    </ul>
  );
}
