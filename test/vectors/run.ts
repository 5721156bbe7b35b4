/** Runs files of records, whatever is in them. */
import { describeError } from '../../lib/errors.js';
import { hasIllumos } from './illumos-host.js';
import type { VectorFolder, VectorRecord } from './records.js';
import type { OpenRunner } from './runner.js';

export interface FileResult {
  readonly file: string;
  readonly records: number;
  /** Undefined where nothing runs such a file. */
  readonly failed: readonly Failure[] | undefined;
}

interface Failure {
  readonly id: string;
  readonly what: string;
}

/** Before the names of files, and of their records, that are run on the illumos host as well. */
const onIllumos = 'illumos-';

/** The files of `folder` as they are run, in the order of their names; some twice. */
export function runsOf(files: readonly string[]): readonly string[] {
  const isTwice = (file: string) => hasIllumos && canRun(onIllumos + file);
  return files.flatMap((file) => (isTwice(file) ? [file, onIllumos + file] : [file]));
}

/** The ids of records as a run of `file` tells them. */
export function recordsOf(folder: VectorFolder, file: string): readonly VectorRecord[] {
  if (!file.startsWith(onIllumos)) return folder.records(file);
  return folder.records(file.slice(onIllumos.length)).map((record) => ({ ...record, id: onIllumos + record.id }));
}

/** How each kind of file is run, by the beginning of its name; loaded when there is such a file. */
const runners: readonly (readonly [begins: string, load: () => Promise<OpenRunner>])[] = [
  ['vm-list', async () => (await import('./vm-invocations.js')).vmInvocations],
  ['vm-lookup', async () => (await import('./vm-invocations.js')).vmInvocations],
  ['vmadm-args', async () => (await import('./vm-invocations.js')).vmInvocations],
  ['vm-validate', async () => (await import('./vm-validate.js')).vmValidate],
  ['img-manifest', async () => (await import('./img-manifest.js')).imgManifest],
  ['docker-names', async () => (await import('./docker-names.js')).dockerNames],
  ['imgadm-', async () => (await import('./img-invocations.js')).imgInvocations],
  ['event-diff', async () => (await import('./event-diff.js')).eventDiff],
  ['vm-flow', async () => (await import('./vm-flows.js')).vmFlows],
  // The same records once more, on the host that they were made for.
  [`${onIllumos}vm-flow`, async () => (await import('./vm-flows-illumos.js')).vmFlowsOnIllumos],
  ...['vm-list', 'vm-lookup', 'vmadm-args'].map(
    (begins) => [onIllumos + begins, async () => (await import('./vm-invocations.js')).vmInvocationsOnIllumos] as const,
  ),
  ...['create', 'modify', 'error', 'index', 'sample', 'brand'].map(
    (begins) => [begins, async () => (await import('./zonecfg.js')).zonecfgRecords] as const,
  ),
  ['vm-load', async () => (await import('./vm-load.js')).vmLoad],
];

/** Milliseconds; the slowest record takes a hundredth of it. */
const timeLimit = 20_000;

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it does not end')), timeLimit);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether there is something here that does what the records of `file` are about. */
export function canRun(file: string): boolean {
  return runners.some(([begins]) => file.startsWith(begins));
}

export async function runFile(folder: VectorFolder, file: string): Promise<FileResult> {
  const records = recordsOf(folder, file);
  const [, load] = runners.find(([begins]) => file.startsWith(begins)) ?? [];
  if (load === undefined) return { file, records: records.length, failed: undefined };
  const failed: Failure[] = [];
  const runner = await (await load())(folder, file);
  try {
    for (const record of records) {
      const what = await inTime(runner.run(record)).catch((error: unknown) => `threw: ${describeError(error)}`);
      if (what !== undefined) failed.push({ id: record.id, what });
    }
  } finally {
    await runner.close();
  }
  return { file, records: records.length, failed };
}
