/** What `/etc/smartadm/config.json` may hold on Linux: pools and nic tags. On illumos the platform's own places are read. */

const absolutePath = { type: 'string', pattern: '^/[^\\u0000]*$', maxLength: 4095 } as const;

/** A pool: where its datasets are kept and where it is mounted. */
const pool = {
  type: 'object',
  additionalProperties: false,
  required: ['driver'],
  properties: {
    driver: { enum: ['btrfs'] },
    device: { ...absolutePath, description: 'block device that holds, or will hold, nothing but the pool' },
    file: { ...absolutePath, description: 'file to keep the pool in; made when missing' },
    mountpoint: { ...absolutePath, description: 'default: / and the name of the pool' },
    sizeGiB: { type: 'number', minimum: 1, maximum: 1048576, description: 'size of a file that is made' },
  },
  not: { properties: { device: true, file: true }, required: ['device', 'file'] },
} as const;

/** A nic tag; without `bridge`, `uplink` or `etherstub` it is a network that this host serves itself. */
const nicTag = {
  type: 'object',
  additionalProperties: false,
  properties: {
    bridge: { type: 'string', pattern: '^[^/\\s]{1,15}$', description: 'an existing bridge of the host' },
    uplink: { type: 'string', pattern: '^[^/\\s]{1,15}$', description: 'a link of the host that VLANs are made on' },
    etherstub: { type: 'boolean', description: 'a network between zones of this host only' },
    subnet: { type: 'string', description: 'IPv4 network in CIDR form to serve; chosen when absent' },
    nat: { type: 'boolean', description: 'whether a served network reaches the world; default true' },
    dhcp: { type: 'boolean', description: 'whether the host gives addresses on a served network; default true' },
    mtu: { type: 'integer', minimum: 1280, maximum: 9216 },
  },
} as const;

export const hostConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    pools: {
      type: 'object',
      minProperties: 1,
      propertyNames: { pattern: '^[a-zA-Z][a-zA-Z0-9_.:-]{0,63}$' },
      additionalProperties: pool,
    },
    nicTags: {
      type: 'object',
      propertyNames: { pattern: '^[a-zA-Z0-9_]{1,31}$' },
      additionalProperties: nicTag,
    },
    defaultPool: {
      type: 'string',
      description: 'pool that is made where none is yet, and that setup is about; default: the first',
    },
  },
} as const;
