#include "linux/subvolumes.h"

#include <btrfsutil.h>
#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "core/native_error.h"
#include "core/owned.h"
#include "core/unique_fd.h"

namespace smartadm::btrfs {
namespace {

// Not in the headers of Linux 6.1, which Debian 12 has; the kernel may know it nevertheless.
constexpr uint64_t kQuotaEnableSimple = 4;

[[noreturn]] void Fail(const char* operation, const std::string& subject, int error = errno) {
  throw NativeError("btrfs", operation, error, subject);
}

// libbtrfsutil sets errno with each of its codes, except for its own three findings.
void Check(btrfs_util_error result, const char* operation, const std::string& subject) {
  switch (result) {
    case BTRFS_UTIL_OK:
      return;
    case BTRFS_UTIL_ERROR_NOT_BTRFS:
      throw NativeError("libbtrfsutil", operation, "NOT_BTRFS", EINVAL, subject + " is not on a btrfs filesystem");
    case BTRFS_UTIL_ERROR_NOT_SUBVOLUME:
      throw NativeError("libbtrfsutil", operation, "NOT_SUBVOLUME", EINVAL, subject + " is not a subvolume");
    default:
      throw NativeError("libbtrfsutil", operation, errno, subject);
  }
}

// Nothing, with errno set, when it cannot be opened.
UniqueFd TryOpenFolder(const std::string& path) {
  struct open_how how = {};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
}

UniqueFd OpenFolder(const std::string& path) {
  UniqueFd fd = TryOpenFolder(path);
  if (!fd) Fail("openat2", path);
  return fd;
}

std::string PathOf(const UniqueFd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

// An entry of a folder that is held open, so that nobody can put another in its place.
struct Entry {
  explicit Entry(const std::string& path) {
    const size_t end = path.find_last_not_of('/');
    const size_t slash = end == std::string::npos ? end : path.rfind('/', end);
    if (slash == std::string::npos) Fail("openat2", path, EINVAL);
    name = path.substr(slash + 1, end - slash);
    if (name == "." || name == "..") Fail("openat2", path, EINVAL);
    folder = OpenFolder(slash == 0 ? "/" : path.substr(0, slash));
  }
  std::string Path() const { return PathOf(folder) + "/" + name; }

  UniqueFd folder;
  std::string name;
};

// The folder in sysfs that shows what is charged to each qgroup at this moment; the quota tree on disk lags behind.
UniqueFd OpenQgroups(int top, const std::string& subject) {
  struct btrfs_ioctl_fs_info_args info = {};
  if (::ioctl(top, BTRFS_IOC_FS_INFO, &info) != 0) Fail("BTRFS_IOC_FS_INFO", subject);
  std::string path = "/sys/fs/btrfs/";
  for (size_t i = 0; i < sizeof info.fsid; ++i) {
    std::array<char, 4> digits;
    std::snprintf(digits.data(), digits.size(), "%02x", info.fsid[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) path += '-';
    path += digits.data();
  }
  return UniqueFd(::open((path + "/qgroups").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::optional<std::string> ReadSmallFile(int folder, const std::string& name) {
  const UniqueFd file(::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::array<char, 64> text;
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size <= 0) return std::nullopt;
  return std::string(text.data(), static_cast<size_t>(size));
}

constexpr unsigned kLevelShift = 48;

std::optional<uint64_t> Bytes(int qgroups, uint64_t id, const char* file) {
  const std::string group = std::to_string(id >> kLevelShift) + "_" + std::to_string(id & ((1ULL << kLevelShift) - 1));
  const auto text = ReadSmallFile(qgroups, group + file);
  uint64_t bytes = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), bytes).ec != std::errc()) return std::nullopt;
  return bytes;
}

std::optional<std::string> ReadAttribute(const std::string& path, const std::string& name) {
  // The kernel clears as much as it is offered. No attribute of btrfs is longer than a node.
  for (const size_t room : {size_t{1024}, size_t{65536}}) {
    std::string value(room, '\0');
    const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), room);
    if (size >= 0) {
      value.resize(static_cast<size_t>(size));
      return value;
    }
    if (errno != ERANGE) break;
  }
  return std::nullopt;
}

Subvolume FromInfo(const struct btrfs_util_subvolume_info& info) {
  Subvolume result;
  result.id = info.id;
  result.read_only = (info.flags & BTRFS_ROOT_SUBVOL_RDONLY) != 0;
  result.created = info.otime.tv_sec;
  return result;
}

using Uuid = std::array<uint8_t, BTRFS_UUID_SIZE>;

// What the root tree says of a subvolume. One that is being cleaned up has no place any more.
struct Root {
  uint64_t flags = 0;
  int64_t created = 0;
  Uuid uuid = {};
  // The subvolume that this began as a snapshot of; zeros when it began empty.
  Uuid source = {};
  bool placed = false;
  uint64_t parent = 0;
  uint64_t folder = 0;
  std::string name;
};

using Roots = std::unordered_map<uint64_t, Root>;

template <typename T>
bool CopyItem(T& target, const std::byte* data, size_t length, size_t least) {
  if (length < least) return false;
  std::memcpy(&target, data, std::min(length, sizeof target));
  return true;
}

// Where an item says that a subvolume lies.
bool ReadPlace(Root& root, uint64_t parent, const std::byte* data, size_t length) {
  struct btrfs_root_ref reference = {};
  if (!CopyItem(reference, data, length, sizeof reference)) return false;
  const size_t name = le16toh(reference.name_len);
  if (sizeof reference + name > length) return false;
  root.placed = true;
  root.parent = parent;
  root.folder = le64toh(reference.dirid);
  root.name.assign(reinterpret_cast<const char*>(data + sizeof reference), name);
  return true;
}

void ReadRootItem(Roots& roots, const struct btrfs_ioctl_search_header& header, const std::byte* data) {
  if (header.type == BTRFS_ROOT_ITEM_KEY) {
    // Old ones are shorter, and do not know when they were made.
    struct btrfs_root_item item = {};
    if (!CopyItem(item, data, header.len, offsetof(struct btrfs_root_item, generation_v2))) return;
    Root& root = roots[header.objectid];
    root.flags = le64toh(item.flags);
    root.created = static_cast<int64_t>(le64toh(item.otime.sec));
    std::copy(std::begin(item.uuid), std::end(item.uuid), root.uuid.begin());
    std::copy(std::begin(item.parent_uuid), std::end(item.parent_uuid), root.source.begin());
  } else if (header.type == BTRFS_ROOT_BACKREF_KEY) {
    ReadPlace(roots[header.objectid], header.offset, data, header.len);
  }
}

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
  bool Call(struct btrfs_ioctl_search_key& key) {
    for (;;) {
      auto* args = new (buffer_.data()) btrfs_ioctl_search_args_v2();
      args->key = key;
      args->buf_size = buffer_.size() - sizeof *args;
      if (::ioctl(top_, BTRFS_IOC_TREE_SEARCH_V2, args) == 0) {
        key = args->key;
        return true;
      }
      if (errno == ENOENT) return false;
      // The first item alone is longer than the buffer; none is longer than a node.
      constexpr size_t kLongest = 128 * 1024;
      const size_t needed = sizeof *args + args->buf_size;
      if (errno != EOVERFLOW || needed <= buffer_.size() || needed > kLongest)
        Fail("BTRFS_IOC_TREE_SEARCH_V2", subject_);
      buffer_.resize(needed);
    }
  }

