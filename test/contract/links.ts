/** What every implementation of the link interface must do. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import type { HostLinks, Links, VnicSpec } from '../../lib/host/links.js';

interface HostLinksUnderTest {
  /** With the tags `admin` and `stub0` (an etherstub). */
  readonly links: HostLinks;
  /** Makes a vnic as a zone has it that boots. */
  addVnic(zone: string): Promise<void>;
  /** Ends the zone, where the platform has to know. */
  halt(zone: string): void;
  close(): Promise<void>;
}

/** What holds for every host, whoever makes the vnics of its zones. */
export function hostLinksContract(name: string, open: () => Promise<HostLinksUnderTest>): void {
  describe(`links of a host (${name})`, () => {
    let tested: HostLinksUnderTest;
    let links: HostLinks;

    before(async () => {
      tested = await open();
      ({ links } = tested);
    });
    after(() => tested.close());

    const vnicsOf = async (zone: string) => (await links.list()).filter((link) => link.zone === zone);

    it('know their nic tags, each by one name', async () => {
      const tags = await links.nicTags();
      assert.equal(tags.find((tag) => tag.name === 'admin')?.kind, 'normal');
      assert.equal(tags.find((tag) => tag.name === 'stub0')?.kind, 'etherstub');
      assert.equal(new Set(tags.map((tag) => tag.name)).size, tags.length);
      assert.ok(tags.every((tag) => tag.mtu >= 576 && tag.link !== ''));
    });

    it('are listed with the zone that holds each', async () => {
      assert.deepEqual(await vnicsOf('holder'), []);
      await tested.addVnic('holder');
      const [vnic, ...others] = await vnicsOf('holder');
      assert.deepEqual([vnic?.kind, others], ['vnic', []]);
      assert.ok((vnic?.mtu ?? 0) >= 576);
      tested.halt('holder');
      await links.forget('holder');
      assert.deepEqual(await vnicsOf('holder'), []);
    });

    it('of one zone are forgotten, any number of times, and those of no other', async () => {
      await tested.addVnic('stays');
      await tested.addVnic('goes');
      tested.halt('goes');
      for (let time = 0; time < 3; time++) await links.forget('goes');
      await links.forget('never-was');
      assert.deepEqual([(await vnicsOf('stays')).length, await vnicsOf('goes')], [1, []]);
      tested.halt('stays');
      await links.forget('stays');
    });
  });
}

function vnicSpec(more: Partial<VnicSpec> = {}): VnicSpec {
  return {
    physical: 'net0', nicTag: 'admin', mac: '2:8:20:0:0:1', vlanId: 0, addresses: ['dhcp'], gateways: [],
    mtu: undefined, allowIpSpoofing: false, allowMacSpoofing: false, allowDhcpSpoofing: false, allowedIps: [], ...more,
  }; // prettier-ignore
}

export interface LinksUnderTest {
  /** With the tags `admin` (served by DHCP) and `stub0` (an etherstub). */
  readonly links: Links;
  /** A process with a network namespace of its own, where the implementation has such things. */
  newGuest(): Promise<number>;
  close(): Promise<void>;
}

