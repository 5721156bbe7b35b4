/** What a container runs unless its metadata says so: what its image was made to run. */
import type { Context } from '../context.js';
import type { Host } from '../host/host.js';
import { findImage } from '../img/store.js';
import type { VmSpec } from './spec.js';

/**
 * The spec with the command, environment, folder and user of its image where the metadata of the container has none. On
 * SmartOS whoever makes containers has put all that there.
 */
export async function withImageCommand(ctx: Context, host: Host, spec: VmSpec): Promise<VmSpec> {
  const { properties, image_uuid: image, internal_metadata: given, zpool } = spec;
  if (properties['docker'] !== true || image === undefined || host.features.guestOs !== 'linux') return spec;
  const tags: Readonly<Record<string, unknown>> = (await findImage(ctx, zpool, image))?.manifest.tags ?? {};
  const config = (tags['docker:config'] ?? {}) as Readonly<Record<string, unknown>>;
  const hasCommand = given['docker:cmd'] !== undefined || given['docker:entrypoint'] !== undefined;
  const known: readonly (readonly [string, string | undefined])[] = [
    ['docker:entrypoint', hasCommand ? undefined : listText(config['Entrypoint'])],
    ['docker:cmd', hasCommand ? undefined : listText(config['Cmd'])],
    ['docker:env', listText(config['Env'])],
    ['docker:workdir', plainText(config['WorkingDir'])],
    ['docker:user', plainText(tags['docker:user'])],
  ];
  const missing: Record<string, string> = {};
  for (const [key, value] of known) if (value !== undefined && given[key] === undefined) missing[key] = value;
  return { ...spec, internal_metadata: { ...missing, ...given } };
}

function listText(value: unknown): string | undefined {
  return Array.isArray(value) && value.length > 0 ? JSON.stringify(value) : undefined;
}

function plainText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
