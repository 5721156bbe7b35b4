// Listens to the states of zones, well and badly, for a run under valgrind: ADDON.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { noted, report } from './every-call.mjs';

const sysevent = noted(createRequire(import.meta.url)(process.argv[2]), 'sysevent', 'subscription');
const folder = `${process.env.SMARTADM_STAND_IN_ROOT}/system`;
mkdirSync(folder, { recursive: true });
let caught = 0;
process.on('uncaughtException', () => (caught += 1));

for (let round = 0; round < 5; round += 1) {
  let told = 0;
  const subscription = sysevent.subscribe(() => {
    told += 1;
    if (told === 2) throw new Error('of a listener');
  });
  appendFileSync(
    `${folder}/events`,
    'web\tinstalled\tready\nweb\tready\trunning\nweb\ta\tb\tdamaged\nweb\t\t\trestart\t7\n',
  );
  for (let tries = 0; tries < 1000 && told < 3; tries += 1) await sleep(10);
  if (told < 3 || caught <= round) throw new Error('nothing was told');
  // Some are on their way when it ends.
  appendFileSync(`${folder}/events`, 'web\trunning\tdown\n'.repeat(100));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  subscription.close();
  for (const refusal of ['sysevent_evc_bind 1', 'sysevent_evc_subscribe 11', '']) {
    writeFileSync(`${folder}/sysevent-refuse`, refusal);
    try {
      // The last one is left to the end of the process.
      sysevent.subscribe(refusal === '' && round > 0 ? 'nobody' : () => undefined);
    } catch {
      // It is to be refused without a loss.
    }
  }
  sysevent.missingFunctions();
  globalThis.gc?.();
}
console.log(report());
