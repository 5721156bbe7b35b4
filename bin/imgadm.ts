#!/usr/bin/env node
import { main } from '../lib/cli/main.js';

void main('imgadm', async () => (await import('../lib/cli/imgadm/main.js')).imgadm);
