/**
 * Writes src/protocol/messages.ts from `python -m clinjup.server.protocol`, so that both sides speak the same protocol.
 *
 *     node scripts/mirror-protocol.js SCHEMA.json > src/protocol/messages.ts      (`jlpm protocol` does it)
 *
 * src/protocol/__tests__/mirror.spec.ts runs the same function and compares.
 */

/** What the browser sends: fields with a default may be left away. All other messages arrive with every field. */
const SENT = new Set([
  'Answers',
  'ApprovalAnswer',
  'CellProblem',
  'CellRequest',
  'Hello',
  'NewRun',
  'Ping',
  'Rejoin',
  'Restore',
  'Resume',
  'Saved',
  'Snapshot',
  'SnapshotCell',
  'UserOutputs'
]);

function typescript(schema) {
  const parts = [
    '// Written by `jlpm protocol` from clinjup/server/protocol.py. Do not edit.\n',
    `export const VERSION = ${schema.version};\n`
  ];
  for (const name of Object.keys(schema.$defs).sort()) {
    parts.push(definition(name, schema.$defs[name]));
  }
  const events = Object.entries(schema.events)
    .sort()
    .map(([event, data]) => `  '${event}': I${data};`);
  parts.push(
    '/** The type of `data` for each type of event. */',
    `export interface IEventData {\n${events.join('\n')}\n}\n`
  );
  return parts.join('\n');
}

function definition(name, schema) {
  const comment = schema.description ? doc(schema.description, '') : '';
  if (schema.enum) {
    return `${comment}export type ${name} = ${type(schema)};\n`;
  }
  const required = new Set(schema.required || []);
  const fields = Object.entries(schema.properties || {}).map(([field, of]) => {
    const fixed = of.const !== undefined;
    const mayLack = SENT.has(name) && !required.has(field) && !fixed;
    const note = of.description ? doc(of.description, '  ') : '';
    return `${note}  ${field}${mayLack ? '?' : ''}: ${type(of)};`;
  });
  return `${comment}export interface I${name} {\n${fields.join('\n')}\n}\n`;
}

function doc(text, indent) {
  const lines = text.split('\n').map(line => line.trim());
  if (lines.length === 1) {
    return `${indent}/** ${lines[0]} */\n`;
  }
  return `${indent}/**\n${lines.map(line => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`;
}

function type(schema) {
  if (schema.$ref) {
    const name = schema.$ref.split('/').pop();
    return ENUMS.has(name) ? name : `I${name}`;
  }
  if (schema.const !== undefined) {
    return literal(schema.const);
  }
  if (schema.enum) {
    return schema.enum.map(literal).join(' | ');
  }
  const choices = schema.anyOf || schema.oneOf || schema.allOf;
  if (choices) {
    return choices.map(type).join(' | ');
  }
  switch (schema.type) {
    case 'string':
      return 'string';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'null':
      return 'null';
    case 'array':
      if (schema.prefixItems) {
        return `[${schema.prefixItems.map(type).join(', ')}]`;
      }
      return `Array<${type(schema.items || {})}>`;
    case 'object': {
      const value = schema.additionalProperties;
      return `Record<string, ${value && value !== true ? type(value) : 'any'}>`;
    }
    default:
      return 'any';
  }
}

function literal(value) {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

const ENUMS = new Set(['Approval', 'RunStatus', 'StepStatus', 'TaskType']);

module.exports = { typescript };

if (require.main === module) {
  const schema = JSON.parse(
    require('fs').readFileSync(process.argv[2] || 0, 'utf8')
  );
  process.stdout.write(typescript(schema));
}
