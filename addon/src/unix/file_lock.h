// Locks on files, the same on both systems.
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

}  // namespace smartadm::posix
