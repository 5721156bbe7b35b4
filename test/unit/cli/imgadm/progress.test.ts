import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openProgress } from '../../../../lib/cli/imgadm/progress.js';

describe('a progress bar', () => {
  function drawn(columns: number, terminal = 'xterm') {
    let time = 0;
    const written: string[] = [];
    const progress = openProgress({ columns, write: (text) => written.push(text) }, terminal, () => time);
    return { progress, written, wait: (ms: number) => (time += ms) };
  }
  const erase = '\u001b[1G\u001b[K';

  it('shows share, amount, and after two seconds rate and time left', () => {
    const { progress, written, wait } = drawn(81);
    const task = progress.start('Download 2 images', 10_000_000);
    for (let at = 0; at < 8; at += 1) {
      wait(500);
      task.advance(500_000);
    }
    assert.equal(written[0], 'Download 2 images    [=>                                        ]   5%  488.28KB');
    assert.equal(
      written.at(-1),
      `${erase}Download 2 images    [=======>             ]  40%    3.81MB 976.56KB/s        6s`,
    );
    task.advance(6_000_000);
    task.done();
    assert.match(written.at(-2) ?? '', /100%    9.54MB/);
    assert.equal(written.at(-1), '\n');
  });

  it('repaints twice a second at most, and fits the width', () => {
    const { progress, written, wait } = drawn(40, 'dumb');
    const task = progress.start('zones/0764d78e-3472-11e5-8949-4f31abea4e05', undefined);
    for (let at = 0; at < 100; at += 1) {
      wait(100);
      task.advance(1);
    }
    assert.ok(written.length <= 21, String(written.length));
    assert.ok(written.every((text) => text.replace(/^.*\u001b\[K/, '').length < 40));
    assert.ok(written[0]?.startsWith('...a4e05') === true || written[0]?.startsWith('...') === true);
  });

  it('lets text stand above it', () => {
    const { progress, written } = drawn(80);
    const task = progress.start('x', 10);
    task.advance(5);
    progress.printAbove('Downloaded\n');
    assert.deepEqual(written.slice(1, 3), [erase, 'Downloaded\n']);
    assert.match(written[3] ?? '', /50%/);
    task.done();
    written.length = 0;
    progress.printAbove('after\n');
    assert.deepEqual(written, ['after\n']);
  });
});
