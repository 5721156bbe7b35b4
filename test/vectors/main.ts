/**
 * `npm run vectors -- [-v] [DIR [FILE ...]]`: runs the records in DIR (the project's own by default) through the programs
 * and prints a table; with -v also what differs. Fails if a record fails that `differences.md` does not list.
 */
import { parseArgs } from 'node:util';
import { VectorFolder, knownDifferences } from './records.js';
import { runFile, runsOf, type FileResult } from './run.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { verbose: { type: 'boolean', short: 'v' } },
});
const [directory, ...names] = positionals;
const folder = new VectorFolder(directory);
const known = knownDifferences();
const runs = runsOf(folder.files());
const files = runs.filter((file) => names.length === 0 || names.some((name) => file.startsWith(name)));

const results: FileResult[] = [];
for (const file of files) results.push(await runFile(folder, file));

const width = Math.max(0, ...files.map((file) => file.length));
console.log(`${'file'.padEnd(width)}  passed  failed  failed ids`);
for (const { file, records, failed } of results) {
  const cells =
    failed === undefined
      ? [`     -       -  ${records} records: no runner yet`]
      : [
          String(records - failed.length).padStart(6),
          String(failed.length).padStart(6),
          failed.map(({ id }) => id + (known.has(id) ? '*' : '')).join(' '),
        ];
  console.log([file.padEnd(width), ...cells].join('  ').trimEnd());
}
const failures = results.flatMap(({ failed = [] }) => failed);
if (values.verbose === true) for (const { id, what } of failures) console.log(`${id}: ${what}`);
if (failures.some(({ id }) => known.has(id))) console.log('* differs on purpose: see differences.md');
// A record that did not end may still be at it.
process.exit(failures.some(({ id }) => !known.has(id)) ? 1 : 0);
