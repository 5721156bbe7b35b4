/** Numbers of either byte order out of buffers, and the errors of bytes that make no sense. */
import type { SmartadmError } from '../../errors.js';
import { hostError } from '../errors.js';

/** What a damaged or hostile stream is refused with. */
export function invalid(message: string): SmartadmError {
  return hostError('StreamInvalid', `the stream is damaged: ${message}`);
}

/** What a sound stream is refused with that holds more than we read. */
export function unsupported(message: string): SmartadmError {
  return hostError('StreamUnsupported', `the stream cannot be read: ${message}`);
}

/** What a snapshot is refused with that no stream of ours can hold. */
export function unsendable(message: string): SmartadmError {
  return hostError('StreamUnsupported', `the snapshot cannot be sent: ${message}`);
}

const two32 = 2 ** 32;

/** Reads fields in the byte order of a stream, or of a part of it. */
export interface ByteOrder {
  readonly big: boolean;
  u16(bytes: Buffer, at: number): number;
  u32(bytes: Buffer, at: number): number;
  /** Exact up to 2^53; rounded beyond, so only good for comparing with limits there. */
  u64(bytes: Buffer, at: number): number;
  /** All 64 bits. */
  id(bytes: Buffer, at: number): bigint;
}

export const littleEndian: ByteOrder = {
  big: false,
  u16: (bytes, at) => bytes.readUInt16LE(at),
  u32: (bytes, at) => bytes.readUInt32LE(at),
  u64: (bytes, at) => bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * two32,
  id: (bytes, at) => bytes.readBigUInt64LE(at),
};

export const bigEndian: ByteOrder = {
  big: true,
  u16: (bytes, at) => bytes.readUInt16BE(at),
  u32: (bytes, at) => bytes.readUInt32BE(at),
  u64: (bytes, at) => bytes.readUInt32BE(at + 4) + bytes.readUInt32BE(at) * two32,
  id: (bytes, at) => bytes.readBigUInt64BE(at),
};

export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
