/**
 * How far what runs now is, and how long it still takes.
 */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ICellProgress } from '../protocol';
import { duration } from '../numbers';
import { readable, translated } from '../translation';
import { usePanel } from './context';

export function Progress(props: {
  progress: ICellProgress;
}): React.ReactElement {
  const { trans, language } = usePanel();
  const { label, done, total, unit, seconds_left, detail } = props.progress;
  const round = (value: number) =>
    value.toLocaleString(language, { maximumFractionDigits: 0 });
  const counted = `${round(done)}/${round(total)} ${unitOf(unit, total, trans)}`;
  const words = `${labelOf(label, trans)}: ${counted}`;
  return (
    <div className="jp-Clinjup-Progress">
      <progress value={done} max={total} aria-label={words} />
      <span className="jp-Clinjup-Quiet">
        {words}
        {seconds_left !== null &&
          ` · ${trans.__('%1 left', duration(seconds_left, trans))}`}
        {detail && ` · ${detail}`}
      </span>
    </div>
  );
}

/** What is going on: 'Training balanced sampling'. */
export function labelOf(label: string, trans: TranslationBundle): string {
  return readable(label, trans);
}

function unitOf(unit: string, total: number, trans: TranslationBundle): string {
  switch (unit) {
    case 'image':
      return trans._n('image', 'images', total);
    case 'batch':
      return trans._n('batch', 'batches', total);
    default:
      return translated(unit, trans);
  }
}
