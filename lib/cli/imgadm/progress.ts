/** Progress bars on a terminal: one line, repainted in place, for the oldest work that is not done. */
import type { Progress, ProgressTask } from '../../context.js';
import { shownText } from './terminal-text.js';

/** A progress that draws; text goes above its line. */
export interface DrawnProgress extends Progress {
  printAbove(text: string): void;
}

export function isDrawn(progress: Progress): progress is DrawnProgress {
  return 'printAbove' in progress;
}

const repaintMs = 500;
/** Rate and remaining time are told once they mean something. */
const steadyMs = 2000;
const steadyReadings = 5;

interface Bar {
  readonly label: string;
  readonly total: number | undefined;
  readonly begun: number;
  done: number;
  readings: number;
}

export interface Screen {
  write(text: string): unknown;
  readonly columns?: number;
}

/** Bars on `screen`. `terminal`: its type, as in `TERM`. `now`: milliseconds. */
export function openProgress(screen: Screen, terminal: string, now: () => number = Date.now): DrawnProgress {
  const bars: Bar[] = [];
  let drawnAt = -Infinity;
  let isOnScreen = false;
  const toColumnOne = /^(?:xterm|rxvt|screen|ansi)/.test(terminal) ? '\u001b[1G' : '\r';

  function erase(): void {
    if (isOnScreen) screen.write(`${toColumnOne}\u001b[K`);
    isOnScreen = false;
  }

  function draw(bar: Bar): void {
    const line = barLine(bar, now() - bar.begun, (screen.columns ?? 80) - 1);
    screen.write(`${isOnScreen ? `${toColumnOne}\u001b[K` : ''}${line}`);
    isOnScreen = true;
    drawnAt = now();
  }

  return {
    start(label, total): ProgressTask {
      const bar: Bar = { label, total, begun: now(), done: 0, readings: 0 };
      bars.push(bar);
      return {
        advance(bytes) {
          bar.done += bytes;
          bar.readings += 1;
          if (bar === bars[0] && now() - drawnAt >= repaintMs) draw(bar);
        },
        done() {
          const at = bars.indexOf(bar);
          if (at === -1) return;
          bars.splice(at, 1);
          if (at !== 0) erase();
          draw(bar);
          screen.write('\n');
          isOnScreen = false;
        },
      };
    },
    printAbove(text) {
      erase();
      screen.write(shownText(text));
      if (bars[0] !== undefined) draw(bars[0]);
    },
  };
}

function barLine(bar: Bar, elapsedMs: number, width: number): string {
  const titleWidth = Math.floor(width / 4);
  const title = bar.label.length > titleWidth ? `...${bar.label.slice(3 - titleWidth)}` : bar.label.padEnd(titleWidth);
  const figures = [amountText(bar.done)];
  const share = bar.total === undefined || bar.total === 0 ? undefined : Math.min(1, bar.done / bar.total);
  if (elapsedMs >= steadyMs && bar.readings > steadyReadings) {
    const perSecond = bar.done / (elapsedMs / 1000);
    figures.push(`${amountText(perSecond)}/s`);
    if (bar.total !== undefined && perSecond > 0) figures.push(timeText(Math.max(0, bar.total - bar.done) / perSecond));
  }
  const percent = share === undefined ? '' : `${Math.floor(share * 100)}%`.padStart(5);
  const tail = `${percent} ${figures.map((text) => text.padStart(9)).join(' ')}`;
  const space = width - titleWidth - tail.length - 3;
  if (share === undefined || space < 4) return `${title}${tail}`.slice(0, width);
  const filled = Math.floor(share * space);
  const shaft = filled === 0 ? '' : `${'='.repeat(filled - 1)}${filled === space ? '=' : '>'}`;
  return `${title} [${shaft.padEnd(space)}]${tail}`;
}

/** `12.30MB`. */
function amountText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return power === 0 ? `${Math.round(bytes)}B` : `${(bytes / 1024 ** power).toFixed(2)}${units[power] ?? ''}`;
}

/** `1h02m`, `3m04s`, `5s`. */
function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}h${two(m)}m` : m > 0 ? `${m}m${two(s)}s` : `${s}s`;
}
