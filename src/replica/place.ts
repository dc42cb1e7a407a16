/** Where the user is in a notebook: kept over a reload of the file, so that what they type goes on into their cell. */

import { CodeEditor } from '@jupyterlab/codeeditor';
import { MarkdownCell } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';

export interface IPlace {
  cell: string;
  editing: boolean;
  cursor: CodeEditor.IPosition | null;
}

export function placeOf({ activeCell, mode }: Notebook): IPlace | null {
  return (
    activeCell && {
      cell: activeCell.model.id,
      editing: mode === 'edit',
      cursor: activeCell.editor?.getCursorPosition() ?? null
    }
  );
}

/** Stay where the notebook is if their cell is gone. */
export async function goBack(
  notebook: Notebook,
  place: IPlace | null
): Promise<void> {
  const index = notebook.widgets.findIndex(
    cell => cell.model.id === place?.cell
  );
  if (!place || index < 0) {
    return;
  }
  notebook.activeCellIndex = index;
  if (!place.editing) {
    return;
  }
  const cell = notebook.widgets[index];
  await cell.ready; // its editor is made anew
  if (notebook.activeCell === cell) {
    if (cell instanceof MarkdownCell) {
      cell.rendered = false;
    }
    notebook.mode = 'edit';
    if (place.cursor) {
      cell.editor?.setCursorPosition(place.cursor);
    }
    cell.editor?.focus();
  }
}
