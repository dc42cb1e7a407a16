/**
 * The way from a step of the plan to its cells.
 */

import { nullTranslator } from '@jupyterlab/translation';

import { newRun } from '../../state/run';
import { notebookDoors } from '../notebooks';

describe('showing a step', () => {
  it('opens the notebook and scrolls to the first cell of that step of that run', async () => {
    const cells = [
      undefined,
      { run_id: 'earlier', step_id: 's' },
      { run_id: 'r', step_id: 'before' },
      { run_id: 'r', step_id: 's' },
      { run_id: 'r', step_id: 's' }
    ];
    const opened: unknown[] = [];
    const content = {
      activeCellIndex: 0,
      widgets: cells.map(clinjup => ({
        model: { getMetadata: () => clinjup }
      })),
      scrollToItem: async (index: number) => void opened.push(index)
    };
    const panel = { content, context: { localPath: 'n.ipynb' } };
    const doors = notebookDoors(
      {
        commands: {
          execute: async (_: string, args: any) => void opened.push(args.path)
        }
      } as any,
      { find: (is: (each: any) => boolean) => [panel].find(is) } as any,
      {} as any,
      nullTranslator.load('clinjup')
    );
    await doors.showStep({ ...newRun('r'), notebook: 'n.ipynb' }, 's');
    expect(opened).toEqual(['n.ipynb', 3]);
    expect(content.activeCellIndex).toBe(3);
  });
});
