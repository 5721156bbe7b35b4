#include "linux/subvolumes.h"

#include <btrfsutil.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/native_error.h"
#include "core/owned.h"
#include "core/unique_fd.h"

namespace smartadm::btrfs {
namespace {

// Not in the headers of Linux 6.1, which Debian 12 has; the kernel may know it nevertheless.
constexpr uint64_t kQuotaEnableSimple = 4;

using Iterator = Owned<btrfs_util_subvolume_iterator, btrfs_util_destroy_subvolume_iterator>;

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

UniqueFd OpenFolder(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) Fail("open", path);
  return fd;
}

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

std::optional<uint64_t> Referenced(int qgroups, int level, uint64_t id) {
  if (qgroups < 0) return std::nullopt;
  const auto text = ReadSmallFile(qgroups, std::to_string(level) + "_" + std::to_string(id) + "/referenced");
  uint64_t bytes = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), bytes).ec != std::errc()) return std::nullopt;
  return bytes;
}

std::optional<std::string> ReadAttribute(const std::string& path, const std::string& name) {
  // No attribute of btrfs is longer than a node.
  std::array<char, 65536> value;
  const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
  if (size < 0) return std::nullopt;
  return std::string(value.data(), static_cast<size_t>(size));
}

Subvolume FromInfo(const struct btrfs_util_subvolume_info& info, int qgroups) {
  Subvolume result;
  result.id = info.id;
  result.read_only = (info.flags & BTRFS_ROOT_SUBVOL_RDONLY) != 0;
  result.created = info.otime.tv_sec;
  result.own_bytes = Referenced(qgroups, 0, info.id);
  result.group_bytes = Referenced(qgroups, 1, info.id);
  return result;
}

// One pass; nothing when a subvolume vanished in the middle of it.
std::optional<std::vector<Subvolume>> TryList(const std::string& top, const std::string& attribute) {
  const UniqueFd folder = OpenFolder(top);
  const UniqueFd qgroups = OpenQgroups(folder.get(), top);
  btrfs_util_subvolume_iterator* raw = nullptr;
  Check(btrfs_util_create_subvolume_iterator_fd(folder.get(), BTRFS_FS_TREE_OBJECTID, 0, &raw),
        "btrfs_util_create_subvolume_iterator", top);
  const Iterator iterator(raw);
  std::vector<Subvolume> result;
  for (;;) {
    char* raw_path = nullptr;
    struct btrfs_util_subvolume_info info;
    const btrfs_util_error status = btrfs_util_subvolume_iterator_next_info(iterator.get(), &raw_path, &info);
    if (status == BTRFS_UTIL_ERROR_STOP_ITERATION) return result;
    if (status == BTRFS_UTIL_ERROR_SUBVOLUME_NOT_FOUND || (status != BTRFS_UTIL_OK && errno == ENOENT)) {
      return std::nullopt;
    }
    Check(status, "btrfs_util_subvolume_iterator_next_info", top);
    const Owned<char, free> path(raw_path);
    Subvolume subvolume = FromInfo(info, qgroups.get());
    subvolume.path = path.get();
    subvolume.attribute = ReadAttribute(top + "/" + subvolume.path, attribute);
    result.push_back(std::move(subvolume));
  }
}

}  // namespace

void CreateSubvolume(const std::string& path) {
  Check(btrfs_util_create_subvolume(path.c_str(), 0, nullptr, nullptr), "btrfs_util_create_subvolume", path);
}

void SnapshotSubvolume(const std::string& source, const std::string& path) {
  Check(btrfs_util_create_snapshot(source.c_str(), path.c_str(), 0, nullptr, nullptr), "btrfs_util_create_snapshot",
        source + " to " + path);
}

void DeleteSubvolume(const std::string& path) {
  Check(btrfs_util_delete_subvolume(path.c_str(), BTRFS_UTIL_DELETE_SUBVOLUME_RECURSIVE), "btrfs_util_delete_subvolume",
        path);
}

void SetReadOnly(const std::string& path, bool read_only) {
  Check(btrfs_util_set_subvolume_read_only(path.c_str(), read_only), "btrfs_util_set_subvolume_read_only", path);
}

