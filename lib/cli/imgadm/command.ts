/** What a subcommand of imgadm is. Types only. */
import type { ImgadmConfig } from '../../img/config.js';
import type { Cli, OptionValues } from '../command.js';

/** An option; at least one of its spellings, letters written `-x` and words `--word`, is what the user types. */
export interface ImgadmOption {
  /** Key under which its value is handed over. */
  readonly key: string;
  /** Spellings as typed, in the order of help texts. */
  readonly names: readonly string[];
  /** `flag` takes no value, `list` may be repeated, `count` is a whole number. */
  readonly kind: 'flag' | 'text' | 'list' | 'count';
  /** Name of the value in help texts. */
  readonly value?: string;
  /** Empty for options that help does not show. */
  readonly help: string;
}

/** The command line with what every command of imgadm finds prepared. */
export interface ImgadmCli extends Cli {
  readonly config: ImgadmConfig;
  /** Goes into log records and to servers. */
  readonly requestId: string;
}

export interface ImgadmCommand {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Options and operands as in a manual's synopsis. */
  readonly usage: string;
  readonly summary: string;
  /** Paragraphs below the options. */
  readonly description?: string;
  readonly options: readonly ImgadmOption[];
  /** Runs with operands and options; the result is the exit status, 0 when nothing is returned. */
  run(cli: ImgadmCli, operands: readonly string[], options: OptionValues): Promise<number | undefined>;
}
