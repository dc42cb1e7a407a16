/**
 * A plot of the run: the picture, its caption, and a text for those who do not see it.
 */

import * as React from 'react';

import { Finding } from '../protocol';
import { usePanel } from '../panel/context';

export function Figure(
  props: Extract<Finding, { kind: 'figure' }>
): React.ReactElement {
  const { trans, fileUrl } = usePanel();
  const url = fileUrl(props.path);
  return (
    <figure className="jp-Clinjup-Figure">
      <figcaption>
        <h4>{props.title}</h4>
      </figcaption>
      {url && (
        <a
          href={url}
          target="_blank"
          rel="noreferrer"
          aria-label={trans.__('Open the plot "%1" in full size', props.title)}
        >
          <img src={url} alt={props.alt} loading="lazy" />
        </a>
      )}
      <p className="jp-Clinjup-Quiet">{props.caption}</p>
    </figure>
  );
}
