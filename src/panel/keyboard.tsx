/**
 * Where the keyboard goes in the panel. Never to a button that does something: whoever presses Space without looking must not
 * stop a run or let a cell run.
 */

import * as React from 'react';

const WAITING = '.jp-Clinjup-Attention:not(.jp-Clinjup-Answer)';

/** The first of these that is shown: what waits for the clinician, the request box, how the run ended, the panel's heading. */
const PLACES = [
  `form${WAITING} input`,
  WAITING,
  '.jp-Clinjup-Request',
  '.jp-Clinjup-End',
  '.jp-Clinjup-Brand h2'
];

/** Here the keyboard only rests, until there is a better place. */
const RESTING = '.jp-Clinjup-End, .jp-Clinjup-Brand h2';

export function focusPlace(panel: HTMLElement): void {
  const places = PLACES.map(place => panel.querySelector<HTMLElement>(place));
  places.find(place => place !== null)?.focus();
}

export interface IKeyboardProps extends React.HTMLAttributes<HTMLDivElement> {
  children: React.ReactNode;
}

/** Keeps the keyboard in the panel, if it is there, when what had it is gone; and brings it to a question that arrives. */
export class Keyboard extends React.Component<IKeyboardProps> {
  getSnapshotBeforeUpdate(): boolean {
    return this._node.current?.contains(document.activeElement) ?? false;
  }

  componentDidMount(): void {
    this._shown = this._waiting();
  }

  componentDidUpdate(_: IKeyboardProps, __: unknown, wasHere: boolean): void {
    const shown = this._shown;
    this._shown = this._waiting();
    const node = this._node.current;
    const active = document.activeElement;
    if (!node || !wasHere) {
      return;
    }
    const arrived = this._shown.some(card => !shown.includes(card));
    const mayMove = !active?.matches('input, textarea, select');
    if (
      !node.contains(active) ||
      active?.matches(RESTING) ||
      (arrived && mayMove)
    ) {
      focusPlace(node);
    }
  }

  render(): React.ReactNode {
    return <div {...this.props} ref={this._node} />;
  }

  /** The questions and approvals that are shown. */
  private _waiting(): Element[] {
    return [...(this._node.current?.querySelectorAll(WAITING) ?? [])];
  }

  private _node = React.createRef<HTMLDivElement>();
  private _shown: Element[] = [];
}
