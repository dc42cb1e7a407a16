/**
 * What was said about one cell: an explanation, or a mended version that is offered and never runs by itself.
 */

import * as React from 'react';

import { ICellAnswer } from '../protocol';
import { translated } from '../translation';
import { IPanelActions } from './actions';
import { usePanel } from './context';
import { Markdown } from './Markdown';

export interface ICellAnswerProps {
  what: 'explain' | 'mend';
  title: string;
  content: ICellAnswer;
  actions: IPanelActions;
}

export function CellAnswer(props: ICellAnswerProps): React.ReactElement {
  const { trans } = usePanel();
  const { what, content, actions } = props;
  const isMended = what === 'explain' || content.source !== null;
  const title = isMended ? props.title : trans.__('What went wrong');
  const card = React.useRef<HTMLElement>(null);
  React.useEffect(() => {
    const isHere = card.current
      ?.closest('.jp-Clinjup-Panel')
      ?.contains(document.activeElement);
    card.current?.scrollIntoView({ block: 'nearest' });
    if (isHere) {
      card.current?.focus();
    }
  }, [content]);
  return (
    <section
      ref={card}
      tabIndex={-1}
      className="jp-Clinjup-Card jp-Clinjup-Attention jp-Clinjup-Answer"
      aria-label={title}
      aria-live="polite"
    >
      <h4>{title}</h4>
      <Markdown source={translated(content.markdown, trans)} />
      {content.source !== null && (
        <pre
          className="jp-Clinjup-Code"
          tabIndex={0}
          role="region"
          aria-label={trans.__('The code of the cell')}
        >
          <code>{content.source}</code>
        </pre>
      )}
      <div className="jp-Clinjup-Buttons">
        {content.source !== null && (
          <button
            type="button"
            className="jp-Clinjup-Button jp-mod-accept"
            onClick={() => actions.insertAnswer()}
          >
            {trans.__('Insert below the cell')}
          </button>
        )}
        <button
          type="button"
          className="jp-Clinjup-Button"
          onClick={() => actions.closeAnswer()}
        >
          {trans.__('Close')}
        </button>
      </div>
    </section>
  );
}
