/** Version of the imgadm(8) that output, files and protocol are compatible with; scripts and servers ask for it. */
export const compatibleVersion = '3.9.5';