  int top_;
  const std::string& subject_;
  std::vector<std::byte> buffer_;
};

constexpr size_t kManyItemsBytes = 256 * 1024;
constexpr size_t kFewItemsBytes = 4 * 1024;

// All of the root tree: libbtrfsutil's iterator needs three calls for each subvolume.
Roots ReadRoots(int top, const std::string& subject) {
  Roots roots;
  const KeyRange all = {BTRFS_ROOT_TREE_OBJECTID, BTRFS_FIRST_FREE_OBJECTID, BTRFS_LAST_FREE_OBJECTID,
                        BTRFS_ROOT_ITEM_KEY, BTRFS_ROOT_BACKREF_KEY};
  Search(top, subject, kManyItemsBytes).ForEach(all, [&](const auto& header, const std::byte* data) {
    ReadRootItem(roots, header, data);
  });
  return roots;
}

// Of the root tree what lies inside subvolume `base`: each subvolume refers to those directly inside it.
Roots ReadRootsInside(int top, uint64_t base, const std::string& subject) {
  Roots roots;
  Search search(top, subject, kFewItemsBytes);
  std::vector<uint64_t> pending = {base};
  while (!pending.empty()) {
    const uint64_t id = pending.back();
    pending.pop_back();
    const KeyRange own = {BTRFS_ROOT_TREE_OBJECTID, id, id, BTRFS_ROOT_ITEM_KEY, BTRFS_ROOT_REF_KEY};
    search.ForEach(own, [&](const auto& header, const std::byte* data) {
      if (header.type == BTRFS_ROOT_ITEM_KEY && id != base) ReadRootItem(roots, header, data);
      if (header.type != BTRFS_ROOT_REF_KEY) return;
      // Once only: no damaged tree leads round in circles.
      if (!roots[header.offset].placed && ReadPlace(roots[header.offset], id, data, header.len)) {
        pending.push_back(header.offset);
      }
    });
  }
  return roots;
}

// Reads an extended attribute of the root folders of subvolumes from their trees: no way that leads there matters, and
// no folder need be looked up.
class RootAttribute {
 public:
  RootAttribute(int top, const std::string& subject, const std::string& name)
      : search_(top, subject, kAttributeBytes), name_(name), hash_(Hash(name)) {}

