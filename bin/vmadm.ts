#!/usr/bin/env -S -u NODE_EXTRA_CA_CERTS node
import { main } from '../lib/cli/main.js';

void main('vmadm', async () => (await import('../lib/cli/vmadm/main.js')).vmadm);
