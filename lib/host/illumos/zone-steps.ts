/** From one zone configuration to another, in the steps that libzonecfg takes. Pure. */
import { hostError } from '../errors.js';
import type { NativeZoneChange, NativeZoneResourceKind } from '../native-zonecfg.js';
import type { ZoneAttributes, ZoneConfig, ZoneResource } from '../zones.js';

const textProperties = [
  'name', 'zonepath', 'brand', 'pool', 'bootargs', 'scheduling-class', 'limitpriv', 'hostid', 'fs-allowed',
] as const; // prettier-ignore

/** What the configuration of a new zone begins with: the template without anything in it (`SUNWblank`). */
export const blankConfig: ZoneConfig = { attributes: { autoboot: 'false' }, resources: [] };

/**
 * The steps that turn `from` into `to`, elements in the order of `to`: libzonecfg only adds at the end, so from the first
 * difference on, all is taken away and added again. The debug id is not among them. Throws `ZoneInvalid` for elements
 * that the library cannot write.
 */
export function zoneSteps(from: ZoneConfig, to: ZoneConfig): readonly NativeZoneChange[] {
  let same = 0;
  while (same < from.resources.length && isEqual(from.resources[same], to.resources[same])) same += 1;
  return [
    ...attributeSteps(from.attributes, to.attributes),
    ...from.resources.slice(same).reverse().map(removal),
    ...to.resources.slice(same).map((resource) => change('add', resource)),
  ];
}

function attributeSteps(from: ZoneAttributes, to: ZoneAttributes): NativeZoneChange[] {
  const steps: NativeZoneChange[] = [];
  for (const [name, value] of Object.entries(to)) {
    if (name === 'debugid' || name === 'name' || from[name] === value) continue;
    steps.push(attributeStep(name, value));
  }
  for (const name of textProperties) {
    if (from[name] !== undefined && to[name] === undefined && name !== 'name') steps.push({ set: name, value: null });
  }
  return steps;
}

function attributeStep(name: string, value: string): NativeZoneChange {
  if (name === 'autoboot') return { set: name, value: value === 'true' };
  if (name === 'ip-type') return { set: name, value: value === 'exclusive' ? 'exclusive' : 'shared' };
  const property = textProperties.find((each) => each === name);
  if (property !== undefined) return { set: property, value };
  throw hostError('ZoneInvalid', `libzonecfg cannot set ${name} of a zone`);
}

/** An equal element further up may go instead of this one: there, it is the same. */
function removal(resource: ZoneResource): NativeZoneChange {
  return change('remove', resource);
}

function change(what: 'add' | 'remove', resource: ZoneResource): NativeZoneChange {
  const { kind, value } = toNative(resource);
  return { [what]: kind, value } as unknown as NativeZoneChange;
}

/** An element of a zone's file as libzonecfg takes it. */
function toNative(resource: ZoneResource): { kind: NativeZoneResourceKind; value: unknown } {
  const { attributes, children } = resource;
  switch (resource.kind) {
    case 'attr': {
      return of('attr', { name: attributes['name'], type: attributes['type'], value: attributes['value'] });
    }
    case 'rctl': {
      const values = children.map((child) => ({
        privilege: child.attributes['priv'] ?? '',
        limit: child.attributes['limit'] ?? '',
        action: child.attributes['action'] ?? '',
      }));
      return of('rctl', { name: attributes['name'], values });
    }
    case 'network': {
      return of('network', {
        physical: attributes['physical'],
        address: attributes['address'],
        allowedAddress: attributes['allowed-address'],
        mac: attributes['mac-addr'],
        vlanId: attributes['vlan-id'],
        globalNic: attributes['global-nic'],
        defrouter: attributes['defrouter'],
        properties: properties(resource),
      });
    }
    case 'device': {
      return of('device', { match: attributes['match'], properties: properties(resource) });
    }
    case 'filesystem': {
      return of('filesystem', {
        special: attributes['special'],
        dir: attributes['directory'],
        type: attributes['type'],
        raw: attributes['raw'],
        options: children.map((child) => child.attributes['name'] ?? ''),
      });
    }
    case 'dataset': {
      return of('dataset', { name: attributes['name'] });
    }
    case 'admin': {
      return of('admin', { user: attributes['user'], auths: attributes['auths'] });
    }
    case 'security-flags': {
      return of('security-flags', {
        default: attributes['default'], lower: attributes['lower'], upper: attributes['upper'],
      }); // prettier-ignore
    }
    default:
      throw hostError('ZoneInvalid', `libzonecfg cannot write <${resource.kind}> into a zone`);
  }
}

/** Without the members that the element has not; what they hold, the library judges. */
function of(kind: NativeZoneResourceKind, value: Readonly<Record<string, unknown>>) {
  return { kind, value: Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) };
}

function properties({ children }: ZoneResource): (readonly [string, string])[] {
  return children.map(({ attributes }) => [attributes['name'] ?? '', attributes['value'] ?? '']);
}

function isEqual(one: ZoneResource | undefined, other: ZoneResource | undefined): boolean {
  // Order counts: it is part of the file.
  return JSON.stringify(one) === JSON.stringify(other);
}
