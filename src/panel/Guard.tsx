/**
 * What cannot be drawn must not take its surroundings with it: the fallback is shown in its place.
 */

import * as React from 'react';

interface IGuardProps {
  fallback: React.ReactNode;
  children: React.ReactNode;
}

export class Guard extends React.Component<IGuardProps, { failed: boolean }> {
  state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  render(): React.ReactNode {
    return this.state.failed ? this.props.fallback : this.props.children;
  }
}
