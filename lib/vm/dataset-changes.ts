/** Properties of datasets, changed so that the change can be taken back. */
import type { Host } from '../host/host.js';
import type { UndoStack } from '../undo.js';

/** Sets properties of a dataset. Undone, each is as it was. */
export async function setProperties(
  host: Host,
  dataset: string,
  properties: Readonly<Record<string, string>>,
  undo: UndoStack,
): Promise<void> {
  const names = Object.keys(properties);
  if (names.length === 0) return;
  const old = (await host.datasets.find(dataset))?.properties ?? {};
  undo.push(`properties of ${dataset}`, () =>
    host.datasets.set(dataset, Object.fromEntries(names.map((name) => [name, old[name] ?? null]))),
  );
  await host.datasets.set(dataset, properties);
}
