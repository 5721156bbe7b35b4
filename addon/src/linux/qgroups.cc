#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <unordered_map>

#include "linux/btrfs_calls.h"
#include "linux/subvolumes.h"

namespace smartadm::btrfs {
namespace {

// Not in the headers of Linux 6.1, which Debian 12 has; the kernel may know it nevertheless.
constexpr uint64_t kQuotaEnableSimple = 4;

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

}  // namespace smartadm::btrfs
