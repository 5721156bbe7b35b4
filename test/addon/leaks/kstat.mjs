// Asks kstat.node for everything, well and badly, for a run under valgrind: ADDON.
import { createRequire } from 'node:module';

const kstat = createRequire(import.meta.url)(process.argv[2]);

for (let round = 0; round < 5; round += 1) {
  await kstat.read({});
  await kstat.read({ module: 'zones' });
  await kstat.read({ module: 'zones', instance: 7, class: 'zone_misc' });
  await kstat.read({ name: 'nothing' });
  for (const wrong of [{ module: 5 }, { instance: 'one' }, { name: 'x'.repeat(100) }]) {
    try {
      await kstat.read(wrong);
    } catch {
      // It is to be refused without a loss.
    }
  }
  kstat.missingFunctions();
  globalThis.gc();
}
console.log('exercised');
