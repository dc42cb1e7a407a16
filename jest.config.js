const base = require('@jupyterlab/testing/lib/jest-config')(__dirname);

module.exports = {
  ...base,
  reporters: ['default'],
  coverageDirectory: 'coverage',
  testRegex: 'src/.*/__tests__/.*.spec.ts[x]?$|src/__tests__/.*.spec.ts[x]?$',
  transformIgnorePatterns: base.transformIgnorePatterns.map(pattern =>
    pattern.replace('(?!', '(?!@jupyterlab/|@jupyter/|@tanstack|')
  )
};
