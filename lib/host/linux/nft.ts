/** Hands scripts to nft(8), each applied whole or not at all. */
import { hostError } from '../errors.js';
import { runProgram } from './run-program.js';

/** Applies `script` as one transaction. Throws `HostFailed` with nft's first complaint. */
export async function applyNft(script: string): Promise<void> {
  const { status, stderr } = await runProgram('nft', ['-f', '-'], { input: script, package: 'nftables' });
  if (status === 0) return;
  const complaint = stderr.split('\n', 1)[0]?.trim() ?? '';
  throw hostError('HostFailed', `nft refused a change of the packet filter: ${complaint}`);
}
