/** What can go wrong with a VM, as codes. */
import { SmartadmError, type ErrorDetails } from '../errors.js';

export type VmErrorCode =
  /** No such VM (`vmadm(8)` calls it ENOENT). */
  | 'VmNotFound' | 'VmExists' | 'ENOTRUNNING' | 'EALREADYRUNNING'
  /** The payload was judged and refused; `info.findings` holds a {@link ValidationFindings} where the validator spoke. */
  | 'PayloadInvalid'
  /** Another VM of the host has the address, MAC, VRID or port. */
  | 'AddressInUse'
  /** A file of the VM is damaged or not what it should be. */
  | 'VmDamaged'
  /** A filter, column or sort key that does not exist. */
  | 'KeyInvalid'
  /** `lookup -1` found none or several. */
  | 'NotUnique'
  /** The VM is in no state for what was asked. */
  | 'VmBadState' | 'TimedOut'
  /** It is marked indestructible, or others use what is its own. */
  | 'VmProtected' | 'VmInUse'
  /** What is received is no VM that was sent, or not all of it. */
  | 'BundleInvalid'; // prettier-ignore

/** An error about a VM or a payload, with one of the codes above. The message is what the command prints. */
export function vmError(code: VmErrorCode, message: string, details: ErrorDetails = {}): SmartadmError {
  return new SmartadmError(code, message, details);
}

/** A refused payload, in the words `vmadm(8)` prints. */
export function refused(message: string, details: ErrorDetails = {}): SmartadmError {
  return vmError('PayloadInvalid', message, details);
}
