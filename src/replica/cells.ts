/**
 * The cells of a notebook within one transaction. JupyterLab's own list of cells is renewed only after a transaction has
 * ended, so a cell that was just inserted cannot be found in it.
 */

import type {
  ISharedCell,
  ISharedCodeCell,
  ISharedNotebook,
  SharedCell
} from '@jupyter/ydoc';
import { JSONExt, PartialJSONValue } from '@lumino/coreutils';

export class CellsInTransaction {
  constructor(private _notebook: ISharedNotebook) {
    this._cells = [..._notebook.cells];
  }

  get length(): number {
    return this._cells.length;
  }

  get(index: number): ISharedCell {
    return this._cells[index];
  }

  indexOf(id: string): number {
    return this._cells.findIndex(cell => cell.getId() === id);
  }

  /** The code cell with this id, if there is one. */
  code(id: string): ISharedCodeCell | null {
    const cell = this._cells[this.indexOf(id)];
    return cell?.cell_type === 'code' ? (cell as ISharedCodeCell) : null;
  }

  insert(index: number, cell: SharedCell.Cell): void {
    this._cells.splice(index, 0, this._notebook.insertCell(index, cell));
  }

  remove(index: number): void {
    this._notebook.deleteCell(index);
    this._cells.splice(index, 1);
  }

  move(from: number, to: number): void {
    const cell = this._cells[from].toJSON() as SharedCell.Cell;
    this.remove(from);
    this.insert(to, cell);
  }

  setNotebookMetadata(key: string, value: PartialJSONValue): void {
    const present = this._notebook.getMetadata(key) ?? null;
    if (!JSONExt.deepEqual(present as any, value as any)) {
      this._notebook.setMetadata(key, value);
    }
  }

  private _cells: ISharedCell[];
}