  // Nothing when it is not set; `vanished` is set when the subvolume is not there any more.
  std::optional<std::string> Of(uint64_t subvolume, bool& vanished) {
    std::optional<std::string> value;
    const KeyRange items = {subvolume,
                            BTRFS_FIRST_FREE_OBJECTID,
                            BTRFS_FIRST_FREE_OBJECTID,
                            BTRFS_XATTR_ITEM_KEY,
                            BTRFS_XATTR_ITEM_KEY,
                            hash_,
                            hash_};
    const bool found =
        search_.ForEach(items, [&](const auto& header, const std::byte* data) { value = Find(data, header.len); });
    vanished = !found;
    return value;
  }

 private:
  // What most records fit into.
  static constexpr size_t kAttributeBytes = 2048;

  // CRC-32C without its usual beginning and end, as btrfs keys names.
  static uint64_t Hash(const std::string& name) {
    uint32_t crc = ~1U;
    for (const char c : name) {
      crc ^= static_cast<uint8_t>(c);
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
    }
    return crc;
  }

  // An item holds all attributes whose names have the same hash.
  std::optional<std::string> Find(const std::byte* data, size_t length) const {
    struct btrfs_dir_item item = {};
    while (length >= sizeof item) {
      std::memcpy(&item, data, sizeof item);
      const size_t name = le16toh(item.name_len);
      const size_t value = le16toh(item.data_len);
      if (length - sizeof item < name + value) return std::nullopt;
      const char* text = reinterpret_cast<const char*>(data + sizeof item);
      if (std::string_view(text, name) == name_) return std::string(text + name, value);
      data += sizeof item + name + value;
      length -= sizeof item + name + value;
    }
    return std::nullopt;
  }

  Search search_;
  std::string name_;
  uint64_t hash_;
};

// Puts together paths relative to one subvolume.
class Paths {
 public:
  Paths(int top, uint64_t base, const Roots& roots, const std::string& subject)
      : top_(top), roots_(roots), subject_(subject) {
    known_[base] = std::string();
  }

