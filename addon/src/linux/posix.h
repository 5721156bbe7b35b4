// System calls that Node does not offer: mounts, loop devices, processes by descriptor.
#pragma once

#include <cstdint>
#include <string>

#include "core/unique_fd.h"

namespace smartadm::posix {

// mount(2) with flags as numbers of <sys/mount.h>.
void Mount(const std::string& source, const std::string& target, const std::string& type, uint64_t flags,
           const std::string& data);

// umount2(2); never follows a symbolic link at `target`.
void Unmount(const std::string& target, bool detach);

// A loop device that goes away by itself when its last user closes it: this object, or a mount.
struct LoopDevice {
  std::string path;
  UniqueFd fd;
};

LoopDevice AttachLoop(const std::string& file, bool read_only);

// One process, not its number: a number that is used again is never mistaken for it.
class Process {
 public:
  // Throws ESRCH when there is none.
  explicit Process(int pid);

  void Kill(int signal) const;

  // Waits for its end. False after `timeout_ms` (negative: no limit), or when Cancel was called.
  bool WaitForExit(int timeout_ms) const;

  // Wakes all who wait, now and later.
  void Cancel() const noexcept;

 private:
  int pid_;
  UniqueFd process_;
  UniqueFd cancelled_;
};

}  // namespace smartadm::posix
