/**
 * A plot of the run: the picture, its caption, and a text for those who do not see it. A click shows it large.
 */

import * as React from 'react';

import { Finding } from '../protocol';
import { usePanel } from '../panel/context';

type IFigure = Extract<Finding, { kind: 'figure' }>;

export function Figure(props: IFigure): React.ReactElement {
  const { trans, fileUrl } = usePanel();
  const [isLarge, setLarge] = React.useState(false);
  const url = fileUrl(props.path);
  return (
    <figure className="jp-Clinjup-Figure">
      <figcaption>
        <h4>{props.title}</h4>
      </figcaption>
      {url && (
        <button
          type="button"
          title={trans.__('Click to enlarge')}
          aria-label={trans.__('Enlarge the plot "%1"', props.title)}
          onClick={() => setLarge(true)}
        >
          <img src={url} alt={props.alt} loading="lazy" />
        </button>
      )}
      <p className="jp-Clinjup-Quiet">{props.caption}</p>
      {url && isLarge && (
        <Large {...props} url={url} onClose={() => setLarge(false)} />
      )}
    </figure>
  );
}

/** The picture over the whole window. Escape closes it, and the keyboard goes back to where it was. */
function Large(
  props: IFigure & { url: string; onClose: () => void }
): React.ReactElement {
  const { trans } = usePanel();
  const { url, title } = props;
  const dialog = React.useRef<HTMLDialogElement>(null);
  React.useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      className="jp-Clinjup-Large"
      aria-label={title}
      onClose={props.onClose}
    >
      <img src={url} alt={props.alt} />
      <p>{props.caption}</p>
      <div className="jp-Clinjup-Buttons">
        <button
          type="button"
          className="jp-Clinjup-Button jp-mod-accept"
          onClick={() => dialog.current?.close()}
        >
          {trans.__('Close')}
        </button>
        <a
          className="jp-Clinjup-Button"
          href={url}
          target="_blank"
          rel="noreferrer"
          aria-label={trans.__('Open the plot "%1" in full size', title)}
        >
          {trans.__('Open in a new tab')}
        </a>
      </div>
    </dialog>
  );
}
