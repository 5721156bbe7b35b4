// Reads what lies below one folder and nowhere else, packed for the writer of streams: every name is resolved by
// openat2 beneath it, without symbolic links. Layouts as in lib/host/zfs-stream/write-source.ts.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/unique_fd.h"

namespace smartadm::snapshot {

using Bytes = std::span<const uint8_t>;

// Where data was found: nothing but a hole follows when `size` is 0.
struct Found {
  uint64_t at;
  uint64_t size;
};

class Snapshot {
 public:
  // `path` is a folder, or the file of a volume; not a link to one.
  explicit Snapshot(const std::string& path);

  // All entries of a folder but mounts and subvolumes: of each u16 length of the name, name, u32 mode, u32 links, u64
  // inode number, u64 size, i64 nanoseconds of the last change.
  std::vector<uint8_t> List(const std::string& folder);

  // Entries at `paths` (u16 length, path; the empty one is the root) one after the other, until the result holds
  // `enough` bytes: of each u32 length of what follows, the fields of statx(2), target of a link, extended attributes,
  // and, of files up to `content_size` bytes, what they hold.
  std::vector<uint8_t> Describe(Bytes paths, uint64_t content_size, uint64_t enough);

  // Fills `buffer` from the first data at or after `offset`, beginning at a multiple of `block`. The empty path is the
  // file that was opened.
  Found Read(const std::string& path, uint64_t offset, uint64_t block, std::span<uint8_t> buffer);

 private:
  int FolderOf(const std::string& path);

  std::mutex running_;
  UniqueFd root_;
  uint64_t device_ = 0;
  bool is_btrfs_ = false;
  // Folder and file used last.
  std::string folder_path_;
  UniqueFd folder_;
  std::string file_path_;
  UniqueFd file_;
};

}  // namespace smartadm::snapshot
