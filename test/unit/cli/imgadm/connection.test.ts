import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectionFor } from '../../../../lib/cli/imgadm/connection.js';

const stallMs = (seconds: string) =>
  connectionFor({ IMGADM_STALL_TIMEOUT: seconds }, { dockerImportSkipUuids: true }, 'id').stallMs;

describe('what imgadm tells servers and waits for', () => {
  it('is given up after the time that the user wants, as far as timers can tell it', () => {
    assert.deepEqual(['7', '0.5', '', '0', '-1', 'long'].map(stallMs), [7000, 500, 60_000, 60_000, 60_000, 60_000]);
    assert.deepEqual(['1e9', 'Infinity'].map(stallMs), [2 ** 31 - 1, 2 ** 31 - 1]);
  });

  it('goes through the proxy that the environment names, that of https first', () => {
    const proxyOf = (env: NodeJS.ProcessEnv) => connectionFor(env, { dockerImportSkipUuids: true }, 'id').proxy;
    assert.equal(proxyOf({ http_proxy: 'http://a', https_proxy: 'http://b' }), 'http://b');
    assert.equal(proxyOf({ http_proxy: 'http://a', https_proxy: '', HTTPS_PROXY: 'http://c' }), 'http://a');
    assert.equal(proxyOf({ HTTP_PROXY: 'http://c' }), undefined);
  });
});
