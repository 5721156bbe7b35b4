/** Network resources of zone configurations as vnics. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { zoneVnics } from '../../../lib/host/zone-vnics.js';
import { zoneConfig } from '../../zone-root.js';

function vnic(properties: Readonly<Record<string, string>>, attributes: Readonly<Record<string, string>> = {}) {
  const base = zoneConfig('z', { vnics: [{ physical: 'net0', nicTag: 'admin', mac: '2:8:20:0:0:1', properties }] });
  const resources = base.resources.map((each) => ({ ...each, attributes: { ...each.attributes, ...attributes } }));
  const [found] = zoneVnics({ ...base, resources });
  assert.ok(found !== undefined);
  return found;
}

describe('a vnic', () => {
  it('has what its resource says', () => {
    const properties = {
      ips: '10.0.0.5/24,fd00::5/64', gateways: '10.0.0.1', mtu: '9000', primary: 'true', allow_mac_spoofing: 'true',
      allowed_ips: '10.9.0.0/16,10.8.0.1', vrrp_primary_ip: '10.0.0.6', allow_restricted_traffic: 'true',
    }; // prettier-ignore
    assert.deepEqual(vnic(properties, { 'vlan-id': '5' }), {
      primary: true,
      spec: {
        physical: 'net0', nicTag: 'admin', mac: '2:8:20:0:0:1', vlanId: 5, addresses: ['10.0.0.5/24', 'fd00::5/64'],
        gateways: ['10.0.0.1'], mtu: 9000, allowIpSpoofing: false, allowMacSpoofing: true, allowDhcpSpoofing: false,
        allowedIps: ['10.9.0.0/16', '10.8.0.1', '10.0.0.6'], allowRestrictedTraffic: true,
      },
    }); // prettier-ignore
  });

  it('has neither address nor freedom by default', () => {
    const { spec, primary } = vnic({});
    assert.deepEqual(
      [spec.addresses, spec.gateways, spec.allowedIps, spec.mtu, spec.vlanId],
      [[], [], [], undefined, 0],
    );
    assert.deepEqual(
      [spec.allowIpSpoofing, spec.allowMacSpoofing, spec.allowDhcpSpoofing, primary],
      [false, false, false, false],
    );
  });

  it('of old has one address with a netmask', () => {
    const addresses = (properties: Readonly<Record<string, string>>) => vnic(properties).spec.addresses;
    assert.deepEqual(addresses({ ip: '10.0.0.5', netmask: '255.255.240.0' }), ['10.0.0.5/20']);
    assert.deepEqual(addresses({ ip: '10.0.0.5' }), ['10.0.0.5/32']);
    assert.deepEqual(addresses({ ip: 'fd00::5' }), ['fd00::5/128']);
    assert.deepEqual(addresses({ ip: '10.0.0.5/8', netmask: '255.0.0.0' }), ['10.0.0.5/8']);
    assert.deepEqual(addresses({ ip: 'dhcp' }), ['dhcp']);
    assert.deepEqual(addresses({ ip: 'dhcp', ips: '10.0.0.9/24' }), ['10.0.0.9/24']);
    assert.deepEqual(vnic({ gateway: '10.0.0.1' }).spec.gateways, ['10.0.0.1']);
  });

  it('that serves DHCP may answer for other addresses', () => {
    for (const property of ['dhcp_server', 'allow_dhcp_spoofing']) {
      const { spec } = vnic({ [property]: 'true' });
      assert.deepEqual([spec.allowDhcpSpoofing, spec.allowIpSpoofing], [true, true]);
    }
  });

  it('lacking name, tag or MAC is refused', () => {
    const children: never[] = [];
    const whole = { physical: 'net0', 'global-nic': 'admin', 'mac-addr': '2:8:20:0:0:1' };
    for (const lacking of Object.keys(whole)) {
      const attributes = Object.fromEntries(Object.entries(whole).filter(([name]) => name !== lacking));
      const config = zoneConfig('z', { resources: [{ kind: 'network', attributes, children }] });
      const message = `a NIC in the configuration of zone z has no ${lacking}`;
      assert.throws(() => zoneVnics(config), { code: 'ZoneInvalid', message });
    }
  });
});