std::optional<Subvolume> Inspect(const std::string& path, const std::string& attribute) {
  const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return std::nullopt;
    Fail("open", path);
  }
  const btrfs_util_error is = btrfs_util_is_subvolume_fd(folder.get());
  if (is == BTRFS_UTIL_ERROR_NOT_SUBVOLUME || is == BTRFS_UTIL_ERROR_NOT_BTRFS) return std::nullopt;
  Check(is, "btrfs_util_is_subvolume", path);
  struct btrfs_util_subvolume_info info;
  Check(btrfs_util_subvolume_info_fd(folder.get(), 0, &info), "btrfs_util_subvolume_info", path);
  const UniqueFd qgroups = OpenQgroups(folder.get(), path);
  Subvolume result = FromInfo(info, qgroups.get());
  result.attribute = ReadAttribute(path, attribute);
  return result;
}

std::vector<Subvolume> List(const std::string& top, const std::string& attribute) {
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (auto result = TryList(top, attribute)) return std::move(*result);
  }
  throw NativeError("btrfs", "list", EAGAIN, top);
}

void SetAttribute(const std::string& path, const std::string& name, const std::string& value) {
  if (value.empty()) {
    if (::lremovexattr(path.c_str(), name.c_str()) != 0 && errno != ENODATA) Fail("lremovexattr", path);
    return;
  }
  if (::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) != 0) Fail("lsetxattr", path);
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

QuotaMode GetQuotaMode(const std::string& top) {
  const UniqueFd qgroups = OpenQgroups(OpenFolder(top).get(), top);
  if (!qgroups) return QuotaMode::kOff;
  const auto enabled = ReadSmallFile(qgroups.get(), "enabled");
  if (enabled && enabled->starts_with('0')) return QuotaMode::kOff;
  const auto mode = ReadSmallFile(qgroups.get(), "mode");
  return mode && mode->starts_with("squota") ? QuotaMode::kSimple : QuotaMode::kFull;
}

void CreateQgroup(const std::string& top, uint64_t id) {
  const UniqueFd folder = OpenFolder(top);
  struct btrfs_ioctl_qgroup_create_args args = {};
  args.create = 1;
  args.qgroupid = id;
  if (::ioctl(folder.get(), BTRFS_IOC_QGROUP_CREATE, &args) != 0 && errno != EEXIST)
    Fail("BTRFS_IOC_QGROUP_CREATE", top);
}

void RemoveQgroup(const std::string& top, uint64_t id) {
  const UniqueFd folder = OpenFolder(top);
  struct btrfs_ioctl_qgroup_create_args args = {};
  args.qgroupid = id;
  if (::ioctl(folder.get(), BTRFS_IOC_QGROUP_CREATE, &args) != 0 && errno != ENOENT)
    Fail("BTRFS_IOC_QGROUP_CREATE", top);
}

void AssignQgroup(const std::string& top, uint64_t member, uint64_t group, bool assign) {
  const UniqueFd folder = OpenFolder(top);
  struct btrfs_ioctl_qgroup_assign_args args = {};
  args.assign = assign ? 1 : 0;
  args.src = member;
  args.dst = group;
  // The answer 1 asks for a rescan, which simple quotas never need.
  if (::ioctl(folder.get(), BTRFS_IOC_QGROUP_ASSIGN, &args) >= 0) return;
  if (errno != (assign ? EEXIST : ENOENT)) Fail("BTRFS_IOC_QGROUP_ASSIGN", top);
}

void LimitQgroup(const std::string& top, uint64_t id, std::optional<uint64_t> bytes) {
  const UniqueFd folder = OpenFolder(top);
  struct btrfs_ioctl_qgroup_limit_args args = {};
  args.qgroupid = id;
  args.lim.flags = BTRFS_QGROUP_LIMIT_MAX_RFER;
  // All ones is btrfs' word for no limit.
  args.lim.max_rfer = bytes.value_or(UINT64_MAX);
  if (::ioctl(folder.get(), BTRFS_IOC_QGROUP_LIMIT, &args) != 0) Fail("BTRFS_IOC_QGROUP_LIMIT", top);
}

void Sync(const std::string& top) { Check(btrfs_util_sync(top.c_str()), "btrfs_util_sync", top); }

}  // namespace smartadm::btrfs
