/**
 * Ids of the commands, for other extensions and for keyboard shortcuts.
 */
export namespace CommandIDs {
  export const openPanel = 'clinjup:open-panel';
  export const ask = 'clinjup:ask';
  export const stopRun = 'clinjup:stop-run';
  export const approve = 'clinjup:approve';
  export const reject = 'clinjup:reject';
  export const fixError = 'clinjup:fix-error';
  export const explainCell = 'clinjup:explain-cell';
  export const checkConfounders = 'clinjup:check-confounders';
  export const restoreCheckpoint = 'clinjup:restore-checkpoint';
  export const exportAudit = 'clinjup:export-audit';
}
