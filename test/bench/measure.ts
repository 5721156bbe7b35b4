/** Timing for benchmarks: medians of repeated runs, and the table in which they are printed. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

export interface BenchTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Median of `times` runs, in milliseconds; `prepare` and `clean` are not counted. */
export async function median(
  times: number,
  run: () => Promise<unknown>,
  around: { readonly prepare?: () => Promise<unknown>; readonly clean?: () => Promise<unknown> } = {},
): Promise<number> {
  const taken: number[] = [];
  for (let count = 0; count < times; count += 1) {
    await around.prepare?.();
    const start = process.hrtime.bigint();
    await run();
    taken.push(Number(process.hrtime.bigint() - start) / 1e6);
    await around.clean?.();
  }
  taken.sort((a, b) => a - b);
  return taken[Math.floor(taken.length / 2)] ?? Number.NaN;
}

/** Runs a program to its end; throws with its standard error when it fails. */
export async function program(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const { stdout } = await promisify(execFile)(file, [...args], { env, maxBuffer: 1 << 28 });
  return stdout;
}

/** Whether a program to compare with is installed. */
export function installed(file: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, file)));
}

export function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
}
