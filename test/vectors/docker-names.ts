/** `docker-names`: names of Docker images, and what their layers become. */
import { chainUuid, layerManifest, type DockerLayer } from '../../lib/img/docker-layer.js';
import { parseDockerIndex, parseDockerReference, parseDockerRepo } from '../../lib/img/docker-name.js';
import { unequal } from './compare.js';
import type { VectorRecord } from './records.js';
import type { Runner } from './runner.js';

interface DockerRecord extends VectorRecord {
  readonly op: 'repo' | 'repo-ref' | 'index' | 'layer-uuid' | 'docker-manifest';
  readonly arg?: string;
  /** Default index. */
  readonly index?: string;
  readonly digests?: readonly string[];
  readonly info?: DockerLayer;
  readonly result?: unknown;
  readonly throws?: string;
}

export function dockerNames(): Runner {
  return {
    close: () => undefined,
    run(record) {
      const { throws, result } = record as DockerRecord;
      let found: unknown;
      try {
        found = resultOf(record as DockerRecord);
      } catch (error) {
        found = error instanceof Error ? { throws: error.message } : error;
      }
      const wanted = throws === undefined ? result : { throws };
      const [a, b] = [JSON.stringify(wanted), JSON.stringify(found)];
      return Promise.resolve(a === b ? undefined : unequal(a, b));
    },
  };
}

function resultOf({ op, arg = '', index, digests = [], info }: DockerRecord): unknown {
  switch (op) {
    case 'repo':
      return parseDockerRepo(arg, index);
    case 'repo-ref':
      return parseDockerReference(arg, index);
    case 'index':
      return parseDockerIndex(arg);
    case 'layer-uuid':
      return chainUuid(digests);
    case 'docker-manifest':
      return info === undefined ? undefined : layerManifest(info);
  }
}
