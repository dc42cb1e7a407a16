/**
 * All strings that the sidebar says: `trans.__('…')` and `trans._n('…', '…')` in src/, and what the server says in English
 * (src/locale/server.json; tests/server/test_sentences.py keeps it equal to the server's words). The German catalogue is tested with it.
 */

const fs = require('fs');
const path = require('path');
const ts = require('typescript');

function sources(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      return entry.name === '__tests__' ? [] : sources(full);
    }
    return /\.tsx?$/.test(entry.name) ? [full] : [];
  });
}

function stringsIn(file) {
  const found = [];
  const visit = node => {
    if (
      ts.isCallExpression(node) &&
      ts.isPropertyAccessExpression(node.expression) &&
      ['__', '_n'].includes(node.expression.name.text) &&
      node.arguments.length > 0 &&
      ts.isStringLiteralLike(node.arguments[0])
    ) {
      found.push(node.arguments[0].text);
    }
    ts.forEachChild(node, visit);
  };
  const text = fs.readFileSync(file, 'utf8');
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2020, true, ts.ScriptKind.TSX));
  return found;
}

/** Every string once, sorted. */
function allStrings(folder) {
  const server = path.join(folder, 'locale', 'server.json');
  const said = JSON.parse(fs.readFileSync(server, 'utf8'));
  return [...new Set([...sources(folder).flatMap(stringsIn), ...said])].sort();
}

module.exports = { allStrings };
