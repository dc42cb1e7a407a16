/**
 * The commands that concern the panel and its run.
 */

import { JupyterFrontEnd } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { clinjupIcon } from '../icons';
import { ClinjupPanel } from '../panel/widget';
import { CommandIDs } from './ids';

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } } as const;

export function addRunCommands(
  app: JupyterFrontEnd,
  panel: ClinjupPanel,
  palette: ICommandPalette | null,
  trans: TranslationBundle
): void {
  const { commands, shell } = app;
  const { model } = panel;
  const waiting = () => model.run?.approvals[0] ?? null;
  const isLive = () => model.run?.status === 'running';

  commands.addCommand(CommandIDs.openPanel, {
    label: args =>
      args.isPalette ? trans.__('Open the clinjup panel') : trans.__('clinjup'),
    caption: () => trans.__('Open the clinjup panel'),
    icon: clinjupIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          run: { type: 'string', description: trans.__('Id of a run to show') }
        }
      }
    },
    execute: args => {
      if (typeof args.run === 'string') {
        model.select(args.run);
      }
      shell.activateById(panel.id);
    }
  });
  commands.addCommand(CommandIDs.ask, {
    label: () => trans.__('Ask clinjup'),
    caption: () => trans.__('Put a request into the box of the clinjup panel'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          intent: { type: 'string', description: trans.__('The request') },
          data: {
            type: 'string',
            description: trans.__('Folder with the images')
          },
          send: { type: 'boolean', description: trans.__('Start at once') }
        }
      }
    },
    execute: async args => {
      model.select(null);
      model.fillDraft(draftOf(args));
      shell.activateById(panel.id);
      if (args.send === true) {
        await model.send();
      }
    }
  });
  commands.addCommand(CommandIDs.stopRun, {
    label: () => trans.__('Stop the run now'),
    describedBy: NO_ARGUMENTS,
    isEnabled: isLive,
    execute: () => model.run && model.stop(model.run.id)
  });
  commands.addCommand(CommandIDs.approve, {
    label: () => trans.__('Approve the waiting cell'),
    describedBy: NO_ARGUMENTS,
    isEnabled: () => waiting() !== null,
    execute: () => decide(true)
  });
  commands.addCommand(CommandIDs.reject, {
    label: () => trans.__('Reject the waiting cell'),
    describedBy: NO_ARGUMENTS,
    isEnabled: () => waiting() !== null,
    execute: () => decide(false)
  });
  commands.addCommand(CommandIDs.restoreCheckpoint, {
    label: () => trans.__('Go back to before a step'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          stepId: { type: 'string', description: trans.__('Id of the step') }
        },
        required: ['stepId']
      }
    },
    isEnabled: () => model.run !== null && !isLive(),
    execute: args => model.run && model.restore(model.run, String(args.stepId))
  });
  commands.addCommand(CommandIDs.exportAudit, {
    label: () => trans.__('Export the journal of the run'),
    describedBy: NO_ARGUMENTS,
    isEnabled: () => model.run !== null,
    execute: () => {
      if (model.run) {
        const link = document.createElement('a');
        link.href = model.client.fileUrl(model.run.id, 'journal.jsonl');
        link.download = `${model.run.id}-journal.jsonl`;
        link.click();
      }
    }
  });

  const decide = async (approved: boolean): Promise<void> => {
    const [run, approval] = [model.run, waiting()];
    if (run && approval) {
      await model.approve(run.id, approval.sha256, approved);
    }
  };
  model.changed.connect(() => {
    for (const id of [
      CommandIDs.stopRun,
      CommandIDs.approve,
      CommandIDs.reject
    ]) {
      commands.notifyCommandChanged(id);
    }
  }, panel);

  const category = trans.__('clinjup');
  for (const command of [
    CommandIDs.openPanel,
    CommandIDs.ask,
    CommandIDs.stopRun,
    CommandIDs.approve,
    CommandIDs.reject,
    CommandIDs.exportAudit
  ]) {
    palette?.addItem({ command, category, args: { isPalette: true } });
  }
}

function draftOf(args: ReadonlyPartialJSONObject): {
  intent?: string;
  data?: string;
} {
  return {
    ...(typeof args.intent === 'string' && { intent: args.intent }),
    ...(typeof args.data === 'string' && { data: args.data })
  };
}