  // Nothing when the subvolume lies elsewhere. `vanished` is set when its folder went away meanwhile.
  std::optional<std::string> Of(uint64_t id, bool& vanished) {
    if (const auto known = known_.find(id); known != known_.end()) return known->second;
    const auto root = roots_.find(id);
    // Marked first: no damaged tree leads round in circles.
    known_[id] = std::nullopt;
    if (root == roots_.end() || !root->second.placed) return std::nullopt;
    const auto parent = Of(root->second.parent, vanished);
    if (!parent) return std::nullopt;
    const auto folder = Folder(root->second.parent, root->second.folder);
    if (!folder) {
      vanished = true;
      return std::nullopt;
    }
    std::string path = *parent;
    if (!path.empty()) path += '/';
    path += *folder + root->second.name;
    known_[id] = path;
    return path;
  }

 private:
  // A folder inside a subvolume, with a slash at its end where it is not the root.
  std::optional<std::string> Folder(uint64_t subvolume, uint64_t folder) {
    if (folder == BTRFS_FIRST_FREE_OBJECTID) return std::string();
    const auto [place, isNew] = folders_.try_emplace({subvolume, folder});
    if (!isNew) return place->second;
    struct btrfs_ioctl_ino_lookup_args args = {};
    args.treeid = subvolume;
    args.objectid = folder;
    if (::ioctl(top_, BTRFS_IOC_INO_LOOKUP, &args) == 0) {
      place->second = std::string(args.name, ::strnlen(args.name, sizeof args.name));
    } else if (errno != ENOENT) {
      Fail("BTRFS_IOC_INO_LOOKUP", subject_);
    }
    return place->second;
  }

  int top_;
  const Roots& roots_;
  const std::string& subject_;
  std::unordered_map<uint64_t, std::optional<std::string>> known_;
  std::map<std::pair<uint64_t, uint64_t>, std::optional<std::string>> folders_;
};

// A place in the tree of subvolumes that is held open.
struct Base {
  explicit Base(const std::string& path) : folder(OpenFolder(path)) {
    Check(btrfs_util_is_subvolume_fd(folder.get()), "btrfs_util_is_subvolume", path);
    Check(btrfs_util_subvolume_id_fd(folder.get(), &id), "btrfs_util_subvolume_id", path);
  }

  UniqueFd folder;
  uint64_t id = 0;
};

// Those of `roots` inside `base` that are `wanted`, by path; nothing when something was moved or removed meanwhile.
template <typename Wanted>
std::optional<std::vector<Subvolume>> Describe(const Base& base, const Roots& roots, const std::string& subject,
                                               const std::string& attribute, Wanted&& wanted) {
  RootAttribute attributes(base.folder.get(), subject, attribute);
  Paths paths(base.folder.get(), base.id, roots, subject);
  std::vector<Subvolume> result;
  for (const auto& [id, root] : roots) {
    if (id == base.id || !wanted(root)) continue;
    bool vanished = false;
    auto path = paths.Of(id, vanished);
    if (vanished) return std::nullopt;
    if (!path) continue;
    Subvolume subvolume;
    subvolume.path = std::move(*path);
    subvolume.id = id;
    subvolume.read_only = (root.flags & BTRFS_ROOT_SUBVOL_RDONLY) != 0;
    subvolume.created = root.created;
    subvolume.attribute = attributes.Of(id, vanished);
    if (vanished) return std::nullopt;
    result.push_back(std::move(subvolume));
  }
  std::sort(result.begin(), result.end(), [](const Subvolume& a, const Subvolume& b) { return a.path < b.path; });
  return result;
}

// What `attempt` finds, which returns nothing when something was moved or removed in the middle of it.
template <typename Attempt>
std::vector<Subvolume> Insist(const char* operation, const std::string& subject, Attempt&& attempt) {
  constexpr int kAttempts = 100;
  for (int i = 0; i < kAttempts; ++i) {
    if (auto result = attempt()) return std::move(*result);
  }
  throw NativeError("btrfs", operation, EAGAIN, subject);
}

// Of an open folder; nothing when it is not the root of a subvolume.
std::optional<Subvolume> InspectOpen(const UniqueFd& folder, const std::string& subject, const std::string& attribute) {
  const btrfs_util_error is = btrfs_util_is_subvolume_fd(folder.get());
  if (is == BTRFS_UTIL_ERROR_NOT_SUBVOLUME || is == BTRFS_UTIL_ERROR_NOT_BTRFS) return std::nullopt;
  Check(is, "btrfs_util_is_subvolume", subject);
  struct btrfs_util_subvolume_info info;
  Check(btrfs_util_subvolume_info_fd(folder.get(), 0, &info), "btrfs_util_subvolume_info", subject);
  Subvolume result = FromInfo(info);
  // The link in /proc is to be followed, what it leads to is no link.
  result.attribute = ReadAttribute(PathOf(folder) + "/.", attribute);
  return result;
}

std::optional<std::vector<Subvolume>> TryListFolder(const std::string& path, const std::string& attribute) {
  std::vector<Subvolume> result;
  UniqueFd folder = TryOpenFolder(path);
  if (!folder) {
    if (errno == ENOENT) return result;
    Fail("openat2", path);
  }
  const Owned<DIR, ::closedir> entries(::fdopendir(folder.get()));
  if (!entries) Fail("fdopendir", path);
  // The stream has it now.
  const int parent = folder.release();
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || entry->d_type != DT_DIR) continue;
    const UniqueFd open(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!open) {
      if (errno == ENOENT) return std::nullopt;
      Fail("openat", path + "/" + name);
    }
    auto found = InspectOpen(open, path + "/" + name, attribute);
    if (!found) continue;
    found->path = name;
    result.push_back(std::move(*found));
  }
  std::sort(result.begin(), result.end(), [](const Subvolume& a, const Subvolume& b) { return a.path < b.path; });
  return result;
}

