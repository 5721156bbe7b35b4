// System calls that Node does not offer: file locks, mounts, loop devices, processes by descriptor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "core/unique_fd.h"

namespace smartadm::posix {

// A lock on a whole file, held by an open file description: it excludes other openings of the file, in this process as
// in others, and fcntl locks of other programs. It ends when this object does, or the process.
class FileLock {
 public:
  explicit FileLock(UniqueFd file) noexcept : file_(std::move(file)) {}
  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  UniqueFd file_;
};

// Locks `path`, made with `mode` when missing. Nothing when somebody else holds it and `wait` is false.
std::optional<FileLock> LockFile(const std::string& path, uint32_t mode, bool wait);

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

// Ends a loop device once its users are gone.
void DetachLoop(const std::string& device);

// Fails when `to` exists, with EEXIST.
void RenameNoReplace(const std::string& from, const std::string& to);

// Swaps two existing paths in one step.
void RenameExchange(const std::string& first, const std::string& second);

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
