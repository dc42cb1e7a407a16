/**
 * Names and formats of the figures: those of the report.
 */

import { readFileSync } from 'fs';
import { join } from 'path';

import { nullTranslator } from '@jupyterlab/translation';
import { act } from 'react-dom/test-utils';
import { createRoot } from 'react-dom/client';

import { metricLabel } from '../Estimate';
import { ModelFigures } from '../ModelCards';

const trans = nullTranslator.load('clinjup');
const python = readFileSync(
  join(__dirname, '..', '..', '..', 'clinjup', 'metric_names.py'),
  'utf8'
);
const table = /\bNAMES = \{([^}]*)\}/.exec(python)![1];
const named = [...table.matchAll(/"(\w+)": "([^"]+)"/g)].map(
  ([, key, words]) => [key, words[0].toUpperCase() + words.slice(1)]
);

describe('a metric', () => {
  it.each([
    ...named,
    ['calibration_slope', 'Calibration slope'],
    [
      'sensitivity_at_0.5_false_marks',
      'Share of boxes marked at 0.5 false marks per image'
    ],
    ['auroc_bcc', 'AUROC for basal cell carcinoma'],
    ['melanoma_sensitivity', 'Sensitivity for melanoma']
  ])('%s is called %s, as in the report', (key, words) => {
    expect(named.length).toBeGreaterThan(20);
    expect(metricLabel(key, trans)).toBe(words);
  });
});

it('a share is a percentage, and no figure is told twice', () => {
  (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
  const host = document.createElement('div');
  const title = 'baseline';
  const third = { value: 0.33, ci95: [0.1, 0.6], n: 9 } as any;
  const metrics = {
    auroc: third,
    sensitivity: third,
    ppv: third,
    npv_bcc: third,
    ece: third
  };
  const point = { sensitivity: third, specificity: third } as any;
  act(() =>
    createRoot(host).render(
      <ModelFigures
        title={title}
        metrics={metrics}
        operating_point={point}
        confounders={{}}
      />
    )
  );
  const told = [...host.querySelectorAll('.jp-Clinjup-Estimate')].map(each =>
    [each.querySelector('dt'), each.querySelector('strong')].map(
      part => part?.textContent
    )
  );
  expect(told).toEqual([
    ['AUROC', '0.33'],
    ['Sensitivity', '33\u00a0%'],
    ['Specificity', '33\u00a0%'],
    ['Positive predictive value', '33\u00a0%'],
    ['Negative predictive value for basal cell carcinoma', '33\u00a0%'],
    ['Expected calibration error', '0.33']
  ]);
});
