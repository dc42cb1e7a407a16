import { LabIcon } from '@jupyterlab/ui-components';

import clinjupSvg from '../style/icons/clinjup.svg';
import offlineSvg from '../style/icons/offline.svg';
import onlineSvg from '../style/icons/online.svg';

export const clinjupIcon = new LabIcon({
  name: 'clinjup:logo',
  svgstr: clinjupSvg
});
export const offlineIcon = new LabIcon({
  name: 'clinjup:offline',
  svgstr: offlineSvg
});
export const onlineIcon = new LabIcon({
  name: 'clinjup:online',
  svgstr: onlineSvg
});
