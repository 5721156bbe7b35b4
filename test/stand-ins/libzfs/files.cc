// Files of datasets: where they lie, copies and how much they take.
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "kernel.h"

extern char** environ;

namespace standin {
namespace {

// Mountpoints of datasets inside this one, without the root.
std::vector<std::string> MountedInside(const State& state, const Dataset& dataset) {
  std::vector<std::string> inside;
  if (dataset.mounted_at.empty()) return inside;
  for (const auto& [name, each] : state.datasets) {
    if (each.id != dataset.id && each.mounted_at.starts_with(dataset.mounted_at + "/")) {
      inside.push_back(each.mounted_at);
    }
  }
  return inside;
}

uint64_t Sum(const std::string& path, const std::vector<std::string>& without) {
  struct stat found;
  if (::lstat(path.c_str(), &found) != 0) return 0;
  uint64_t bytes = static_cast<uint64_t>(found.st_blocks) * 512;
  if (!S_ISDIR(found.st_mode)) return bytes;
  for (const std::string& each : without) {
    if (path == each) return 0;
  }
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return bytes;
  while (const dirent* entry = ::readdir(folder)) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    bytes += Sum(path + "/" + entry->d_name, without);
  }
  ::closedir(folder);
  return bytes;
}

}  // namespace

std::string DataPath(uint64_t id) { return ZfsPath("data/" + std::to_string(id)); }

std::string LivePath(const Dataset& dataset) {
  return dataset.mounted_at.empty() ? DataPath(dataset.id) : Root() + dataset.mounted_at;
}

void MakeFolders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error && !std::filesystem::is_directory(path)) Die("cannot make " + path);
}

void Remove(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
}

int Run(const std::vector<std::string>& arguments, std::string* output) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  // Node keeps its own from those that it starts.
  ::posix_spawn_file_actions_adddup2(&actions, 2, 2);
  std::vector<char*> argv;
  for (const std::string& each : arguments) argv.push_back(const_cast<char*>(each.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  char buffer[4096];
  for (ssize_t got; error == 0 && (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    if (output != nullptr) output->append(buffer, static_cast<size_t>(got));
  }
  ::close(ends[0]);
  if (error != 0) return error;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
}

int CopyTree(const State& state, const Dataset* dataset, const std::string& from, const std::string& to) {
  const int error = Run({"cp", "-aT", "--reflink=auto", from, to});
  if (error != 0 || dataset == nullptr) return error;
  for (const std::string& inside : MountedInside(state, *dataset)) {
    const std::string folder = to + inside.substr(dataset->mounted_at.size());
    std::error_code ignored;
    for (const auto& each : std::filesystem::directory_iterator(folder, ignored)) Remove(each.path());
  }
  return 0;
}

uint64_t BytesBelow(const std::string& path) { return Sum(path, {}); }

uint64_t BytesIn(const State& state, const Dataset& dataset) {
  std::vector<std::string> without;
  for (const std::string& each : MountedInside(state, dataset)) without.push_back(Root() + each);
  return Sum(LivePath(dataset), without);
}

void AddDevice(const Dataset& dataset) {
  for (const char* kind : {"rdsk", "dsk"}) {
    const std::string path = Root() + "/dev/zvol/" + kind + "/" + dataset.name;
    MakeFolders(ParentOf(path));
    ::unlink(path.c_str());
    if (::symlink((DataPath(dataset.id) + "/disk").c_str(), path.c_str()) != 0) Die("cannot make " + path);
  }
}

void RemoveDevice(const std::string& name) {
  for (const char* kind : {"rdsk", "dsk"}) ::unlink((Root() + "/dev/zvol/" + kind + "/" + name).c_str());
}

uint64_t NumberOf(const Values& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() ? 0 : std::strtoull(found->second.c_str(), nullptr, 10);
}

uint64_t BlockSize(const Dataset& dataset) {
  const uint64_t set = NumberOf(dataset.properties, "volblocksize");
  return set == 0 ? 8192 : set;
}

uint64_t Referenced(const State& state, const Dataset& dataset) { return BytesIn(state, dataset); }

uint64_t UsedBySnapshots(const State& state, const Dataset& dataset) {
  // What a snapshot holds more than the dataset now does, as far as files without names can tell.
  uint64_t most = 0;
  for (const Snapshot& each : dataset.snapshots) most = std::max(most, each.referenced);
  const uint64_t now = Referenced(state, dataset);
  return most > now ? most - now : 0;
}

uint64_t Used(const State& state, const Dataset& dataset) {
  uint64_t own = Referenced(state, dataset);
  const Snapshot* origin = dataset.origin == 0 ? nullptr : state.FindSnapshot(dataset.origin).second;
  if (origin != nullptr) own -= std::min(own, origin->referenced);
  own += UsedBySnapshots(state, dataset);
  const uint64_t reserved = NumberOf(dataset.properties, "refreservation");
  own = std::max(own, reserved);
  for (const std::string& child : state.ChildrenOf(dataset.name)) {
    const Dataset& inside = state.datasets.at(child);
    own += std::max(Used(state, inside), NumberOf(inside.properties, "reservation"));
  }
  return own;
}

uint64_t RoomBelow(const State& state, const Dataset& dataset) {
  const std::string parent = ParentOf(dataset.name);
  uint64_t left = 0;
  if (parent.empty()) {
    const uint64_t size = state.pools.at(dataset.name);
    left = size - std::min(size, Used(state, dataset));
  } else {
    left = RoomBelow(state, state.datasets.at(parent));
    left += NumberOf(dataset.properties, "reservation");
  }
  const uint64_t quota = NumberOf(dataset.properties, "quota");
  if (quota != 0) left = std::min(left, quota - std::min(quota, Used(state, dataset)));
  return left;
}

uint64_t Available(const State& state, const Dataset& dataset) {
  const uint64_t left = RoomBelow(state, dataset);
  const uint64_t refquota = NumberOf(dataset.properties, "refquota");
  return refquota == 0 ? left : std::min(left, refquota - std::min(refquota, Referenced(state, dataset)));
}

}  // namespace standin
