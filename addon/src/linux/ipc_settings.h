// Limits of System V IPC, which every IPC namespace has of its own.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace smartadm {

// Writes files of /proc/sys (`kernel/msgmni`) as seen from the IPC namespace of process `pid`. The calling thread
// changes its namespace and its user for that, and is good for nothing else afterwards. Throws NativeError.
void WriteIpcSettings(pid_t pid, const std::vector<std::pair<std::string, std::string>>& settings);

}  // namespace smartadm
