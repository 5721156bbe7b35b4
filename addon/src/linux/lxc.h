// Running zones as liblxc and their monitors (zone_start.cc) know them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/unique_fd.h"

namespace smartadm::lxc {

// A zone whose monitor lives.
struct Monitor {
  std::string name;
  pid_t monitor;
  // 0 before init has been started, and once it has ended.
  pid_t init;
  // Milliseconds since the epoch; 0 before init has been started.
  int64_t booted_at;
  int32_t restarts;
};

// All below `lxc_path`, in no order. None when there is no such folder.
std::vector<Monitor> Monitors(const std::string& lxc_path);

std::optional<Monitor> FindMonitor(const std::string& lxc_path, const std::string& name);

// Ends all processes of a zone at once, frozen ones too. False when it does not run.
bool Stop(const std::string& lxc_path, const std::string& name);

// The console of a running zone: a terminal in raw mode, passed on by the zone's monitor to one holder at a time.
class Console {
 public:
  // Throws EBUSY when somebody else is attached, ESRCH when the zone does not run.
  Console(const std::string& lxc_path, const std::string& name);

  // A descriptor of the terminal that becomes the caller's.
  UniqueFd Terminal() const;

  // Tells the programs in the zone how large the terminal is.
  void Resize(uint16_t columns, uint16_t rows) const;

 private:
  std::string name_;
  // Attached as long as this is open.
  UniqueFd connection_;
  UniqueFd terminal_;
  // The zone's end, opened in its devpts by number: a name below its /dev could lead anywhere.
  UniqueFd zone_end_;
};

// Sets the host name in the namespace of process `pid`.
void SetHostname(pid_t pid, const std::string& hostname);

// Writes files of /proc/sys (`kernel/msgmni`) as seen from the IPC namespace of process `pid`.
void LimitIpc(pid_t pid, const std::vector<std::pair<std::string, std::string>>& settings);

// Shows a snapshot to a zone (zone_snapshots.h).
void ShowSnapshot(pid_t pid, const std::string& root, const std::string& name, const std::string& source);

// Limits the memory that process `pid` may lock, in bytes. A limit that this process may not raise stays as it is.
void LimitLockedMemory(pid_t pid, uint64_t bytes);

}  // namespace smartadm::lxc
