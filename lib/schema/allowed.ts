/** What the rows allow, asked by brand and by the letters of {@link PropertyRow.allowed}. */
import type { Brand, PropertyRow } from './property.js';

/** Whether one of `letters` holds for the brand. */
export function rowAllows(row: PropertyRow | undefined, brand: Brand, letters: readonly string[]): boolean {
  const rules = row?.allowed ?? [];
  return rules.some(([found, brands]) => brands.includes(brand) && letters.some((one) => found.includes(one)));
}
