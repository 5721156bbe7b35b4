/** Faults of a payload as they are found, in order. */
export class Findings {
  readonly values: string[] = [];
  readonly #values = new Set<string>();
  readonly #properties = new Set<string>();
  readonly #missing = new Set<string>();

  badValue(name: string, type?: string): void {
    // The original repeats integers, and nothing else.
    if (type !== 'integer' && this.#values.has(name)) return;
    this.#values.add(name);
    this.values.push(name);
  }

  badProperty(name: string): void {
    this.#properties.add(name);
  }

  missing(name: string): void {
    this.#missing.add(name);
  }

  supplied(name: string): void {
    this.#missing.delete(name);
  }

  get properties(): readonly string[] {
    return [...this.#properties];
  }

  get missingProperties(): readonly string[] {
    return [...this.#missing];
  }
}
