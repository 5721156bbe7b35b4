/** An illumos host: libzonecfg and zoneadmd, libzfs, libdladm, and what the platform itself says of the machine. */
import { join } from 'node:path';
import type { Log } from '../../log.js';
import type { Host } from '../host.js';
import { createZfsDatasets } from './datasets.js';
import { createIllumosHvm } from './hvm.js';
import { illumosLinks } from './links.js';
import { platformPrograms } from './programs.js';
import { illumosSysinfo } from './sysinfo.js';
import { vmadmd } from './vmadmd.js';
import { vminfod } from './vminfod.js';
import { watchZones } from './zone-watch.js';
import { createIllumosZones } from './zones.js';

export interface IllumosHostOptions {
  readonly root: string;
  readonly log: Log;
  /** What the paths of the platform's programs hang below; `/` on a machine of its own. */
  readonly programs?: string;
  /** Where the platform's vmadmd listens; its own port when absent. */
  readonly vmadmdPort?: number;
  /** The same of vminfod. */
  readonly vminfodPort?: number;
}

/** Nothing is made, and no library opened, before something is asked of it. */
export function openIllumosHost({
  root,
  log,
  programs: prefix = '/',
  vmadmdPort,
  vminfodPort,
}: IllumosHostOptions): Host {
  const at = (path: string) => join(root, path);
  const programs = platformPrograms(prefix);
  const sysinfo = illumosSysinfo(at, programs);
  const links = illumosLinks(sysinfo);
  const zones = createIllumosZones({ at, programs, links, log, vminfod: vminfod({ at, port: vminfodPort }) });
  const datasets = createZfsDatasets({ at });
  return {
    zones, datasets, links, sysinfo, at,
    hvm: createIllumosHvm({ at, zones, datasets, programs, vmadmd: vmadmd({ at, port: vmadmdPort }) }),
    features: { guestOs: 'smartos' },
    layers: {
      async apply(folder, archive, signal) {
        const { applyLayer } = await import('../layer-apply.js');
        return applyLayer(folder, archive, signal);
      },
    },
    watch: (changed) => watchZones({ at, log }, changed),
    close: () => Promise.resolve(),
  }; // prettier-ignore
}
