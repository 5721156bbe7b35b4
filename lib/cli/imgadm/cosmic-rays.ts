/** Faults on demand, as tests of imgadm know them: probabilities in the environment, one for each use (`imgadm(8)`). */

/** Whether the next download or reading of metadata is to fail; undefined where nobody asks for that. */
export function strikesOf(
  env: NodeJS.ProcessEnv,
): { readonly download: () => boolean; readonly metadata: () => boolean } | undefined {
  const [download, metadata] = [env['IMGADM_TEST_DOWNLOAD_COSMIC_RAY'], env['IMGADM_TEST_GET_META_COSMIC_RAY']];
  if (download === undefined && metadata === undefined) return undefined;
  return { download: strikes(download), metadata: strikes(metadata) };
}

function strikes(text = ''): () => boolean {
  const probabilities = text.split(',').map(Number);
  return () => Math.random() < (probabilities.shift() ?? 0);
}
