/**
 * The panel as a widget of JupyterLab's sidebar.
 */

import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import { clinjupIcon } from '../icons';
import { IPanelContext, PanelContext } from './context';
import { focusPlace } from './keyboard';
import { PanelModel } from './model';
import { Panel } from './Panel';

export namespace ClinjupPanel {
  export interface IOptions {
    model: PanelModel;
    rendermime: IRenderMimeRegistry;
    trans: TranslationBundle;
    language: string;
    /** Contents paths of the notebooks that are open. */
    notebooks: () => string[];
  }
}

export class ClinjupPanel extends ReactWidget {
  constructor(private _options: ClinjupPanel.IOptions) {
    super();
    this.id = 'jp-Clinjup-panel';
    this.addClass('jp-Clinjup-Host');
    this.title.icon = clinjupIcon;
    this.title.caption = this._options.trans.__('clinjup');
    this._options.model.changed.connect(this._onChanged, this);
  }

  /** Whether bringing the panel to the front brings the keyboard into it. */
  takesKeyboard = false;

  get model(): PanelModel {
    return this._options.model;
  }

  /** Bring the keyboard into the panel. */
  takeKeyboard(): void {
    this.update();
    // Not before the command palette has closed: that gives the keyboard to the notebook.
    window.setTimeout(() => focusPlace(this.node));
  }

  /** Do what may move the keyboard elsewhere; where it was in the panel, it is there afterwards. */
  async keepKeyboard(action: () => Promise<unknown>): Promise<void> {
    const isHere = this.node.contains(document.activeElement);
    await action();
    if (isHere) {
      this.takeKeyboard();
    }
  }

  /** Speak another language from now on. */
  setLanguage(trans: TranslationBundle, language: string): void {
    this._options = { ...this._options, trans, language };
    this.update();
  }

  protected render(): React.ReactElement {
    const { model, notebooks } = this._options;
    return (
      <PanelContext.Provider value={this._context()}>
        <Panel
          state={model.client.state}
          selected={model.selected}
          draft={model.draft}
          fillings={model.fillings}
          busy={model.busy}
          problem={model.problem}
          answer={model.answered}
          notebooks={notebooks()}
          actions={model}
        />
      </PanelContext.Provider>
    );
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.update();
  }

  protected onActivateRequest(): void {
    this.update();
    if (this.takesKeyboard) {
      this.takeKeyboard();
    }
  }

  /** The same value as long as nothing in it changes, so that the cards are not drawn anew with every event. */
  private _context(): IPanelContext {
    const { model, trans, language, rendermime } = this._options;
    const run = model.selected;
    if (this._last?.run !== run || this._last?.value.trans !== trans) {
      const fileUrl = (path: string) =>
        run ? model.client.fileUrl(run, path) : null;
      this._last = { run, value: { trans, language, rendermime, fileUrl } };
    }
    return this._last.value;
  }

  private _onChanged(): void {
    this.update();
  }

  private _last: { run: string | null; value: IPanelContext } | null = null;
}
