/**
 * A cell that waits for the clinician's word: its code, why it was held back, and two buttons.
 */

import * as React from 'react';

import { IPendingApproval } from '../protocol';
import { usePanel } from './context';

export interface IApprovalCardProps {
  approval: IPendingApproval;
  title: string;
  onDecide: (approved: boolean) => Promise<void>;
}

export function ApprovalCard(props: IApprovalCardProps): React.ReactElement {
  const { trans } = usePanel();
  const [sending, setSending] = React.useState(false);
  const decide = async (approved: boolean) => {
    if (sending) {
      return;
    }
    setSending(true);
    try {
      await props.onDecide(approved);
    } finally {
      setSending(false);
    }
  };
  return (
    <section
      className="jp-Clinjup-Card jp-Clinjup-Attention"
      aria-label={trans.__('A cell waits for your approval')}
      tabIndex={-1}
    >
      <h4>{trans.__('May this cell run?')}</h4>
      <p>{props.title}</p>
      <p className="jp-Clinjup-Caution">
        <strong>{trans.__('Why you are asked:')}</strong>{' '}
        {props.approval.reason}
      </p>
      <pre
        className="jp-Clinjup-Code"
        tabIndex={0}
        role="region"
        aria-label={trans.__('The code of the cell')}
      >
        <code>{props.approval.source}</code>
      </pre>
      <div className="jp-Clinjup-Buttons">
        <button
          type="button"
          className="jp-Clinjup-Button jp-mod-accept"
          aria-disabled={sending}
          onClick={() => void decide(true)}
        >
          {trans.__('Run it')}
        </button>
        <button
          type="button"
          className="jp-Clinjup-Button"
          aria-disabled={sending}
          onClick={() => void decide(false)}
        >
          {trans.__('Do not run it')}
        </button>
      </div>
    </section>
  );
}
