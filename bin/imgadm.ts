#!/usr/bin/env node
import { main } from '../lib/cli/main.js';

await main('imgadm', async () => (await import('../lib/cli/imgadm/main.js')).imgadm);
