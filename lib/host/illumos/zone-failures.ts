/** What the libraries of zones say, in the codes of every host. */
import { codeOf } from '../../errors.js';
import { hostError, type HostErrorCode } from '../errors.js';

const codes: Readonly<Record<string, HostErrorCode>> = {
  Z_NO_ZONE: 'ZoneNotFound', Z_NAME_IN_USE: 'ZoneExists', Z_BAD_ZONE_STATE: 'ZoneBadState', Z_BOGUS_ZONE_NAME: 'InvalidName',
  Z_INVALID_DOCUMENT: 'ZoneInvalid', Z_WRONG_DOC_TYPE: 'ZoneInvalid', Z_BAD_PROPERTY: 'ZoneInvalid',
  Z_INVALID_PROPERTY: 'ZoneInvalid', Z_TOO_BIG: 'ZoneInvalid', Z_INVAL: 'ZoneInvalid', Z_INSUFFICIENT_SPEC: 'ZoneInvalid',
  Z_ACCES: 'PermissionDenied', EACCES: 'PermissionDenied', EPERM: 'PermissionDenied', ENOSPC: 'NoSpace', ENOSYS: 'Unsupported',
}; // prettier-ignore

/** `what` went wrong because of `cause`, an error of the addon; text that XML cannot carry is a `ZoneInvalid`. */
export function zoneFailure(cause: unknown, what: string): Error {
  const code = cause instanceof TypeError ? 'ZoneInvalid' : (codes[codeOf(cause) ?? ''] ?? 'HostFailed');
  return hostError(code, what, { cause });
}
