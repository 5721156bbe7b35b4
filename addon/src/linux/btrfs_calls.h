// How the files about btrfs call the kernel and libbtrfsutil, and fail. Plain C++.
#pragma once

#include <btrfsutil.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "core/unique_fd.h"

namespace smartadm::btrfs {

[[noreturn]] void Fail(const char* operation, const std::string& subject, int error = errno);

void Check(btrfs_util_error result, const char* operation, const std::string& subject);

// Through no symbolic link. Nothing, with errno set, when it cannot be opened.
UniqueFd TryOpenFolder(const std::string& path);

UniqueFd OpenFolder(const std::string& path);

std::string PathOf(const UniqueFd& fd);

// A range of keys of one tree, ends included.
struct KeyRange {
  uint64_t tree;
  uint64_t first;
  uint64_t last;
  uint32_t first_type;
  uint32_t last_type;
  uint64_t first_offset = 0;
  uint64_t last_offset = UINT64_MAX;
};

// Reads the trees of a filesystem.
class Search {
 public:
  Search(int top, const std::string& subject, size_t buffer_bytes) : top_(top), subject_(subject) {
    buffer_.resize(sizeof(struct btrfs_ioctl_search_args_v2) + buffer_bytes);
  }

  // Hands each item in the range to `take`, in as few calls as it takes. False when there is no such tree.
  template <typename Take>
  bool ForEach(const KeyRange& range, Take&& take) {
    struct btrfs_ioctl_search_key key = {};
    key.tree_id = range.tree;
    key.min_objectid = range.first;
    key.max_objectid = range.last;
    key.min_type = range.first_type;
    key.max_type = range.last_type;
    key.min_offset = range.first_offset;
    key.max_offset = range.last_offset;
    key.max_transid = UINT64_MAX;
    for (;;) {
      key.nr_items = UINT32_MAX;
      if (!Call(key)) return false;
      if (key.nr_items == 0) return true;
      const std::byte* at = buffer_.data() + sizeof(struct btrfs_ioctl_search_args_v2);
      const std::byte* const end = buffer_.data() + buffer_.size();
      struct btrfs_ioctl_search_header header = {};
      for (uint32_t i = 0; i < key.nr_items; ++i) {
        if (static_cast<size_t>(end - at) < sizeof header) Fail("BTRFS_IOC_TREE_SEARCH_V2", subject_, EOVERFLOW);
        std::memcpy(&header, at, sizeof header);
        at += sizeof header;
        if (static_cast<size_t>(end - at) < header.len) Fail("BTRFS_IOC_TREE_SEARCH_V2", subject_, EOVERFLOW);
        take(header, at);
        at += header.len;
      }
      // On from behind the last key.
      key.min_objectid = header.objectid;
      key.min_type = header.type;
      key.min_offset = header.offset + 1;
      if (key.min_offset == 0 && ++key.min_type == 0) ++key.min_objectid;
      if (std::tie(key.min_objectid, key.min_type, key.min_offset) >
          std::tie(key.max_objectid, key.max_type, key.max_offset)) {
        return true;
      }
    }
  }

 private:
  // The items from `key` on that fit into the buffer; false when there is no such tree.
  bool Call(struct btrfs_ioctl_search_key& key);

  int top_;
  const std::string& subject_;
  std::vector<std::byte> buffer_;
};

inline constexpr size_t kManyItemsBytes = 256 * 1024;
inline constexpr size_t kFewItemsBytes = 4 * 1024;

}  // namespace smartadm::btrfs
