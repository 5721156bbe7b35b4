// Asks kstat.node for everything, well and badly, for a run under valgrind: ADDON.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { noted, report } from './every-call.mjs';

const kstat = noted(createRequire(import.meta.url)(process.argv[2]), 'kstat');
const folder = `${process.env.SMARTADM_STAND_IN_ROOT}/system`;

for (let round = 0; round < 5; round += 1) {
  writeFileSync(
    `${folder}/kstats`,
    `vmm 3 vm misc name=string:text none=null: full=char:0123456789abcdef low=i32:-5 big=u64:9 odd=odd:1
raw unix 0 sysinfo misc
gone cpu 0 cpu misc a=u32:1
caps 7 ${'n'.repeat(40)} zone_caps value=u64:200
${round % 2 === 0 ? '' : 'broken disk 0 sd0 disk'}
`,
  );
  writeFileSync(`${folder}/kstat-refuse`, round === 3 ? '13' : '');
  for (const query of [
    {}, { module: 'zones' }, { module: 'zones', instance: 7, class: 'zone_misc' }, { name: 'nothing' }, { name: 'n'.repeat(30) },
    { module: 'disk' }, { module: 5 }, { instance: 'one' }, { name: 'x'.repeat(300) }, undefined,
  ]) {
    try {
      await kstat.read(query);
    } catch {
      // It is to be refused without a loss.
    }
  } // prettier-ignore
  kstat.missingFunctions();
  globalThis.gc?.();
}
console.log(report());
