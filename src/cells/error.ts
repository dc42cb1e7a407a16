/**
 * An error below a cell, as JupyterLab shows it, with two buttons: mend it, explain it.
 */

import { Cell } from '@jupyterlab/cells';
import { MimeModel, RenderedError } from '@jupyterlab/rendermime';
import { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';

import { CommandIDs } from '../plugins/ids';

/** Where JupyterLab puts the text of an error; the error itself is an object. */
const TEXT_MIME = 'application/vnd.jupyter.stderr';

export namespace ErrorRenderer {
  export interface IOptions extends IRenderMime.IRendererOptions {
    commands: CommandRegistry;
    trans: TranslationBundle;
  }
}

export class ErrorRenderer extends RenderedError {
  constructor(private _ours: ErrorRenderer.IOptions) {
    super(_ours);
    this.node.dataset.mimeType = TEXT_MIME; // for the colours of an error
  }

  async render(model: IRenderMime.IMimeModel): Promise<void> {
    const data = { [this.mimeType]: model.data[TEXT_MIME] };
    await super.render(new MimeModel({ data }));
    const { trans } = this._ours;
    const buttons = document.createElement('div');
    buttons.className = 'jp-Clinjup-Buttons jp-Clinjup-ErrorButtons';
    buttons.append(
      this._button(trans.__('Mend with clinjup'), CommandIDs.fixError),
      this._button(trans.__('Explain'), CommandIDs.explainCell)
    );
    this.node.append(buttons);
  }

  private _button(label: string, command: string): HTMLButtonElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'jp-Clinjup-Button';
    button.textContent = label;
    button.addEventListener('click', () => {
      const cellId = cellAround(this)?.model.id;
      if (cellId) {
        void this._ours.commands.execute(command, { cellId });
      }
    });
    return button;
  }
}

/** The cell that a widget is in. */
function cellAround(widget: Widget): Cell | null {
  let parent = widget.parent;
  while (parent && !(parent instanceof Cell)) {
    parent = parent.parent;
  }
  return parent;
}
