/** The shape of an image manifest (IMGAPI "Image Manifests", version 2) as far as programs may rely on it. */
import type { AnySchemaObject } from 'ajv';

const uuid = { type: 'string', format: 'uuid' };
const text = { type: 'string' };

/**
 * What a manifest from anywhere must satisfy before it is acted on: the fields we read have the types we read them as.
 * Which fields a server or an installation demands, and what it says when one is wrong, is `lib/img/manifest.ts`.
 * Unknown fields are kept.
 */
export const manifestSchema: AnySchemaObject = {
  title: 'Manifest',
  type: 'object',
  required: ['uuid'],
  additionalProperties: true,
  properties: {
    v: { type: 'number', description: 'Version of the manifest format.' },
    uuid,
    owner: { ...uuid, description: 'Meaningless outside a data centre; all zeros there.' },
    name: text,
    version: text,
    description: text,
    state: { ...text, description: 'active, unactivated, disabled, failed or creating.' },
    disabled: { type: 'boolean' },
    public: { type: 'boolean' },
    published_at: { ...text, description: 'ISO date.' },
    type: { ...text, description: 'zone-dataset, zvol, lx-dataset, docker or other.' },
    os: { ...text, description: 'smartos, linux, windows, bsd, illumos or other.' },
    origin: { ...uuid, description: 'Image on whose snapshot the incremental stream builds.' },
    files: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: true,
        properties: {
          sha1: { ...text, description: 'Of the file as stored, in hex.' },
          size: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Bytes as stored.' },
          compression: { enum: ['none', 'gzip', 'bzip2', 'xz'] },
          dataset_guid: { ...text, description: 'ZFS guid of the snapshot inside.' },
        },
      },
    },
    requirements: {
      type: 'object',
      additionalProperties: true,
      properties: {
        brand: text,
        bootrom: text,
        min_ram: { type: 'number', description: 'MiB.' },
        max_ram: { type: 'number', description: 'MiB.' },
        min_platform: { type: 'object', additionalProperties: text },
        max_platform: { type: 'object', additionalProperties: text },
      },
    },
    users: { type: 'array', items: { type: 'object', additionalProperties: true, properties: { name: text } } },
    tags: { type: 'object', additionalProperties: true },
    traits: { type: 'object', additionalProperties: true },
    generate_passwords: { type: ['boolean', 'string'] },
    inherited_directories: { type: 'array', items: text },
    nic_driver: text,
    disk_driver: text,
    cpu_type: text,
    image_size: { type: ['number', 'string'], description: 'Of a volume, in MiB.' },
    channels: { type: 'array', items: text },
  },
};
