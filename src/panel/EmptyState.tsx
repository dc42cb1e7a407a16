/**
 * Nothing asked yet: five clinical requests, one click each, on synthetic data.
 */

import * as React from 'react';

import { IExample } from '../protocol';
import { usePanel } from './context';

export interface IEmptyStateProps {
  examples: IExample[];
  /** Sentences of the server that everyone should see, e.g. about an open port. */
  warnings: string[];
  busy: boolean;
  onExample: (example: IExample) => void;
}

export function EmptyState(props: IEmptyStateProps): React.ReactElement {
  const { trans } = usePanel();
  return (
    <section
      className="jp-Clinjup-Empty"
      aria-labelledby="jp-Clinjup-empty-title"
    >
      <h3 id="jp-Clinjup-empty-title">{trans.__('Ask a clinical question')}</h3>
      <p>
        {trans.__(
          'Write what you want to find out and name the folder with your images. Or try one of these on synthetic data: no account, no key, nothing to read first.'
        )}
      </p>
      {props.warnings.map(warning => (
        <p key={warning} className="jp-Clinjup-Caution">
          {warning}
        </p>
      ))}
      <ul aria-label={trans.__('Examples on synthetic data')}>
        {props.examples.map(example => (
          <li key={example.id}>
            <button
              type="button"
              className="jp-Clinjup-Example"
              aria-disabled={!example.available || props.busy}
              onClick={() =>
                example.available && !props.busy && props.onExample(example)
              }
            >
              <span className="jp-Clinjup-Example-title">{example.title}</span>
              <span className="jp-Clinjup-Example-request">
                {example.intent}
              </span>
              {!example.available && (
                <span className="jp-Clinjup-Example-later">
                  {example.sentence}
                </span>
              )}
            </button>
          </li>
        ))}
      </ul>
      <p className="jp-Clinjup-Quiet">
        {trans.__('Research software, not a medical device.')}
      </p>
    </section>
  );
}
