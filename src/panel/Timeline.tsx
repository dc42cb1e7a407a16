/**
 * Findings, problems and sentences of a run, in the order they came. Only what is in sight is in the page: a run may have
 * thousands of them.
 */

import { useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';

import { FindingCard } from '../findings/FindingCard';
import { TimelineItem } from '../state/run';
import { usePanel } from './context';
import { Guard } from './Guard';
import { Markdown } from './Markdown';

export interface ITimelineProps {
  items: TimelineItem[];
  scroller: React.RefObject<HTMLElement>;
}

export function Timeline(props: ITimelineProps): React.ReactElement {
  const { trans } = usePanel();
  const list = React.useRef<HTMLDivElement>(null);
  const [margin, setMargin] = React.useState(0);
  React.useLayoutEffect(() => {
    // The plan and the cards above grow and shrink; the list starts below them.
    const top = list.current?.offsetTop ?? 0;
    if (top !== margin) {
      setMargin(top);
    }
  });
  const virtual = useVirtualizer({
    count: props.items.length,
    getScrollElement: () => props.scroller.current,
    estimateSize: () => 150,
    getItemKey: index => props.items[index].key,
    overscan: 4,
    scrollMargin: margin
  });
  return (
    <div
      ref={list}
      className="jp-Clinjup-Timeline"
      role={props.items.length > 0 ? 'feed' : undefined}
      aria-label={props.items.length > 0 ? trans.__('Findings') : undefined}
      style={{ height: virtual.getTotalSize() }}
    >
      {virtual.getVirtualItems().map(row => (
        <div
          key={row.key}
          ref={virtual.measureElement}
          data-index={row.index}
          className="jp-Clinjup-Timeline-row"
          style={{ transform: `translateY(${row.start - margin}px)` }}
        >
          <Guard fallback={<Undrawn />}>
            <Item item={props.items[row.index]} />
          </Guard>
        </div>
      ))}
    </div>
  );
}

function Undrawn(): React.ReactElement {
  const { trans } = usePanel();
  return (
    <p className="jp-Clinjup-Quiet">
      {trans.__('This entry cannot be shown here; the notebook has it.')}
    </p>
  );
}

const Item = React.memo(function Item(props: {
  item: TimelineItem;
}): React.ReactElement {
  const { trans } = usePanel();
  const { item } = props;
  switch (item.kind) {
    case 'finding':
      return <FindingCard finding={item.finding} />;
    case 'problem':
      return (
        <article
          className="jp-Clinjup-Card jp-Clinjup-Problem"
          data-mended={item.mended}
        >
          <h4>
            {item.mended
              ? trans.__('A problem, mended')
              : trans.__('A problem')}
          </h4>
          <p>{item.text}</p>
          {item.repair && <p className="jp-Clinjup-Quiet">{item.repair}</p>}
        </article>
      );
    case 'notice':
      return (
        <article className="jp-Clinjup-Card jp-Clinjup-Caution">
          <p>{item.text}</p>
        </article>
      );
    case 'text':
      return (
        <article className="jp-Clinjup-Card jp-Clinjup-Text">
          <Markdown source={item.text} />
        </article>
      );
  }
});
