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

  React.useEffect(() => {
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
    return () => {
      if (renderer.isAttached) {
        Widget.detach(renderer);
      }
      renderer.dispose();
    };
  }, [rendermime, props.source]);

  return (
    <div className="jp-Clinjup-Markdown" ref={host}>
      {rendermime ? null : props.source}
    </div>
  );
}
