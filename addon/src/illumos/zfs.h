// ZFS datasets, snapshots, streams and pools by libzfs and libzfs_core, on illumos and with OpenZFS on Linux.
//
// libzfs is looked for when it is first needed and its functions by name, so a system that lacks one loses only what
// needs it. None of its calls may run beside another: run them by `Exclusively`, unless a function says otherwise. What
// the library would end the process for is refused here.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

struct libzfs_handle;

namespace smartadm::zfs {

// Throws NativeError when there is no such library.
void OpenLibrary();

// Functions of the library that this system lacks.
std::vector<std::string> MissingFunctions();

// Held by whoever calls the library.
std::mutex& LibraryMutex();

template <typename Work>
auto Exclusively(Work&& work) {
  const std::lock_guard lock(LibraryMutex());
  return work();
}

enum class Type { kFilesystem, kVolume, kSnapshot, kBookmark };

enum class Source { kNone, kDefault, kTemporary, kLocal, kInherited, kReceived };

struct Property {
  std::string value;
  Source source;
  // The dataset that an inherited one is from.
  std::string from;
};

// By name.
using Properties = std::map<std::string, Property>;
using Settings = std::map<std::string, std::string>;

struct DatasetInfo {
  std::string name;
  Type type;
  Properties properties;
};

// What is told of a dataset.
struct Asked {
  std::vector<std::string> properties;
  bool user_properties = false;
};

struct Query {
  // All pools when empty.
  std::string root;
  std::vector<Type> types;
  int depth;
  Asked asked;
};

struct Making {
  bool parents, mount;
};

// Where a stream that was cut off goes on: in an object, behind so many bytes of it.
struct Position {
  uint64_t object, offset;
};

struct Stream {
  std::string snapshot;
  // Empty for a full one.
  std::string from;
  bool embedded, large_blocks, compressed, raw;
  std::optional<Position> resume;
};

struct Receiving {
  // Empty when the stream is full, or the target is there.
  std::string origin;
  Settings properties;
  bool force, mount;
  // What came of a stream that is cut off is kept, with a token to go on from.
  bool resumable;
};

struct PoolInfo {
  std::string name, state;
  Properties properties;
};

// A libzfs of one's own. Throws NativeError with the library's codes, or an errno's name where the system failed.
class Session {
 public:
  // Takes the library's lock by itself, as does the destructor.
  Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  bool Exists(const std::string& name, const std::vector<Type>& types);
  DatasetInfo Get(const std::string& name, const Asked& asked);
  // Each dataset before its snapshots, and these before what is below it.
  std::vector<DatasetInfo> List(const Query& query);
  void Set(const std::string& name, const Settings& settings);
  void Inherit(const std::string& name, const std::string& property, bool received);

  void Create(const std::string& name, Type type, Settings settings, const Making& making);
  void Clone(const std::string& snapshot, const std::string& target, const Settings& settings, const Making& making);
  std::vector<std::string> Dependents(const std::string& name);
  void Destroy(const std::string& name, bool recursive, bool force);
  void Rollback(const std::string& snapshot, bool destroy_newer);
  void Rename(const std::string& from, const std::string& to, bool recursive, bool force);
  void Promote(const std::string& name);
  // Whether it is mounted now.
  bool Mount(const std::string& name, const std::optional<std::string>& options, bool overlay);
  void Unmount(const std::string& name, bool force);
  std::optional<std::string> MountedAt(const std::string& name);

  // What a token (`receive_resume_token`) asks for. Throws EZFS_FAULT when it is damaged, EZFS_BADPATH when what it is
  // of is no longer there.
  Stream Resume(const std::string& token);
  // Drops what is kept of a stream that was cut off.
  void Abandon(const std::string& name);

  std::vector<PoolInfo> Pools(const std::vector<std::string>& properties);
  PoolInfo Pool(const std::string& name, const std::vector<std::string>& properties);

  libzfs_handle* handle() { return handle_; }

 private:
  libzfs_handle* handle_;
};

bool IsName(const std::string& name, Type type);

// By libzfs_core; a Session must be open. All or none.
void TakeSnapshots(const std::vector<std::string>& names, const Settings& properties);
void DestroySnapshots(const std::vector<std::string>& names, bool defer);
// Snapshots by the names of their bookmarks.
void MakeBookmarks(const Settings& snapshots);
void DestroyBookmarks(const std::vector<std::string>& names);
// Tags by snapshot.
void Hold(const Settings& tags);
void Release(const Settings& tags);
// When each tag was put on, in seconds since the epoch.
std::map<std::string, uint64_t> Holds(const std::string& snapshot);

// These block for as long as the stream takes and may run beside anything else. A Session must be open.
void Send(const Stream& stream, int fd);
void Receive(const std::string& target, int fd, const Receiving& receiving);
uint64_t SendSize(const Stream& stream);

}  // namespace smartadm::zfs
