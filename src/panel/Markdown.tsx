/**
 * Markdown drawn by JupyterLab's own renderer, untrusted: HTML in it is sanitised, scripts never run.
 */

import { MimeModel } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { usePanel } from './context';

export function Markdown(props: { source: string }): React.ReactElement {
  const { rendermime } = usePanel();
  const host = React.useRef<HTMLDivElement>(null);

  // A layout effect: it is undone while the host is still in the page, as Lumino wants it.
  React.useLayoutEffect(() => {
    if (!rendermime || !host.current) {
      return;
    }
    const renderer = rendermime.createRenderer('text/markdown');
    const model = new MimeModel({
      data: { 'text/markdown': props.source },
      trusted: false
    });
    void renderer.renderModel(model);
    Widget.attach(renderer, host.current);
    return () => renderer.dispose();
  }, [rendermime, props.source]);

  return (
    <div className="jp-Clinjup-Markdown" ref={host}>
      {rendermime ? null : props.source}
    </div>
  );
}
