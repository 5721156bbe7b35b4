// Subvolumes, their quotas and what is kept on them, by libbtrfsutil and btrfs' ioctls. Plain C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace smartadm::btrfs {

struct Subvolume {
  // Below the top of the filesystem, without a leading slash.
  std::string path;
  uint64_t id = 0;
  bool read_only = false;
  // Seconds since the epoch.
  int64_t created = 0;
  // The extended attribute that was asked for.
  std::optional<std::string> attribute;
  // Bytes charged to the qgroups 0/id and 1/id; nothing where there is no such group.
  std::optional<uint64_t> own_bytes;
  std::optional<uint64_t> group_bytes;
};

void CreateSubvolume(const std::string& path);

// A writable snapshot of the subvolume `source`.
void SnapshotSubvolume(const std::string& source, const std::string& path);

// Removes a subvolume and those inside it. Space is freed later, by the kernel.
void DeleteSubvolume(const std::string& path);

void SetReadOnly(const std::string& path, bool read_only);

// The subvolume whose root `path` is; nothing when `path` does not exist or is something else. Its `path` stays empty.
std::optional<Subvolume> Inspect(const std::string& path, const std::string& attribute);

// All subvolumes of the filesystem mounted at `top`, parents before those inside them.
std::vector<Subvolume> List(const std::string& top, const std::string& attribute);

// Sets an extended attribute in one step, without following a symbolic link; an empty value removes it.
void SetAttribute(const std::string& path, const std::string& name, const std::string& value);

// Turns quotas on; fine when they are. True when they are simple ones, which kernels before 6.7 do not have.
bool EnableQuotas(const std::string& top);

// Whether quotas are on, and simple.
enum class QuotaMode { kOff, kSimple, kFull };
QuotaMode GetQuotaMode(const std::string& top);

// Qgroup ids have the level in the upper 16 bits. Making one that exists and removing one that does not is fine.
void CreateQgroup(const std::string& top, uint64_t id);
void RemoveQgroup(const std::string& top, uint64_t id);
void AssignQgroup(const std::string& top, uint64_t member, uint64_t group, bool assign);

// Limits the bytes charged to a qgroup; nothing means no limit.
void LimitQgroup(const std::string& top, uint64_t id, std::optional<uint64_t> bytes);

// Writes everything out.
void Sync(const std::string& top);

}  // namespace smartadm::btrfs
