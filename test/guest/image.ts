/** The guest's disk as an image: a manifest and the ZFS send stream of its volume. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { openSync, readSync, closeSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StreamWriter } from '../zfs-stream/writer.js';

const blockBytes = 8192;
const dataObject = 1;
const propertiesObject = 2;
const types = { volume: 23, volumeProperties: 24 } as const;

export interface VolumeImage {
  readonly uuid: string;
  readonly manifest: string;
  readonly file: string;
}

/**
 * Writes `NAME.imgmanifest` and `NAME.zfs` into `folder` for a volume of `sizeMiB` whose beginning is the raw file `disk`;
 * blocks of zeros are left out.
 */
export function writeVolumeImage(folder: string, name: string, disk: string, sizeMiB: number): VolumeImage {
  const writer = new StreamWriter({ type: 'volume', guid: randomBytes(8).readBigUInt64LE() | 1n });
  writer.object(dataObject, { type: types.volume, blockSize: blockBytes });
  const input = openSync(disk, 'r');
  try {
    const block = Buffer.alloc(blockBytes);
    for (let offset = 0; ; offset += blockBytes) {
      const length = readSync(input, block, 0, blockBytes, offset);
      if (length === 0) break;
      block.fill(0, length);
      if (block.some((byte) => byte !== 0)) writer.write(dataObject, offset, Buffer.from(block));
    }
  } finally {
    closeSync(input);
  }
  const size = writer.microZap([['size', BigInt(sizeMiB) * 2n ** 20n]]);
  writer.object(propertiesObject, { type: types.volumeProperties, blockSize: size.length });
  const stream = writer.write(propertiesObject, 0, size).end().take();
  const image = {
    uuid: randomUUID(),
    manifest: join(folder, `${name}.imgmanifest`),
    file: join(folder, `${name}.zfs`),
  };
  writeFileSync(image.file, stream);
  const sha1 = createHash('sha1').update(stream).digest('hex');
  const manifest = {
    v: 2, uuid: image.uuid, owner: '00000000-0000-0000-0000-000000000000', name, version: '1.0.0', state: 'active',
    disabled: false, public: true, published_at: '2026-01-02T03:04:05.678Z', type: 'zvol', os: 'linux',
    files: [{ sha1, size: stream.length, compression: 'none' }],
    requirements: { networks: [{ name: 'net0', description: 'public' }] },
    nic_driver: 'virtio', disk_driver: 'virtio', cpu_type: 'qemu64', image_size: sizeMiB,
  }; // prettier-ignore
  writeFileSync(image.manifest, `${JSON.stringify(manifest, null, 2)}\n`);
  return image;
}
