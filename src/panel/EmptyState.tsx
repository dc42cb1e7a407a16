/**
 * Nothing asked yet: five clinical requests, one click each, on synthetic data.
 */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IExample } from '../protocol';
import { translated } from '../translation';
import { usePanel } from './context';

export interface IEmptyStateProps {
  examples: IExample[];
  /** Sentences of the server that everyone should see, e.g. about an open port. */
  warnings: string[];
  busy: boolean;
  onExample: (example: IExample) => void;
}

/** The example in the user's language; its request is sent as it is shown. */
function inLanguage(example: IExample, trans: TranslationBundle): IExample {
  const { title, intent, sentence } = example;
  return {
    ...example,
    title: translated(title, trans),
    intent: translated(intent, trans),
    sentence: sentence && translated(sentence, trans)
  };
}

export function EmptyState(props: IEmptyStateProps): React.ReactElement {
  const { trans } = usePanel();
  const examples = props.examples.map(each => inLanguage(each, trans));
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
          {translated(warning, trans)}
        </p>
      ))}
      <ul aria-label={trans.__('Examples on synthetic data')}>
        {examples.map(example => (
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
