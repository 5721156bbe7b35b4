/** The mapping between a VM and its zone configuration, both ways. Pure. */
import type { VmObject } from '../schema/generated/vm.js';
import type { ZoneConfig, ZoneRecord } from '../host/zones.js';
import type { UpdatePlan, VmSpec } from './spec.js';

/** The configuration of a new VM, `provisioning` marker and transition included, in the order `vmadm(8)` writes it. */
export function vmToZoneConfig(spec: VmSpec): ZoneConfig {
  void spec;
  throw new Error('not there yet');
}

/** The configuration after an update. `current` is the VM before it. Disks added must carry their final `path`. */
export function updateZoneConfig(config: ZoneConfig, current: VmObject, plan: UpdatePlan): ZoneConfig {
  void current;
  void plan;
  return config;
}

/** Sets (or with undefined removes) one `attr`, e.g. `transition`, `provisioning`, `failed`; everything else stays. */
export function withAttr(config: ZoneConfig, name: string, value: string | undefined): ZoneConfig {
  void name;
  void value;
  return config;
}

/** The configuration with the zone attribute `autoboot` (kvm: attr `vm-autoboot`) set. */
export function withAutoboot(config: ZoneConfig, autoboot: boolean): ZoneConfig {
  void autoboot;
  return config;
}

/** What the configuration says about a VM. With `record`, identity and state of the zone are added. */
export function zoneConfigToVm(config: ZoneConfig, record?: ZoneRecord): VmObject {
  void record;
  return { zonename: config.attributes['name'] ?? '' };
}
