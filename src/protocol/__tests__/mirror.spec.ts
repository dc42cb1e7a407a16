/**
 * messages.ts says the same as clinjup/server/protocol.py, which is asked here.
 */

import { execFileSync } from 'child_process';
import { existsSync, readFileSync } from 'fs';
import { join } from 'path';

// eslint-disable-next-line @typescript-eslint/no-require-imports
const { typescript } = require('../../../scripts/mirror-protocol');

const ROOT = join(__dirname, '..', '..', '..');
const OURS = join(ROOT, '.venv', 'bin', 'python');
const PYTHON = process.env.PYTHON ?? (existsSync(OURS) ? OURS : 'python');

function schemaOfServer(): any {
  const printed = execFileSync(PYTHON, ['-m', 'clinjup.server.protocol'], {
    cwd: ROOT,
    encoding: 'utf8'
  });
  return JSON.parse(printed);
}

describe('messages.ts', () => {
  const schema = schemaOfServer();
  const written = readFileSync(join(__dirname, '..', 'messages.ts'), 'utf8');

  it('mirrors the protocol of the server', () => {
    expect(written).toBe(typescript(schema));
  });

  it('would differ if the server renamed a single field', () => {
    const { seq, ...others } = schema.$defs.Upsert.properties;
    schema.$defs.Upsert.properties = { ...others, sequence: seq };
    expect(written).not.toBe(typescript(schema));
  });
});
