/**
 * A finding as a card: in the panel, and in the notebook through the MIME renderer.
 */

import * as React from 'react';

import { Finding } from '../protocol';
import { usePanel } from '../panel/context';
import { Guard } from '../panel/Guard';
import { readable } from '../translation';
import { Association, Cohort, Audit, Split } from './DataCards';
import { Figure } from './FigureCard';
import { ModelFigures, Training } from './ModelCards';

/** A cell that a model wrote may emit anything: a finding that cannot be drawn is shown as it came. */
export function FindingCard(props: { finding: Finding }): React.ReactElement {
  return (
    <article className="jp-Clinjup-Card" data-kind={props.finding.kind}>
      <Guard fallback={<Raw value={props.finding} />}>
        <Body finding={props.finding} />
      </Guard>
    </article>
  );
}

function Body({ finding }: { finding: Finding }): React.ReactElement {
  const { trans, language } = usePanel();
  switch (finding.kind) {
    case 'cohort':
      return <Cohort {...finding} />;
    case 'audit':
      return <Audit {...finding} />;
    case 'split':
      return <Split {...finding} />;
    case 'association':
      return <Association {...finding} />;
    case 'training':
      return <Training {...finding} />;
    case 'validation':
      return (
        <ModelFigures
          {...finding}
          title={trans.__('%1 on validation', readable(finding.name, trans))}
        />
      );
    case 'evaluation':
      return (
        <ModelFigures
          {...finding}
          title={trans.__('%1 on the test set', readable(finding.name, trans))}
        />
      );
    case 'selection':
      return (
        <>
          <h4>{trans.__('Chosen: %1', readable(finding.selected, trans))}</h4>
          <p>{finding.sentence}</p>
        </>
      );
    case 'test_opening':
      return (
        <>
          <h4>{trans.__('The test set was opened')}</h4>
          <p>
            {finding.grouped_by === 'lesion'
              ? trans.__(
                  '%1 images of %2 lesions, once, for all final models together.',
                  finding.images.toLocaleString(language),
                  finding.patients.toLocaleString(language)
                )
              : trans.__(
                  '%1 images of %2 patients, once, for all final models together.',
                  finding.images.toLocaleString(language),
                  finding.patients.toLocaleString(language)
                )}
          </p>
        </>
      );
    case 'predictions':
      return (
        <p>
          {finding.path.endsWith('.json')
            ? trans.__(
                '%1 marks on the images of validation and test part are in %2 of the run.',
                finding.rows.toLocaleString(language),
                finding.path.split('/').pop()
              )
            : trans.__(
                '%1 predictions are in %2 of the run, one for each image of validation and test part.',
                finding.rows.toLocaleString(language),
                finding.path.split('/').pop()
              )}
        </p>
      );
    case 'figure':
      return <Figure {...finding} />;
    case 'note':
      return <p>{finding.sentence}</p>;
    default:
      return <Raw value={finding} />;
  }
}

/** What an unknown or malformed finding looks like: its JSON, as text. */
function Raw(props: { value: unknown }): React.ReactElement {
  return (
    <pre className="jp-Clinjup-Raw">{JSON.stringify(props.value, null, 1)}</pre>
  );
}
