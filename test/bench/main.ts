/** `npm run bench [NAME …]`: measures and prints tables; asserts nothing. */
import Table from 'cli-table3';
import { inOwnNetworkNamespace } from '../netns.js';
import type { BenchTable } from './measure.js';

const benches: Readonly<Record<string, () => Promise<{ bench(): Promise<BenchTable> }>>> = {
  list: () => import('./list.js'),
  'start-up': () => import('./start-up.js'),
  'stream-reader': () => import('./stream-reader.js'),
  datasets: () => import('./datasets.js'),
  vm: () => import('./vm.js'),
  docker: () => import('./docker.js'),
  hvm: () => import('./hvm.js'),
};

if (process.getuid?.() === 0) inOwnNetworkNamespace(import.meta.url);

// Node reads it at every start, which would be measured as ours.
delete process.env['NODE_EXTRA_CA_CERTS'];
const asked = process.argv.slice(2);
for (const [name, load] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const { title, columns, rows } = await (await load()).bench();
  const table = new Table({ head: [...columns], style: { head: [], border: [] } });
  for (const row of rows) table.push([...row]);
  console.log(`\n${title}\n${table.toString()}`);
}
