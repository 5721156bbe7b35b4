import type { SourceConfig, SourceType } from '../../img/sources/source.js';
import type { OptionValues } from '../command.js';
import type { ImgadmCli, ImgadmCommand } from './command.js';
import { usageError } from './errors.js';
import { jsonOption } from './options.js';

export const sources: ImgadmCommand = {
  name: 'sources',
  usage: '[OPTIONS]',
  summary: 'List, add, delete, edit and check image sources.',
  options: [
    { key: 'verbose', names: ['-v', '--verbose'], kind: 'flag', help: 'List as a table with types.' },
    jsonOption,
    { key: 'add', names: ['-a'], kind: 'text', value: 'SOURCE', help: 'Add a source, behind the others.' },
    { key: 'delete', names: ['-d'], kind: 'text', value: 'SOURCE', help: 'Delete a source.' },
    { key: 'edit', names: ['-e'], kind: 'flag', help: 'Edit the list in an editor.' },
    { key: 'check', names: ['-c', '--check'], kind: 'flag', help: 'Ask every source whether it answers.' },
    { key: 'type', names: ['-t', '--type'], kind: 'text', value: 'TYPE', help: 'Type of the added source: imgapi (default), docker, dsapi.' },
    { key: 'insecure', names: ['-k', '--insecure'], kind: 'flag', help: 'Never check certificates of the added source.' },
    { key: 'force', names: ['-f', '--force'], kind: 'flag', help: 'Add sources without asking whether they answer.' },
    { key: 'addDockerHub', names: ['--add-docker-hub'], kind: 'flag', help: '' },
  ], // prettier-ignore
  async run(cli, operands, options) {
    if (operands.length > 0) throw usageError(`unexpected args: ${operands.join(' ')}`);
    const added = options['addDockerHub'] === true ? 'https://docker.io' : options['add'];
    const acts = [added, options['delete'], options['edit'], options['check']].filter(Boolean);
    if (acts.length > 1) throw usageError('cannot specify more than one of "-a", "-d", "-e", and "-c"');
    if (typeof added === 'string' && added !== '') await add(cli, added, options);
    else if (typeof options['delete'] === 'string' && options['delete'] !== '') await remove(cli, options['delete']);
    else if (options['edit'] === true) await edit(cli, options['force'] === true);
    else if (options['check'] === true) await check(cli);
    else await print(cli, options);
    return 0;
  },
};

async function print(cli: ImgadmCli, options: OptionValues): Promise<void> {
  const { sourcesOf } = await import('../../img/config.js');
  const list = sourcesOf(cli.config);
  if (options['json'] === true) {
    const shown = list.map(({ url, type, insecure }) => ({ url, type, insecure }));
    await cli.out(`${JSON.stringify(shown, null, 2)}\n`);
  } else if (options['verbose'] === true) {
    const { renderTable } = await import('./table.js');
    const rows = list.map((source) => ({ ...source, insecure: source.insecure ?? false }));
    await cli.out(renderTable(rows, { columns: ['url', 'type', 'insecure'], header: true }));
  } else {
    await cli.out(list.map(({ url }) => `${url}\n`).join(''));
  }
}

async function add(cli: ImgadmCli, url: string, options: OptionValues): Promise<void> {
  const { addSource, describeSource } = await import('../../img/sources/edit.js');
  const { connectionOf } = await import('./connection.js');
  const type = (options['addDockerHub'] === true ? 'docker' : (options['type'] ?? 'imgapi')) as SourceType;
  const wanted: SourceConfig = { type, url, ...(options['insecure'] === true ? { insecure: true } : {}) };
  const settings = { connection: connectionOf(cli), skipPing: options['force'] === true };
  const { changed, source } = await addSource(cli.context(), wanted, settings);
  const described = describeSource(source);
  await cli.out(changed ? `Added ${described}\n` : `Already have ${described}, no change\n`);
}

async function remove(cli: ImgadmCli, url: string): Promise<void> {
  const { deleteSources, describeSource } = await import('../../img/sources/edit.js');
  const deleted = await deleteSources(cli.context(), url);
  if (deleted.length === 0) await cli.out(`Do not have image source "${url}", no change\n`);
  for (const source of deleted) await cli.out(`Deleted ${describeSource(source)}\n`);
}

async function check(cli: ImgadmCli): Promise<void> {
  const { sourcesOf } = await import('../../img/config.js');
  const { describeCheck, pingSource } = await import('../../img/sources/edit.js');
  const { connectionOf } = await import('./connection.js');
  const { renderTable } = await import('./table.js');
  const rows: { url: string; type: string; ok: boolean; error?: string }[] = [];
  // Those that answer first stand first.
  await Promise.all(
    sourcesOf(cli.config).map(async (source) => {
      const { url, type } = source;
      try {
        await pingSource(cli.context(), source, connectionOf(cli));
        rows.push({ url, type, ok: true });
      } catch (error) {
        cli.signal.throwIfAborted();
        rows.push({ url, type, ok: false, error: describeCheck(error) });
      }
    }),
  );
  await cli.out(renderTable(rows, { columns: ['url', 'type', 'ok', 'error'], header: true }));
}

async function edit(cli: ImgadmCli, skipPing: boolean): Promise<void> {
  const { sourcesOf } = await import('../../img/config.js');
  const { editText, parseSources, sourcesText } = await import('./edit-sources.js');
  const { describeSource, replaceSources } = await import('../../img/sources/edit.js');
  const { connectionOf } = await import('./connection.js');
  const before = sourcesText(sourcesOf(cli.config));
  const edited = await editText(before, cli.env);
  if (typeof edited === 'number') {
    cli.err(`Error editing image sources: ${edited} (ignoring)\n`);
    return;
  }
  const changes =
    edited === before
      ? []
      : await replaceSources(cli.context(), parseSources(edited), { connection: connectionOf(cli), skipPing });
  if (changes.length === 0) await cli.out('Image sources unchanged\n');
  for (const change of changes) {
    if (change.kind === 'reorder') await cli.out('Reordered image sources\n');
    else await cli.out(`${change.kind === 'add' ? 'Added' : 'Deleted'} ${describeSource(change.source)}\n`);
  }
}
