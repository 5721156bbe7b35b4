/** `imgadm vacuum` over one unused image, as a process of its own, so that it has a terminal. */
import { main } from '../lib/cli/main.js';
import { imgadm } from '../lib/cli/imgadm/main.js';
import { openImageHost } from './image-host.js';

const host = openImageHost();
const image = '0764d78e-3472-11e5-8949-4f31abea4e05';
await host.datasets.create(`zones/${image}`);
await host.datasets.snapshot(`zones/${image}@final`);
process.once('exit', () => host.close());
process.argv = [...process.argv.slice(0, 2), 'vacuum'];
await main('imgadm', () =>
  Promise.resolve((argv, cli) => imgadm(argv, { ...cli, context: (given) => host.context(given) })),
);
