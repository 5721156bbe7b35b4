/** The closed list of codes that every host uses for the same mishap. */
import { SmartadmError, type ErrorDetails } from '../errors.js';

export type HostErrorCode =
  | 'ZoneNotFound' | 'ZoneExists' | 'ZoneBadState' | 'ZoneInvalid' | 'ZoneBootFailed' | 'ZoneConsoleBusy'
  | 'DatasetNotFound' | 'DatasetExists' | 'DatasetBusy' | 'DatasetHasChildren'
  | 'PoolNotFound' | 'NoSpace' | 'InvalidName' | 'InvalidProperty'
  | 'StreamInvalid' | 'StreamUnsupported'
  | 'NicTagNotFound' | 'LinkExists' | 'LinkNotFound' | 'AddressInvalid'
  | 'PermissionDenied' | 'Unsupported' | 'LibraryMissing' | 'ConfigInvalid' | 'TimedOut' | 'HostFailed'; // prettier-ignore

/** An error of the host level, with one of the codes above. */
export function hostError(code: HostErrorCode, message: string, details: ErrorDetails = {}): SmartadmError {
  return new SmartadmError(code, message, details);
}
