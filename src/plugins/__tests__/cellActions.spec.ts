/**
 * Which cell is asked about.
 */

import { CommandRegistry } from '@lumino/commands';

import { cellActionsPlugin } from '../cellActions';
import { CommandIDs } from '../ids';

function cell(id: string): any {
  const node = document.createElement('div');
  node.className = 'jp-Cell';
  const sharedModel = { getSource: () => id };
  return { node, model: { id, sharedModel, getMetadata: () => undefined } };
}

describe('"Explain with clinjup"', () => {
  const active = cell('active');
  const other = cell('other');
  const widget = {
    content: { widgets: [active, other] },
    context: { localPath: 'n.ipynb' }
  };
  const asked: string[] = [];
  const commands = new CommandRegistry();

  beforeAll(() => {
    const app = {
      commands,
      contextMenuHitTest: (is: (node: HTMLElement) => boolean) =>
        is(other.node) ? other.node : undefined
    };
    const panel = {
      activate: () => undefined,
      model: {
        askAboutCell: async (_: string, __: string, request: any) =>
          asked.push(request.cell_id)
      }
    };
    const tracker = {
      currentWidget: widget,
      activeCell: active,
      forEach: (visit: (each: any) => void) => visit(widget)
    };
    const rendermime = { addFactory: () => undefined };
    void cellActionsPlugin.activate(
      app as any,
      panel,
      tracker,
      rendermime,
      null,
      null
    );
  });

  it('explains the active cell, and in the context menu the one that was clicked', async () => {
    await commands.execute(CommandIDs.explainCell);
    await commands.execute(CommandIDs.explainCell, { clicked: true });
    expect(asked).toEqual(['active', 'other']);
  });
});