void RenameEntry(const std::string& from, const std::string& to, unsigned flags) {
  const Entry source(from);
  const Entry target(to);
  if (::renameat2(source.folder.get(), source.name.c_str(), target.folder.get(), target.name.c_str(), flags) != 0) {
    Fail("renameat2", from + " to " + to);
  }
}

// The attribute that btrfs keeps as the property `compression` of a file or folder; new entries of a folder inherit it.
constexpr const char* kCompression = "btrfs.compression";

void SetCompressionOf(const UniqueFd& file, const std::string& method) {
  const std::string path = PathOf(file);
  const int status = method.empty() ? ::removexattr(path.c_str(), kCompression)
                                    : ::setxattr(path.c_str(), kCompression, method.data(), method.size(), 0);
  if (status != 0 && errno != ENODATA) Fail("setxattr", kCompression);
}

// Depth is bounded by that of the tree, which a path of PATH_MAX cannot name any more: each level costs a descriptor.
void SetCompressionBelow(UniqueFd folder, dev_t device, const std::string& method, int levels) {
  SetCompressionOf(folder, method);
  if (levels == 0) return;
  const Owned<DIR, ::closedir> entries(::fdopendir(folder.get()));
  if (!entries) Fail("fdopendir", "a folder");
  // The stream has it now.
  const int parent = folder.release();
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || (entry->d_type != DT_DIR && entry->d_type != DT_REG)) continue;
    // Whatever is there by now: opened as a path only, nothing happens to a device or pipe.
    UniqueFd child(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status = {};
    if (!child || ::fstat(child.get(), &status) != 0 || status.st_dev != device) continue;
    if (S_ISREG(status.st_mode)) SetCompressionOf(child, method);
    if (!S_ISDIR(status.st_mode)) continue;
    UniqueFd open(::openat(child.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (open) SetCompressionBelow(std::move(open), device, method, levels - 1);
  }
}

QuotaMode ReadMode(const UniqueFd& qgroups) {
  if (!qgroups) return QuotaMode::kOff;
  const auto enabled = ReadSmallFile(qgroups.get(), "enabled");
  if (enabled && enabled->starts_with('0')) return QuotaMode::kOff;
  const auto mode = ReadSmallFile(qgroups.get(), "mode");
  return mode && mode->starts_with("squota") ? QuotaMode::kSimple : QuotaMode::kFull;
}

// Each relation is stored in both directions; members have the lower level.
template <typename Take>
void ForEachMember(int top, uint64_t first, uint64_t last, const std::string& subject, Take&& take) {
  const KeyRange relations = {BTRFS_QUOTA_TREE_OBJECTID, first, last, BTRFS_QGROUP_RELATION_KEY,
                              BTRFS_QGROUP_RELATION_KEY};
  Search(top, subject, kManyItemsBytes).ForEach(relations, [&](const auto& header, const std::byte*) {
    if (header.type == BTRFS_QGROUP_RELATION_KEY && header.offset < header.objectid) {
      take(header.objectid, header.offset);
    }
  });
}

// From here on, opening files that need not be costs more than reading who is in which group.
constexpr size_t kManyFigures = 64;

// The groups with a single member, which with simple quotas are charged with just what that is: most datasets hold no
// other.
std::unordered_map<uint64_t, uint64_t> OnlyMembers(int top, const std::string& subject) {
  std::unordered_map<uint64_t, uint64_t> result;
  std::unordered_map<uint64_t, size_t> count;
  ForEachMember(top, 1ULL << kLevelShift, UINT64_MAX, subject, [&](uint64_t group, uint64_t member) {
    result[group] = member;
    ++count[group];
  });
  std::erase_if(result, [&](const auto& entry) { return count[entry.first] > 1; });
  return result;
}

}  // namespace

