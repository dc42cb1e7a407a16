/**
 * A replica for each notebook that is open, by path; never "the active notebook".
 */

import { CodeCell } from '@jupyterlab/cells';
import { Notification } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import {
  INotebookTracker,
  NotebookActions,
  NotebookPanel
} from '@jupyterlab/notebook';
import { Contents, ServerConnection } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

import { translated } from '../translation';
import { NotebookGuard } from './guard';
import { NotebookReplica } from './replica';

export namespace ReplicaManager {
  export interface IOptions {
    tracker: INotebookTracker;
    settings: ServerConnection.ISettings;
    contents: Contents.IManager;
    trans: TranslationBundle;
  }
}

export class ReplicaManager {
  constructor(private _options: ReplicaManager.IOptions) {
    const { tracker } = this._options;
    tracker.forEach(panel => void this._add(panel));
    tracker.widgetAdded.connect((_, panel) => void this._add(panel), this);
    NotebookActions.executed.connect((_, { notebook, cell }) => {
      for (const [panel, replica] of this._replicas) {
        if (panel.content === notebook && cell instanceof CodeCell) {
          replica.tellOutputs({
            id: cell.model.id,
            outputs: cell.model.outputs.toJSON() as any,
            execution_count: cell.model.executionCount
          });
        }
      }
    }, this);
    NotebookActions.outputCleared.connect((_, { notebook, cell }) => {
      for (const [panel, replica] of this._replicas) {
        if (panel.content === notebook) {
          replica.tellOutputs({
            id: cell.model.id,
            outputs: [],
            execution_count: null
          });
        }
      }
    }, this);
  }

  private async _add(panel: NotebookPanel): Promise<void> {
    await panel.context.ready;
    if (panel.isDisposed) {
      return;
    }
    const replica = new NotebookReplica({
      panel,
      contents: this._options.contents,
      trans: this._options.trans,
      url: this._url
    });
    const guard = new NotebookGuard(panel);
    this._replicas.set(panel, replica);
    replica.changed.connect(() => {
      guard.setReadOnly(!replica.mayEdit);
      const sentence = replica.welcome?.live ? replica.welcome.sentence : '';
      guard.setBanner(sentence && translated(sentence, this._options.trans));
    }, this);
    replica.trouble.connect((_, sentence) => {
      Notification.warning(translated(sentence, this._options.trans), {
        autoClose: false
      });
    }, this);
    panel.disposed.connect(() => {
      this._replicas.delete(panel);
      replica.dispose();
      guard.dispose();
    }, this);
  }

  private _url = (path: string): string => {
    const { wsUrl, token, appendToken } = this._options.settings;
    const url = URLExt.join(
      wsUrl,
      'clinjup/v1/notebooks',
      URLExt.encodeParts(path),
      'ops'
    );
    return appendToken && token
      ? url + URLExt.objectToQueryString({ token })
      : url;
  };

  private _replicas = new Map<NotebookPanel, NotebookReplica>();
}
