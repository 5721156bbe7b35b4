/** Links of an illumos host, by dladm.node on its stand-in: tags of the platform, vnics of zones and what these may send. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { illumosLinks } from '../../../../lib/host/illumos/links.js';
import { platformPrograms } from '../../../../lib/host/illumos/programs.js';
import { illumosSysinfo } from '../../../../lib/host/illumos/sysinfo.js';
import type { VnicSpec } from '../../../../lib/host/links.js';
import { loadNative } from '../../../../lib/host/native.js';
import { IllumosHost } from '../../../stand-ins/host.js';

let host: IllumosHost;
let links: ReturnType<typeof illumosLinks>;
const spec: VnicSpec = {
  physical: 'net0', nicTag: 'admin', mac: '2:8:20:0:0:9', vlanId: 0, addresses: ['10.0.0.5/24', 'dhcp'], gateways: [],
  mtu: undefined, allowIpSpoofing: false, allowMacSpoofing: false, allowDhcpSpoofing: false, allowedIps: ['10.1.0.0/16'],
}; // prettier-ignore

before(() => {
  host = new IllumosHost();
  host.run('web', 7, 4);
  host.addLink(9, { name: 'net0', class: 8, flags: 0x201, mac: '02:08:20:00:00:09', zone: 'web' });
  host.addLink(10, { name: 'stub0', class: 16, flags: 3, mac: '' });
  const at = (path: string) => host.path + path;
  links = illumosLinks(illumosSysinfo(at, platformPrograms(host.path)));
});
after(() => {
  host.remove();
});

const property = (name: string) => loadNative('dladm').property(9, name, 'current');

describe('links of an illumos host', () => {
  it('carry the tags that sysinfo names, and etherstubs their own names', async () => {
    assert.deepEqual(await links.nicTags(), [
      { name: 'admin', kind: 'normal', link: 'e1000g0', mtu: 1500 },
      { name: 'external', kind: 'normal', link: 'e1000g1', mtu: 1500 },
      { name: 'stub0', kind: 'etherstub', link: 'stub0', mtu: 1500 },
    ]);
  });

  it('are listed with the zones that hold them', async () => {
    const seen = (await links.list()).map(({ name, kind, zone }) => [name, kind, zone]);
    assert.deepEqual(seen, [
      ['e1000g0', 'physical', undefined], ['e1000g1', 'physical', undefined], ['net0', 'vnic', 'web'],
      ['stub0', 'etherstub', undefined],
    ]); // prettier-ignore
  });

  it('hold the vnic of a running zone to what it may send', async () => {
    await links.guard('web', spec);
    assert.deepEqual(await property('protection'), ['ip-nospoof', 'mac-nospoof', 'dhcp-nospoof', 'restricted']);
    assert.deepEqual(await property('allowed-ips'), ['10.0.0.5', '10.1.0.0/16']);
    assert.deepEqual(await property('dynamic-methods'), ['dhcpv4']);
    await links.guard('web', { ...spec, allowIpSpoofing: true, allowMacSpoofing: true });
    assert.deepEqual(await property('protection'), ['dhcp-nospoof', 'restricted']);
    assert.deepEqual(await property('allowed-ips'), []);
    await links.guard('web', { ...spec, physical: 'net7' });
  });

  it('that a zone has left behind are forgotten', async () => {
    host.stop('web');
    await links.forget('web');
    await links.forget('web');
    assert.deepEqual((await links.list()).filter(({ zone }) => zone === 'web'), []); // prettier-ignore
  });
});