void CreateSubvolume(const std::string& path) {
  const Entry entry(path);
  Check(btrfs_util_create_subvolume_fd(entry.folder.get(), entry.name.c_str(), 0, nullptr, nullptr),
        "btrfs_util_create_subvolume", path);
}

void SnapshotSubvolume(const std::string& source, const std::string& path) {
  const UniqueFd from = OpenFolder(source);
  Check(btrfs_util_create_snapshot_fd(from.get(), Entry(path).Path().c_str(), 0, nullptr, nullptr),
        "btrfs_util_create_snapshot", source + " to " + path);
}

void DeleteSubvolume(const std::string& path) {
  const Entry entry(path);
  Check(btrfs_util_delete_subvolume_fd(entry.folder.get(), entry.name.c_str(), BTRFS_UTIL_DELETE_SUBVOLUME_RECURSIVE),
        "btrfs_util_delete_subvolume", path);
}

void SetReadOnly(const std::string& path, bool read_only) {
  Check(btrfs_util_set_subvolume_read_only_fd(OpenFolder(path).get(), read_only), "btrfs_util_set_subvolume_read_only",
        path);
}

void Rename(const std::string& from, const std::string& to) { RenameEntry(from, to, RENAME_NOREPLACE); }

void RemoveFolder(const std::string& path) {
  const Entry entry(path);
  struct stat status = {};
  if (::fstatat(entry.folder.get(), entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return;
    Fail("fstatat", path);
  }
  // rmdir(2) takes an empty subvolume too.
  if (status.st_ino == BTRFS_FIRST_FREE_OBJECTID) Fail("unlinkat", path, EEXIST);
  if (::unlinkat(entry.folder.get(), entry.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) Fail("unlinkat", path);
}

void Exchange(const std::string& first, const std::string& second) { RenameEntry(first, second, RENAME_EXCHANGE); }

void SetCompression(const std::string& path, const std::string& method) {
  UniqueFd folder = OpenFolder(path);
  struct stat status = {};
  if (::fstat(folder.get(), &status) != 0) Fail("fstat", path);
  constexpr int kLevels = 256;
  SetCompressionBelow(std::move(folder), status.st_dev, method, kLevels);
}

std::optional<Subvolume> Inspect(const std::string& path, const std::string& attribute) {
  const UniqueFd folder = TryOpenFolder(path);
  if (!folder) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return std::nullopt;
    Fail("openat2", path);
  }
  return InspectOpen(folder, path, attribute);
}

std::optional<std::string> FindPath(const std::string& top, uint64_t id) {
  char* raw = nullptr;
  const btrfs_util_error status = btrfs_util_subvolume_path_fd(OpenFolder(top).get(), id, &raw);
  if (status == BTRFS_UTIL_ERROR_SUBVOLUME_NOT_FOUND || (status != BTRFS_UTIL_OK && errno == ENOENT)) {
    return std::nullopt;
  }
  Check(status, "btrfs_util_subvolume_path", top);
  const Owned<char, free> path(raw);
  return std::string(path.get());
}

std::vector<Subvolume> List(const std::string& path, const std::string& attribute) {
  return Insist("list", path, [&] {
    const Base base(path);
    const int top = base.folder.get();
    const Roots roots = base.id == BTRFS_FS_TREE_OBJECTID ? ReadRoots(top, path) : ReadRootsInside(top, base.id, path);
    return Describe(base, roots, path, attribute, [](const Root&) { return true; });
  });
}

std::vector<Subvolume> ListFolder(const std::string& path, const std::string& attribute) {
  return Insist("listFolder", path, [&] { return TryListFolder(path, attribute); });
}

std::vector<Subvolume> ListCopies(const std::string& top, const std::vector<uint64_t>& ids,
                                  const std::string& attribute) {
  return Insist("listCopies", top, [&] {
    const Base base(top);
    const Roots roots = ReadRoots(base.folder.get(), top);
    std::map<Uuid, const Root*> there;
    for (const auto& [id, root] : roots) {
      if (root.placed) there[root.uuid] = &root;
    }
    std::set<Uuid> wanted;
    for (const uint64_t id : ids) {
      if (const auto root = roots.find(id); root != roots.end()) wanted.insert(root->second.uuid);
    }
    const Uuid none = {};
    return Describe(base, roots, top, attribute, [&](const Root& root) {
      if (root.source == none) return false;
      const auto source = there.find(root.source);
      if (source == there.end() || wanted.contains(root.source)) return true;
      const Uuid& before = source->second->source;
      return before != none && !there.contains(before);
    });
  });
}

void SetAttribute(const std::string& path, const std::string& name, const std::string& value) {
  const UniqueFd folder = OpenFolder(path);
  if (value.empty()) {
    if (::fremovexattr(folder.get(), name.c_str()) != 0 && errno != ENODATA) Fail("fremovexattr", path);
    return;
  }
  if (::fsetxattr(folder.get(), name.c_str(), value.data(), value.size(), 0) != 0) Fail("fsetxattr", path);
}

bool EnableQuotas(const std::string& top) {
  if (const QuotaMode mode = GetQuotaMode(top); mode != QuotaMode::kOff) return mode == QuotaMode::kSimple;
  const UniqueFd folder = OpenFolder(top);
  struct btrfs_ioctl_quota_ctl_args args = {};
  args.cmd = kQuotaEnableSimple;
  if (::ioctl(folder.get(), BTRFS_IOC_QUOTA_CTL, &args) == 0) return true;
  if (errno != EINVAL) Fail("BTRFS_IOC_QUOTA_CTL", top);
  args = {};
  args.cmd = BTRFS_QUOTA_CTL_ENABLE;
  if (::ioctl(folder.get(), BTRFS_IOC_QUOTA_CTL, &args) != 0) Fail("BTRFS_IOC_QUOTA_CTL", top);
  return false;
}

QuotaMode GetQuotaMode(const std::string& top) { return ReadMode(OpenQgroups(OpenFolder(top).get(), top)); }

void CreateQgroup(const std::string& top, uint64_t id) {
  const UniqueFd folder = OpenFolder(top);
  struct btrfs_ioctl_qgroup_create_args args = {};
  args.create = 1;
  args.qgroupid = id;
  if (::ioctl(folder.get(), BTRFS_IOC_QGROUP_CREATE, &args) != 0 && errno != EEXIST)
    Fail("BTRFS_IOC_QGROUP_CREATE", top);
}

std::vector<uint64_t> QgroupMembers(const std::string& top, uint64_t id) {
  std::vector<uint64_t> result;
  ForEachMember(OpenFolder(top).get(), id, id, top, [&](uint64_t, uint64_t member) { result.push_back(member); });
  return result;
}

void RemoveQgroup(const std::string& top, uint64_t id) {
  const UniqueFd folder = OpenFolder(top);
  struct btrfs_ioctl_qgroup_create_args args = {};
  args.qgroupid = id;
  if (::ioctl(folder.get(), BTRFS_IOC_QGROUP_CREATE, &args) == 0 || errno == ENOENT) return;
  if (errno != EBUSY) Fail("BTRFS_IOC_QGROUP_CREATE", top);
  for (const uint64_t member : QgroupMembers(top, id)) AssignQgroup(top, member, id, false);
  if (::ioctl(folder.get(), BTRFS_IOC_QGROUP_CREATE, &args) != 0 && errno != ENOENT) {
    Fail("BTRFS_IOC_QGROUP_CREATE", top);
  }
}

void AssignQgroup(const std::string& top, uint64_t member, uint64_t group, bool assign) {
  const UniqueFd folder = OpenFolder(top);
  struct btrfs_ioctl_qgroup_assign_args args = {};
  args.assign = assign ? 1 : 0;
  args.src = member;
  args.dst = group;
  const int status = ::ioctl(folder.get(), BTRFS_IOC_QGROUP_ASSIGN, &args);
  if (status == 0) return;
  if (status < 0) {
    if (errno != (assign ? EEXIST : ENOENT)) Fail("BTRFS_IOC_QGROUP_ASSIGN", top);
    return;
  }
  // Ordinary quotas have to count again; simple ones never. One that runs already does.
  struct btrfs_ioctl_quota_rescan_args rescan = {};
  if (::ioctl(folder.get(), BTRFS_IOC_QUOTA_RESCAN, &rescan) != 0 && errno != EINPROGRESS && errno != EINVAL) {
    Fail("BTRFS_IOC_QUOTA_RESCAN", top);
  }
}

void LimitQgroup(const std::string& top, uint64_t id, std::optional<uint64_t> bytes, Counted counted) {
  const UniqueFd folder = OpenFolder(top);
  // All ones is btrfs' word for no limit.
  const uint64_t most = bytes.value_or(UINT64_MAX);
  struct btrfs_ioctl_qgroup_limit_args args = {};
  args.qgroupid = id;
  if (counted == Counted::kReferenced) {
    args.lim.flags = BTRFS_QGROUP_LIMIT_MAX_RFER;
    args.lim.max_rfer = most;
  } else {
    args.lim.flags = BTRFS_QGROUP_LIMIT_MAX_EXCL;
    args.lim.max_excl = most;
  }
  if (::ioctl(folder.get(), BTRFS_IOC_QGROUP_LIMIT, &args) != 0) Fail("BTRFS_IOC_QGROUP_LIMIT", top);
}

std::vector<std::optional<uint64_t>> Usage(const std::string& top, const std::vector<uint64_t>& ids, Counted counted) {
  const UniqueFd folder = OpenFolder(top);
  const UniqueFd qgroups = OpenQgroups(folder.get(), top);
  const char* file = counted == Counted::kReferenced ? "/referenced" : "/exclusive";
  std::vector<std::optional<uint64_t>> result(ids.size());
  if (!qgroups) return result;
  const auto only = ids.size() < kManyFigures || ReadMode(qgroups) != QuotaMode::kSimple
                        ? std::unordered_map<uint64_t, uint64_t>()
                        : OnlyMembers(folder.get(), top);
  std::unordered_map<uint64_t, std::optional<uint64_t>> known;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto member = only.find(ids[i]);
    const uint64_t id = member == only.end() ? ids[i] : member->second;
    const auto [figure, isNew] = known.try_emplace(id);
    if (isNew) figure->second = Bytes(qgroups.get(), id, file);
    result[i] = figure->second;
  }
  return result;
}

void Sync(const std::string& top) { Check(btrfs_util_sync_fd(OpenFolder(top).get()), "btrfs_util_sync", top); }

}  // namespace smartadm::btrfs
