// Files in a tree that somebody hostile has made or is changing, the root of a zone: no path, link or mount in it leads
// out of it. Paths are relative to `root`, which is not to be a symbolic link itself.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace smartadm::rootfs {

enum class Kind { kMissing, kFile, kDirectory, kSymlink, kOther };

// What is at `path`. Throws ELOOP when a directory on the way is a symbolic link, ENOTDIR when one is something else.
Kind KindOf(const std::string& root, const std::string& path);

// What a regular file holds; nothing when it is missing. Throws EFBIG past `limit` bytes, EINVAL for what is no file.
std::optional<std::vector<uint8_t>> ReadFile(const std::string& root, const std::string& path, uint64_t limit);

// Replaces or makes a file of the host's root in one step. A symbolic link of that name is replaced, not followed.
void WriteFile(const std::string& root, const std::string& path, const std::vector<uint8_t>& data, mode_t mode);

// Makes a directory and those on the way to it; fine when it is there.
void MakeDirectory(const std::string& root, const std::string& path, mode_t mode);

// Removes an empty directory; fine when it is missing. On Linux, what other mount namespaces have mounted there goes
// too.
void RemoveDirectory(const std::string& root, const std::string& path);

}  // namespace smartadm::rootfs
