// Listens to the states of zones, well and badly, for a run under valgrind: ADDON.
import { appendFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const sysevent = createRequire(import.meta.url)(process.argv[2]);
const folder = `${process.env.SMARTADM_STAND_IN_ROOT}/system`;
mkdirSync(folder, { recursive: true });

for (let round = 0; round < 5; round += 1) {
  let told = 0;
  const subscription = sysevent.subscribe(() => (told += 1));
  appendFileSync(`${folder}/events`, 'web\tinstalled\tready\nweb\tready\trunning\n');
  for (let tries = 0; tries < 1000 && told < 2; tries += 1) await sleep(10);
  if (told < 2) throw new Error('nothing was told');
  subscription.close();
  try {
    sysevent.subscribe('nobody');
  } catch {
    // It is to be refused without a loss.
  }
  sysevent.missingFunctions();
  globalThis.gc();
}
console.log('exercised');