/** What holds where zones get their vnics from us, {@link hostLinksContract} included. */
export function linksContract(name: string, open: () => Promise<LinksUnderTest>): void {
  hostLinksContract(name, async () => {
    const tested = await open();
    let vnics = 0;
    return {
      links: tested.links,
      addVnic: async (zone) =>
        tested.links.plug(zone, vnicSpec({ mac: `2:8:20:0:1:${++vnics}` }), await tested.newGuest()),
      halt: () => undefined,
      close: () => tested.close(),
    };
  });

  describe(`links (${name})`, () => {
    let tested: LinksUnderTest;
    let links: Links;

    before(async () => {
      tested = await open();
      ({ links } = tested);
    });
    after(() => tested.close());

    const spec = vnicSpec;
    const rejects = (work: Promise<unknown>, code: string) => assert.rejects(work, (error) => codeOf(error) === code);
    const vnicsOf = async (zone: string) => (await links.list()).filter((link) => link.zone === zone);

    it('have the link that carries each nic tag', async () => {
      const admin = (await links.nicTags()).find((tag) => tag.name === 'admin');
      assert.equal(admin?.link, await links.ensureCarrier('admin', 0));
    });

    it('make a carrier once, however often asked', async () => {
      const names = await Promise.all(Array.from({ length: 5 }, () => links.ensureCarrier('stub0', 0)));
      assert.equal(new Set(names).size, 1);
      const carriers = (await links.list()).filter((link) => link.name === names[0]);
      assert.deepEqual(
        carriers.map((link) => [link.kind, link.up]),
        [['etherstub', true]],
      );
    });

    it('keep VLANs of a tag apart', async () => {
      const names = await Promise.all([0, 5, 6].map((vlanId) => links.ensureCarrier('stub0', vlanId)));
      assert.equal(new Set(names).size, 3);
    });

    it('refuse a nic tag that is not there', async () => {
      await rejects(links.ensureCarrier('nowhere', 0), 'NicTagNotFound');
      await rejects(links.guard('zone', spec({ nicTag: 'nowhere' })), 'NicTagNotFound');
      await rejects(links.addressing('zone', spec({ nicTag: 'nowhere' })), 'NicTagNotFound');
    });

    it('name host ends stably, differently and within 15 bytes', () => {
      const pairs = [
        ['a', 'net0'],
        ['a', 'net1'],
        ['b', 'net0'],
        ['54f1cc77-68f1-42ab-acac-5c4f64f5d6e0', 'eth12'],
      ];
      const names = pairs.map(([zone = '', physical = '']) => links.hostName(zone, physical));
      assert.equal(new Set(names).size, pairs.length);
      assert.ok(names.every((each) => each.length > 0 && each.length <= 15));
      assert.equal(links.hostName('a', 'net0'), names[0]);
    });

    it('refuse names that could become paths or scripts', () => {
      for (const zone of ['', '..', 'a/b', 'a b', 'a"b']) {
        assert.throws(
          () => links.hostName(zone, 'net0'),
          (error) => codeOf(error) === 'InvalidName',
          zone,
        );
      }
      for (const physical of ['', '../x', 'a b', 'sixteen-bytes-lo', '0net']) {
        assert.throws(
          () => links.hostName('zone', physical),
          (error) => codeOf(error) === 'InvalidName',
          physical,
        );
      }
    });

    it('keep one address for the MAC of a vnic with dhcp, others for others', async () => {
      const one = await links.addressing('one', spec());
      assert.match(one.addresses[0] ?? '', /^\d+\.\d+\.\d+\.\d+\/\d+$/);
      assert.equal(one.gateways.length, 1);
      assert.deepEqual(await links.addressing('one', spec()), one);
      const two = await links.addressing('two', spec({ mac: '2:8:20:0:0:2' }));
      assert.notDeepEqual(two.addresses, one.addresses);
    });

    it('leave static addresses and gateways as they are', async () => {
      const wanted = spec({ nicTag: 'stub0', addresses: ['10.1.0.2/24', 'fd00::2/64'], gateways: ['10.1.0.1'] });
      const { addresses, gateways } = await links.addressing('zone', wanted);
      assert.deepEqual([addresses, gateways], [wanted.addresses, wanted.gateways]);
    });

    it('take a guard any number of times, before there is a link', async () => {
      await links.guard('early', spec({ mac: '2:8:20:0:0:3' }));
      await links.guard('early', spec({ mac: '2:8:20:0:0:3', allowIpSpoofing: true, allowedIps: ['10.0.0.0/8'] }));
      assert.deepEqual(await vnicsOf('early'), []);
      await links.forget('early');
    });

    it('refuse addresses that are none', async () => {
      await rejects(links.guard('zone', spec({ mac: 'none' })), 'AddressInvalid');
      await rejects(links.guard('zone', spec({ addresses: ['10.0.0.1; flush ruleset'] })), 'AddressInvalid');
      await rejects(links.guard('zone', spec({ allowedIps: ['everywhere'] })), 'AddressInvalid');
      await links.forget('zone');
    });

    it('plug a vnic into a running zone, once, and unplug it, any number of times', async () => {
      const pid = await tested.newGuest();
      await links.plug('live', spec({ mac: '2:8:20:0:0:4' }), pid);
      await rejects(links.plug('live', spec({ mac: '2:8:20:0:0:4' }), pid), 'LinkExists');
      await links.plug('live', spec({ mac: '2:8:20:0:0:5', physical: 'net1', nicTag: 'stub0', addresses: [] }), pid);
      const names = (await vnicsOf('live')).map((link) => link.name).sort();
      assert.deepEqual(names, [links.hostName('live', 'net0'), links.hostName('live', 'net1')].sort());
      await links.unplug('live', 'net0');
      await links.unplug('live', 'net0');
      assert.equal((await vnicsOf('live')).length, 1);
      await links.forget('live');
      await links.forget('live');
      assert.deepEqual(await vnicsOf('live'), []);
    });
  });
}
