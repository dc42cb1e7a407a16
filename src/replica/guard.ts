/**
 * The notebook of a second tab: a banner that says why, and nothing in it can be edited.
 */

import { Cell } from '@jupyterlab/cells';
import { NotebookPanel } from '@jupyterlab/notebook';
import { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

export class NotebookGuard implements IDisposable {
  constructor(private _panel: NotebookPanel) {
    this._panel.content.modelContentChanged.connect(this._lock, this);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Show this sentence above the notebook; '' takes the banner away. */
  setBanner(sentence: string): void {
    if (!sentence) {
      this._banner?.dispose();
      this._banner = null;
      return;
    }
    if (!this._banner) {
      this._banner = new Widget();
      this._banner.addClass('jp-Clinjup-Banner');
      this._banner.node.setAttribute('role', 'status');
      this._panel.contentHeader.addWidget(this._banner);
    }
    this._banner.node.textContent = sentence;
  }

  setReadOnly(readOnly: boolean): void {
    if (readOnly === this._readOnly) {
      return;
    }
    this._readOnly = readOnly;
    this._panel.context.model.readOnly = readOnly;
    const node = this._panel.content.node;
    if (readOnly) {
      // No shortcut of the notebook works in it: cells can be read and copied, not deleted or run.
      node.dataset.lmSuppressShortcuts = 'true';
    } else {
      delete node.dataset.lmSuppressShortcuts;
    }
    this._panel.toolbar.setHidden(readOnly);
    this._lock();
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.setBanner('');
      Signal.clearData(this);
    }
  }

  private _lock(): void {
    const cells: readonly Cell[] = this._panel.content.widgets;
    for (const cell of cells) {
      if (this._readOnly) {
        // Only in this tab: JupyterLab would note in the cell that nobody may edit it.
        cell.syncEditable = false;
        cell.readOnly = true;
      } else if (!cell.syncEditable) {
        cell.loadEditableState();
        cell.syncEditable = true;
      }
    }
  }

  private _readOnly = false;
  private _banner: Widget | null = null;
  private _isDisposed = false;
}
