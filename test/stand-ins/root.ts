/** A folder that stands for `/` of an illumos system: templates, index and brands, for libzonecfg's stand-in. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { addonFile } from '../../lib/host/native.js';

/** What every root begins with: recorded by the real library, see `fixtures/libzonecfg/README.md`. */
const shipped = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/libzonecfg/env.json'), 'utf8')) as {
  readonly templates: Readonly<Record<string, string>>;
  readonly index: string;
};

/** Text of a file; what is no UTF-8 is in base64. */
export type Content = string | { readonly b64: string };

/** What a test left below `/etc/zones`. */
export interface ZoneFiles {
  /** By the name of the zone, templates that are as they were left out. */
  readonly xml: Readonly<Record<string, Content>>;
  readonly index: Content | undefined;
  readonly did: Content | undefined;
  readonly leftover: readonly string[];
  readonly events: readonly (readonly string[])[];
}

/** Programs of the platform, all of them one: see `programs/programs.cc`. */
const programs = [
  '/usr/lib/zones/zoneadmd', '/usr/sbin/bhyvectl', '/usr/sbin/mount', '/usr/sbin/umount', '/usr/sbin/zlogin',
  '/usr/sbin/zoneadm',
] as const; // prettier-ignore

export class IllumosRoot {
  readonly path: string;

  /** Becomes the root that the stand-in works in, in this process and those it starts. */
  constructor(index: string | null = shipped.index, files: Readonly<Record<string, Content>> = {}) {
    this.path = mkdtempSync(join(tmpdir(), 'illumos-'));
    for (const folder of ['/etc/zones', '/zones', '/tmp', '/usr/lib/brand']) {
      mkdirSync(this.path + folder, { recursive: true });
    }
    for (const [path, text] of Object.entries(shipped.templates)) this.write(path, text);
    if (index !== null) this.write('/etc/zones/index', index);
    if (!Object.keys(files).some((path) => path.startsWith('/usr/lib/brand/'))) {
      cpSync(join(import.meta.dirname, 'brands'), `${this.path}/usr/lib/brand`, { recursive: true });
    }
    for (const path of programs) {
      mkdirSync(dirname(this.path + path), { recursive: true });
      copyFileSync(addonFile('stand-in-programs', ''), this.path + path);
    }
    for (const [path, content] of Object.entries(files)) this.write(path, content);
    process.env['SMARTADM_STAND_IN_ROOT'] = this.path;
    process.env['SMARTADM_STAND_IN_COUNT_UUIDS'] = 'yes';
  }

  write(path: string, content: Content): void {
    mkdirSync(dirname(this.path + path), { recursive: true });
    writeFileSync(this.path + path, typeof content === 'string' ? content : Buffer.from(content.b64, 'base64'));
  }

  /** Undefined when there is no such file. */
  read(path: string): Content | undefined {
    if (!existsSync(this.path + path)) return undefined;
    const bytes = readFileSync(this.path + path);
    const text = bytes.toString();
    return Buffer.from(text).equals(bytes) ? text : { b64: bytes.toString('base64') };
  }

  /** Pretends that the kernel has a zone, in a `zone_status_t`. */
  run(zone: string, id: number, status: number): void {
    this.write(`/system/zones/${zone}`, `${id} ${status} ${id * 1000}\n`);
  }

  /** Takes away what {@link run} pretends. */
  stop(zone: string): void {
    rmSync(`${this.path}/system/zones/${zone}`);
  }

  /** Pretends that there is a datalink; see `links/table.h` for the numbers. */
  addLink(
    id: number,
    link: {
      readonly name: string;
      readonly class: number;
      readonly flags: number;
      readonly mac: string;
      readonly ports?: string;
      readonly zone?: string;
    },
  ): void {
    const ports = link.ports === undefined ? '' : `property.ports=${link.ports}\n`;
    const { name, class: kind, flags, mac, zone = '' } = link;
    this.write(
      `/system/links/${id}`,
      `name=${name}\nclass=${kind}\nflags=${flags}\nmac=${mac}\nzone=${zone}\n${ports}`,
    );
  }

  /** Pretends that zoneadmd serves a zone. */
  startZoneadmd(zone: string): void {
    this.write(`/var/run/zones/${zone}.zoneadmd_door`, '');
  }

  /** What is mounted of lofs: target, source and options of each, below this root. */
  lofs(): readonly (readonly string[])[] {
    const table = this.read('/system/lofs');
    const lines = typeof table === 'string' ? table.split('\n').slice(0, -1) : [];
    return lines.map((line) => line.replaceAll(this.path, '').split('\t'));
  }

  files(): ZoneFiles {
    const xml: Record<string, Content> = {};
    const leftover: string[] = [];
    for (const name of readdirSync(`${this.path}/etc/zones`).sort()) {
      const path = `/etc/zones/${name}`;
      if (name === 'index' || name === 'did.txt' || this.read(path) === shipped.templates[path]) continue;
      if (name.endsWith('.xml') && name !== '.xml') xml[basename(name, '.xml')] = this.read(path) ?? '';
      else leftover.push(name.replace(/^zonecfg\..{6}$/, 'zonecfg.XXXXXX'));
    }
    const events = this.read('/system/events');
    const lines = typeof events === 'string' ? events.split('\n').slice(0, -1) : [];
    return {
      xml,
      index: this.read('/etc/zones/index'),
      did: this.read('/etc/zones/did.txt'),
      leftover,
      events: lines.map((line) => line.split('\t')),
    };
  }

  /** Processes that stand for the inits of zones. */
  #inits(): readonly number[] {
    const folder = `${this.path}/system/zones`;
    if (!existsSync(folder)) return [];
    const pids = readdirSync(folder).map((zone) =>
      Number(readFileSync(`${folder}/${zone}`, 'utf8').split(/\s+/)[3] ?? 0),
    );
    return pids.filter((pid) => pid > 0 && existsSync(`/proc/${pid}`));
  }

  remove(): void {
    for (const pid of this.#inits()) process.kill(pid, 'SIGKILL');
    rmSync(this.path, { recursive: true, force: true });
  }
}
