import { cellActionsPlugin } from './plugins/cellActions';
import { clientPlugin } from './plugins/client';
import { mimePlugin } from './plugins/mime';
import { panelPlugin } from './plugins/panel';
import { replicaPlugin } from './plugins/replica';
import { statusPlugin } from './plugins/status';

export * from './tokens';

export default [
  clientPlugin,
  replicaPlugin,
  panelPlugin,
  cellActionsPlugin,
  statusPlugin,
  mimePlugin
];
