// After setup: installs the sample image, makes a machine from it and shows it at work. Safe to run again.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const image = 'test/fixtures/images/busybox-1.35.0';
const payload = 'test/fixtures/quickstart.json';
const { uuid, alias } = JSON.parse(readFileSync(payload, 'utf8'));

if (process.getuid?.() !== 0) stop('zones need root: run this as root');

step('Making the pool and the network');
show('vmadm', ['setup']);

step('Installing the sample image');
show('imgadm', ['install', '-m', `${image}.imgmanifest`, '-f', `${image}.zfs.gz`]);

const state = ask('vmadm', ['lookup', '-j', '-o', 'state', `uuid=${uuid}`]);
const there = JSON.parse(state)[0]?.state;
if (there === undefined) {
  step('Making a machine');
  show('vmadm', ['create', '-f', payload]);
} else if (there !== 'running') {
  step(`The machine ${alias} is there and ${there}: starting it`);
  show('vmadm', ['start', uuid]);
} else {
  step(`The machine ${alias} is there and runs`);
}

step('The machines of this host');
show('vmadm', ['list']);
step('Inside the machine');
for (const command of [['uname', '-a'], ['ps'], ['ip', 'addr']]) show('vmadm', ['exec', uuid, ...command]);

console.log(`
Log in on its console (user root, no password; CTRL-] leaves):
    vmadm console ${uuid}
Remove it:
    vmadm delete ${uuid}`);

function show(program, args) {
  console.log(`# ${[program, ...args].join(' ')}`);
  const done = spawnSync(process.execPath, [`dist/${program}.js`, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (done.status !== 0) stop(`${program} ${args[0]} ended with status ${done.status ?? done.signal}`);
}

function ask(program, args) {
  const done = spawnSync(process.execPath, [`dist/${program}.js`, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (done.status !== 0) stop(`${program} ${args[0]} ended with status ${done.status ?? done.signal}`);
  return done.stdout;
}

function step(text) {
  console.log(`==> ${text}`);
}

function stop(why) {
  console.error(`quickstart stopped: ${why}`);
  process.exit(1);
}
