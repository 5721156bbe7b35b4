/** What every kind of image source can do. Types only. */
import type { Readable } from 'node:stream';
import type { Manifest } from '../manifest.js';

export const sourceTypes = ['imgapi', 'dsapi', 'docker'] as const;
export type SourceType = (typeof sourceTypes)[number];

/** A source as it stands in `imgadm.conf`. */
export interface SourceConfig {
  readonly type: SourceType;
  readonly url: string;
  /** Leave certificates unchecked. */
  readonly insecure?: boolean;
  readonly channel?: string;
}

/** An image that a source offers. */
export interface OfferedImage {
  readonly uuid: string;
  /** As the source gave it. */
  readonly given: Readonly<Record<string, unknown>>;
  /** How messages name it. */
  readonly title: string;
}

/** One image that can be fetched: its manifest checked and of version 2. */
export interface ImportableImage {
  readonly uuid: string;
  readonly manifest: Manifest;
  readonly title: string;
  /** What the source says of the file where the manifest does not, as of layers of Docker images. */
  readonly file?: ExpectedFile;
}

/** What the bytes of a file must be. */
export interface ExpectedFile {
  readonly size?: number | undefined;
  readonly checksum?: Checksum | undefined;
}

export interface Checksum {
  readonly algorithm: 'sha1' | 'sha256';
  /** In lower case. */
  readonly hex: string;
}

/** The answer to a request for an image's file, from some offset on. */
export interface FileAnswer {
  /** First byte of `body` within the file; 0 where the server does not resume. */
  readonly offset: number;
  /** `Content-Length` as sent. */
  readonly contentLength: string | undefined;
  /** Length of the whole file where the answer tells it. */
  readonly totalBytes: number | undefined;
  /** `Content-MD5`, base64. */
  readonly md5: string | undefined;
  readonly body: Readable;
}

/** Which image is meant, and whether only an active one counts. */
export interface ImageQuery {
  /** A UUID, or what else the kind of source understands. */
  readonly arg: string;
  readonly activeOnly: boolean;
  /** Docker sources take a UUID for the name of a repository. */
  readonly uuidIsName?: boolean;
}

/**
 * An image source. Errors of a server keep its code, errors of the transport Node's (`ECONNREFUSED`, …); a redirect to
 * another scheme or in a circle is `ClientError`.
 */
export interface Source {
  readonly config: SourceConfig;
  /** Throws unless the server answers as one of this kind does. */
  ping(signal: AbortSignal): Promise<void>;
  /** Manifests of all images it offers, as given. Kinds that cannot list are left out by `lists`. */
  readonly lists: boolean;
  list(signal: AbortSignal): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Undefined when the source does not have it, or cannot have it, being of another kind. */
  find(query: ImageQuery, signal: AbortSignal): Promise<OfferedImage | undefined>;
  /**
   * The image with all it builds on, base first. Throws `OriginNotFoundInSource`, and `InvalidManifest` for what cannot be
   * imported.
   */
  ancestry(image: OfferedImage, signal: AbortSignal): Promise<readonly ImportableImage[]>;
  /** Opens the image's file at `offset`, or at its beginning where the server does not resume. */
  openFile(image: ImportableImage, offset: number, signal: AbortSignal): Promise<FileAnswer>;
}
