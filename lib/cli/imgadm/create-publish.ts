/** Publishes what `imgadm create -p` has made. */
import { rm } from 'node:fs/promises';
import { describeError } from '../../errors.js';
import type { CreatedImage } from '../../img/create.js';
import type { Narration } from '../../img/narration.js';
import { publishImage } from '../../img/publish.js';
import type { ImgadmCli } from './command.js';
import { connectionOf } from './connection.js';

/** The files go, whatever comes of it. */
export async function publishCreated(
  cli: ImgadmCli,
  { manifest, manifestPath, file }: CreatedImage,
  url: string,
  narration: Narration,
): Promise<void> {
  try {
    await publishImage(cli.context(), { manifest, file, url, connection: connectionOf(cli) }, narration);
    narration.say(`Successfully published image ${String(manifest['uuid'])} to ${url}`);
  } finally {
    for (const path of [manifestPath, file]) {
      await rm(path, { force: true }).catch((error: unknown) => {
        cli.err(`Error removing temporary created image file: ${describeError(error)}\n`);
      });
    }
  }
}
