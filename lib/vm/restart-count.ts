/** How often a container has been restarted by itself since somebody started it (`vm-lifecycle`, start). */
import type { Host } from '../host/host.js';
import { readMetadata, writeMetadata } from './metadata.js';

const key = 'docker:restartcount';

/** Sets the count of a container that is being started, whose lock is held, to 0. */
export async function resetRestartCount(host: Host, zone: string): Promise<void> {
  const record = await host.zones.find(zone);
  if (record === undefined) return;
  const place = host.at(record.zonepath);
  const { customer_metadata, internal_metadata } = readMetadata(place);
  if (internal_metadata[key] === 0) return;
  await writeMetadata(place, { customer_metadata, internal_metadata: { ...internal_metadata, [key]: 0 } });
}
