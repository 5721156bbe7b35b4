// Snapshots of a zone's root as the running zone sees them: read-only, at /checkpoints/NAME.
#pragma once

#include <sys/types.h>

#include <string>

namespace smartadm {

// Mounts the folder `source` of the host at /checkpoints/NAME of the zone that has its root at `root` and `pid` for its
// init. Leaves the calling thread, which must be the only one with its working directory or ready to part with it, in
// the zone's mount namespace, also when it throws. The guest may do what it likes meanwhile: nothing is mounted
// anywhere else, and nothing waits for it. Throws ESRCH where there is no such zone, ELOOP, ENOTDIR or EXDEV where
// something is in the way.
void ShowSnapshot(pid_t pid, const std::string& root, const std::string& name, const std::string& source);

// Does so with all in the file `list`, a line each: name, tab, source. One that cannot be shown is left out. `host` is
// the host's mount namespace.
void ShowSnapshots(pid_t pid, const std::string& root, const std::string& list, int host);

}  // namespace smartadm
