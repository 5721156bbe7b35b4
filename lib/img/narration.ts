/** What long work tells people while it goes on. */
export interface Narration {
  /** A line of the result. */
  say(line: string): void;
  /** A line of the result that belongs above the progress bars, where there are some. */
  step(line: string): void;
  /** Something the reader should know that is no failure. */
  warn(line: string): void;
}
