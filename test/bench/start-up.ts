/** What a command costs before it does anything, beside bare node. */
import { median, ms, program, type BenchTable } from './measure.js';

export async function bench(): Promise<BenchTable> {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: undefined };
  const time = (args: readonly string[]): Promise<number> =>
    median(21, () => program(process.execPath, args, env).catch(() => undefined));
  const bare = await time(['-e', '0']);
  const row = async (name: string, args: readonly string[]): Promise<readonly string[]> => {
    const taken = await time(args);
    return [name, ms(taken), `+${ms(taken - bare)}`];
  };
  return {
    title: 'start-up, median of 21',
    columns: ['command', 'time', 'over node -e 0'],
    rows: [
      ['node -e 0', ms(bare), ''],
      await row('vmadm --help', ['dist/vmadm.js', '--help']),
      await row('vmadm version', ['dist/vmadm.js', 'version']),
      await row('imgadm --help', ['dist/imgadm.js', '--help']),
    ],
  };
}
