// Subvolumes, their quotas and what is kept on them, by libbtrfsutil and btrfs' ioctls. Plain C++.
//
// No path is followed through a symbolic link: some of the folders above a subvolume may belong to a zone, which could
// put one there at any moment.
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
  // The extended attribute that was asked for.
  std::optional<std::string> attribute;
};

void CreateSubvolume(const std::string& path);

// A writable snapshot of the subvolume `source`.
void SnapshotSubvolume(const std::string& source, const std::string& path);

// Removes a subvolume and those inside it. Space is freed later, by the kernel.
void DeleteSubvolume(const std::string& path);

void SetReadOnly(const std::string& path, bool read_only);

// The subvolume whose root `path` is; nothing when `path` does not exist or is something else. Its `path` stays empty.
std::optional<Subvolume> Inspect(const std::string& path, const std::string& attribute);

// All subvolumes inside the subvolume whose root `path` is, by path; with the root of a mount, all of the filesystem.
// Only with the latter all of the filesystem is read.
std::vector<Subvolume> List(const std::string& path, const std::string& attribute);

// The subvolumes that are entries of a folder, by name, which is their `path`; none when there is no such folder.
std::vector<Subvolume> ListFolder(const std::string& path, const std::string& attribute);

// Among others, the subvolumes of the filesystem that began as snapshots of one of `ids`, or have replaced one that
// did: those made from a subvolume that is gone, or made from one made from such, come along. By path.
std::vector<Subvolume> ListCopies(const std::string& top, const std::vector<uint64_t>& ids,
                                  const std::string& attribute);

// Where subvolume `id` lies below the top of the filesystem; nothing when there is none.
std::optional<std::string> FindPath(const std::string& top, uint64_t id);

// Fails when `to` exists, with EEXIST.
void Rename(const std::string& from, const std::string& to);

// Removes an empty folder; fine when there is none. Fails with EEXIST when it is a subvolume.
void RemoveFolder(const std::string& path);

// Swaps two existing paths in one step.
void Exchange(const std::string& first, const std::string& second);

// Sets how everything inside the subvolume, without those inside it, is compressed when written from now on: `zstd`,
// `lzo`, `zlib`; empty means not at all.
void SetCompression(const std::string& path, const std::string& method);

// Sets an extended attribute in one step, without following a symbolic link; an empty value removes it.
void SetAttribute(const std::string& path, const std::string& name, const std::string& value);

// Turns quotas on; fine when they are. True when they are simple ones, which kernels before 6.7 do not have.
bool EnableQuotas(const std::string& top);

// Whether quotas are on, and simple.
enum class QuotaMode { kOff, kSimple, kFull };
QuotaMode GetQuotaMode(const std::string& top);

// Qgroup ids have the level in the upper 16 bits. Making one that exists and removing one that does not is fine.
void CreateQgroup(const std::string& top, uint64_t id);
// None when there is no such group.
std::vector<uint64_t> QgroupMembers(const std::string& top, uint64_t id);
// Removing one frees its members first.
void RemoveQgroup(const std::string& top, uint64_t id);
void AssignQgroup(const std::string& top, uint64_t member, uint64_t group, bool assign);

// What a limit or a figure counts: all bytes that a qgroup refers to, which is what simple quotas charge it with, or
// those that nobody else shares.
enum class Counted { kReferenced, kExclusive };

// Limits the bytes of a qgroup; nothing means no limit.
void LimitQgroup(const std::string& top, uint64_t id, std::optional<uint64_t> bytes, Counted counted);

// Bytes of each of the qgroups; nothing where there is no such group.
std::vector<std::optional<uint64_t>> Usage(const std::string& top, const std::vector<uint64_t>& ids, Counted counted);

// Writes everything out.
void Sync(const std::string& top);

}  // namespace smartadm::btrfs
