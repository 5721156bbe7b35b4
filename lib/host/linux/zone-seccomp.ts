/** System calls that zones may not make. */

/** TUNSETIFF, TUNSETPERSIST, TUNSETOWNER, TUNSETLINK, TUNSETGROUP, TUNSETIFINDEX, TUNSETQUEUE; SIOCSIFHWADDR. */
const tapRequests = [
  '0x400454ca', '0x400454cb', '0x400454cc', '0x400454cd', '0x400454ce', '0x400454da', '0x400454d9', '0x8924',
]; // prettier-ignore

/**
 * System calls refused to every zone, in the form liblxc reads: those that reach the host's kernel past every namespace,
 * and those through which kernels were broken and that no zone is known to need.
 */
export const seccompProfile = `2
denylist
reject_force_umount
[all]
kexec_load errno 1
kexec_file_load errno 1
open_by_handle_at errno 1
init_module errno 1
finit_module errno 1
delete_module errno 1
bpf errno 1
perf_event_open errno 1
userfaultfd errno 1
lookup_dcookie errno 1
`;

/**
 * As above, for zones of emulators: nothing of namespaces, mounts, devices, keys or other processes, no requests by which
 * a tap outlives its owner or becomes another, and no kernel interfaces that queue work past these very rules.
 */
export const emulatorSeccompProfile = `${seccompProfile}${[
  ...['mount', 'umount2', 'pivot_root', 'chroot', 'move_mount', 'open_tree', 'fsopen', 'fsmount', 'fspick', 'mount_setattr'],
  ...['unshare', 'setns', 'mknod', 'mknodat', 'swapon', 'swapoff', 'reboot', 'acct', 'quotactl', 'settimeofday', 'clock_settime'],
  ...['keyctl', 'add_key', 'request_key', 'ptrace', 'process_vm_readv', 'process_vm_writev', 'kcmp', 'pidfd_getfd'],
  ...['io_uring_setup', 'io_uring_enter', 'io_uring_register', 'name_to_handle_at', 'personality', 'syslog', 'iopl', 'ioperm'],
].map((call) => `${call} errno 1`).join('\n')}
clone3 errno 38
clone errno 1 [0,0x10000000,SCMP_CMP_MASKED_EQ,0x10000000]
${tapRequests.map((request) => `ioctl errno 1 [1,${request},SCMP_CMP_MASKED_EQ,0xffffffff]`).join('\n')}
`; // prettier-ignore
