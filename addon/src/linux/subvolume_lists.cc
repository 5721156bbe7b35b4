#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/native_error.h"
#include "core/owned.h"
#include "linux/btrfs_calls.h"
#include "linux/subvolumes.h"

namespace smartadm::btrfs {
namespace {

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
  return result;
}

using Uuid = std::array<uint8_t, BTRFS_UUID_SIZE>;

// What the root tree says of a subvolume. One that is being cleaned up has no place any more.
struct Root {
  uint64_t flags = 0;
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
    // Old ones are shorter, and have no identity.
    struct btrfs_root_item item = {};
    if (!CopyItem(item, data, header.len, offsetof(struct btrfs_root_item, generation_v2))) return;
    Root& root = roots[header.objectid];
    root.flags = le64toh(item.flags);
    std::copy(std::begin(item.uuid), std::end(item.uuid), root.uuid.begin());
    std::copy(std::begin(item.parent_uuid), std::end(item.parent_uuid), root.source.begin());
  } else if (header.type == BTRFS_ROOT_BACKREF_KEY) {
    ReadPlace(roots[header.objectid], header.offset, data, header.len);
  }
}

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

}  // namespace

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

}  // namespace smartadm::btrfs
