// Asks dladm.node for everything, well and badly, for a run under valgrind: ADDON.
import { createRequire } from 'node:module';
import { watched } from './watched.mjs';

const { object: dladm, check } = watched('dladm', createRequire(import.meta.url)(process.argv[2]), [
  'missingFunctions',
]);
const tried = (promise) => promise.catch(() => undefined);

for (let round = 0; round < 3; round += 1) {
  const over = await dladm.resolve('e1000g0');
  const id = await dladm.createVnic({
    name: `vnic${round}`,
    over,
    macType: 'fixed',
    mac: Buffer.from([2, 8, 0x20, 0, 0, round + 1]),
    vlanId: 5,
    properties: [['mtu', ['1400']]],
    temporary: true,
  });
  await dladm.links();
  await dladm.links({ zone: '', classes: ['vnic'] });
  for (const which of ['current', 'default', 'permitted', 'modifiable']) await tried(dladm.property(id, 'mtu', which));
  await tried(dladm.property(id, 'no-such-property', 'current'));
  await tried(dladm.setProperty(id, 'allowed-ips', ['10.0.0.5/32', '10.0.0.6/32'], false));
  await tried(dladm.setProperty(id, 'mtu', ['many'], false));
  await tried(dladm.setProperty(id, 'mtu', [], false));
  await tried(dladm.createVnic({ name: `vnic${round}`, over, macType: 'random' }));
  await tried(dladm.createVnic({ name: 'vnic9', over: 9999, macType: 'random' }));
  await tried(
    dladm.createVnic({
      name: 'vnic9',
      over,
      macType: 'auto',
      properties: [
        ['mtu', ['1400']],
        ['mtu', ['20']],
      ],
    }),
  );
  await dladm.rename(undefined, `vnic${round}`, `renamed${round}`);
  await tried(dladm.rename(undefined, `vnic${round}`, `renamed${round}`));
  await dladm.deleteVnic(id, false);
  await tried(dladm.deleteVnic(id, false));
  const stub = await dladm.createEtherstub(`stub${round}`, false);
  await tried(dladm.createEtherstub(`stub${round}`, false));
  await dladm.deleteVnic(stub, false);
  const one = await dladm.createSimnet(`sim${round}`, false);
  const other = await dladm.createSimnet(`simb${round}`, false);
  await tried(dladm.connectSimnet(one, other));
  await tried(dladm.connectSimnet(one, 0));
  await tried(dladm.connectSimnet(9999, 0));
  await tried(dladm.createSimnet(`sim${round}`, false));
  for (const each of [one, other]) await dladm.deleteSimnet(each, false);
  await tried(dladm.deleteSimnet(one, false));
  await dladm.aggregation(await dladm.resolve('aggr0'));
  await tried(dladm.aggregation(over));
  await tried(dladm.resolve('nowhere'));
  await tried(dladm.resolve('net0', 'nobody'));
  for (const wrong of [
    () => dladm.links({ classes: ['none'] }),
    () => dladm.createVnic({ over: 'e1000g0', macType: 'fixed' }),
    () => dladm.property(id, 5, 'current'),
    () => dladm.setProperty(id, 'mtu', 'many', false),
  ]) {
    try {
      await wrong();
    } catch {
      // It is to be refused without a loss.
    }
  }
  dladm.missingFunctions();
  globalThis.gc();
}
check();
console.log('exercised');
