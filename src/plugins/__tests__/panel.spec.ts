/**
 * The panel in JupyterLab's shell: when it takes the keyboard.
 */

import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { PromiseDelegate } from '@lumino/coreutils';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { ClinjupClient } from '../../client/client';
import { summary, TestServer, until } from '../../client/__tests__/server';
import { IClinjupPanel } from '../../tokens';
import { panelPlugin } from '../panel';

describe('the panel in the shell', () => {
  const restored = new PromiseDelegate<void>();
  let server: TestServer;
  let client: ClinjupClient;
  let widget: Widget;
  let panel: IClinjupPanel;
  let notebook: HTMLInputElement;

  beforeAll(async () => {
    server = new TestServer();
    const { settings } = server;
    server.routes['GET runs'] = { status: 200, body: { runs: [summary({})] } };
    client = new ClinjupClient({ settings, unreachable: '' });
    notebook = document.body.appendChild(document.createElement('input'));
    const shell = {
      add: (added: Widget) => {
        widget = added;
        Widget.attach(added, document.body);
      },
      activateById: () => widget.activate()
    };
    const tracker: any = { forEach: () => undefined };
    tracker.widgetAdded = new Signal(tracker);
    const app = { commands: new CommandRegistry(), shell };
    panel = (await panelPlugin.activate(
      { ...app, restored: restored.promise } as any,
      client,
      {},
      tracker,
      {},
      null,
      null,
      nullTranslator
    )) as IClinjupPanel;
    server.socket.open();
    await until(() => !!widget.node.querySelector('.jp-Clinjup-Stop'));
  });

  afterAll(() => client.dispose());

  it('leaves the keyboard in the notebook when a page with a live run is loaded again', async () => {
    notebook.focus();
    widget.activate(); // as the shell does that puts back the layout
    restored.resolve();
    await restored.promise;
    await new Promise(resolve => window.setTimeout(resolve, 50));
    expect(document.activeElement).toBe(notebook);
  });

  it('brings it to the heading when it is asked for, never to Stop', async () => {
    panel.activate();
    await until(() => document.activeElement !== notebook);
    expect(document.activeElement?.tagName).toBe('H2');
  });

  it('brings it to the request box where no run is shown', async () => {
    notebook.focus();
    panel.model.select(null);
    panel.activate();
    await until(() => document.activeElement?.tagName === 'TEXTAREA');
  });
});
