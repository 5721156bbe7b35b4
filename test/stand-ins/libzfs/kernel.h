// A stand-in for the kernel's part of ZFS, below libzfs_core and libzfs. All state is in files below the folder that
// the environment variable SMARTADM_STAND_IN_ROOT names:
//   system/zfs/pools         what there is: a name and its bytes on each line; written by tests
//   system/zfs/state         datasets, snapshots, properties, holds, mounts
//   system/zfs/data/ID/      what a dataset that is not mounted holds, and what a snapshot does; a volume's is `disk`
//   system/zfs/partial/ID    of a dataset whose stream was cut off: what came of it
//   system/zfs/ledger/ID     of a snapshot that was received: see `receiver`
//   system/zfs/receiver      program with arguments, one a line, that makes files of the records of a real stream
//   system/zfs/faults        calls that shall fail: `FUNCTION CODE [HOW-MANY-MAY-PASS-BEFORE]` on each line, once each
//   system/zfs/events        what was done, in order, one a line
//   dev/zfs                  opened by libzfs_init, which fails without it
//   dev/zvol/rdsk, dev/zvol/dsk
// A filesystem that is mounted has its files below the root at its mountpoint.
#pragma once

#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// illumos has a number of its own for it.
#ifndef ECKSUM
#define ECKSUM EBADE
#endif

namespace standin {

using Values = std::map<std::string, std::string>;

struct Snapshot {
  std::string name;
  uint64_t id = 0, guid = 0, txg = 0, creation = 0, referenced = 0, written = 0;
  bool deferred = false;
  Values properties;
  // Times by tag.
  std::map<std::string, uint64_t> holds;
};

struct Dataset {
  std::string name;
  bool is_volume = false;
  uint64_t id = 0, guid = 0, txg = 0, creation = 0;
  // Id of the snapshot that it is a clone of, or 0.
  uint64_t origin = 0;
  // Of the pool's state, without the root; empty when not mounted.
  std::string mounted_at;
  // Set on it, user properties too; and those that came with a stream.
  Values properties, received;
  // In the order they were taken.
  std::vector<Snapshot> snapshots;
  // Of snapshots that may have gone.
  std::vector<Snapshot> bookmarks;
  // What a stream that was cut off goes on from; empty when there is none.
  std::string token;

  const Snapshot* Find(const std::string& snapshot) const;
  Snapshot* Find(const std::string& snapshot);
};

struct State {
  uint64_t next = 1;
  // Bytes by name.
  std::map<std::string, uint64_t> pools;
  std::map<std::string, Dataset> datasets;

  const Dataset* Find(const std::string& name) const;
  Dataset* Find(const std::string& name);
  // The snapshot of a full name, or of an id, with its dataset.
  std::pair<const Dataset*, const Snapshot*> FindSnapshot(const std::string& name) const;
  std::pair<const Dataset*, const Snapshot*> FindSnapshot(uint64_t id) const;
  std::pair<const Dataset*, const Snapshot*> FindBookmark(const std::string& name) const;
  // What has the token of a stream that was cut off on its way into a dataset.
  const Dataset* FindPartial(const std::string& name) const;
  std::vector<std::string> ClonesOf(uint64_t snapshot) const;
  // Not those that are hidden.
  std::vector<std::string> ChildrenOf(const std::string& name) const;
  uint64_t NewId() { return next++; }
  uint64_t NewGuid();
};

[[noreturn]] void Die(const std::string& why);
std::string Root();
std::string ZfsPath(const std::string& rest);

// The state as it is; shared, so it must not be kept across changes.
std::shared_ptr<const State> Look();
// Runs `change` on the state while nobody else does, and keeps it when the result is 0.
int Change(const std::function<int(State&)>& change);
void Note(const std::string& event);

// What a test wants `function` to fail with; empty when nothing.
std::string FaultFor(const char* function);
// `ENOSPC` as a number; 0 when it is none.
int ErrnoOf(const std::string& name);
// The same in one for functions that return an errno.
int ErrnoFaultFor(const char* function);

std::string ParentOf(const std::string& name);
// `zones/a` and `b` of `zones/a@b`.
std::pair<std::string, std::string> Split(const std::string& name);
bool IsWithin(const std::string& name, const std::string& root);
std::string PoolOf(const std::string& name);
// 0 or the errno that a name gets: EINVAL, ENAMETOOLONG.
int CheckName(const std::string& name);

// Files

std::string DataPath(uint64_t id);
// Where the files of a dataset are now.
std::string LivePath(const Dataset& dataset);
void MakeFolders(const std::string& path);
void Remove(const std::string& path);
// Copies a folder with all that is in it, but not what is in datasets mounted inside.
int CopyTree(const State& state, const Dataset* dataset, const std::string& from, const std::string& to);
uint64_t BytesIn(const State& state, const Dataset& dataset);
uint64_t BytesBelow(const std::string& path);
void AddDevice(const Dataset& dataset);
void RemoveDevice(const std::string& name);
// The same program runs: 0 when it ends well.
int Run(const std::vector<std::string>& arguments, std::string* output = nullptr);

// Figures

uint64_t NumberOf(const Values& values, const std::string& name);
uint64_t Referenced(const State& state, const Dataset& dataset);
uint64_t UsedBySnapshots(const State& state, const Dataset& dataset);
uint64_t Used(const State& state, const Dataset& dataset);
uint64_t Available(const State& state, const Dataset& dataset);
// What is left for datasets below: `refquota` is not for those.
uint64_t RoomBelow(const State& state, const Dataset& dataset);
uint64_t BlockSize(const Dataset& dataset);

// Changes: 0 or an errno

int Create(const std::string& name, bool is_volume, const Values& properties);
int Clone(const std::string& name, const std::string& snapshot, const Values& properties);
int TakeSnapshots(const std::vector<std::string>& names, const Values& properties, std::map<std::string, int>& errors);
int DestroySnapshots(const std::vector<std::string>& names, bool defer, std::map<std::string, int>& errors);
// Snapshots by the bookmarks that are to be made of them.
int MakeBookmarks(const Values& snapshots, std::map<std::string, int>& errors);
int DestroyBookmarks(const std::vector<std::string>& names);
int Destroy(const std::string& name);
int Rename(const std::string& from, const std::string& to, bool recursive);
int RollBack(const std::string& name, const std::string& snapshot);
// The name of a snapshot that both have, when that is why not.
int Promote(const std::string& name, std::string& conflict);
// Values that are absent are taken away.
int SetProperties(const std::string& name, const std::map<std::string, std::optional<std::string>>& changes);

// Streams

// Where in a stream something is: of the object that is written next.
struct Position {
  uint64_t object = 0, offset = 0;
};
struct Begin {
  bool is_volume = false, is_resumed = false;
  uint64_t guid = 0, from = 0, creation = 0;
  // Short, and as its sender knows it.
  std::string snapshot, full_name;
  // What is behind the last record that came whole, and how many bytes the records before it and the first one have.
  Position reached = {1, 0};
  uint64_t whole = 0, first = 0;
  // Whether Send made it.
  bool is_own = false;
};
// Whether `from`, with its guid, is what a stream of `snapshot` can build on: EXDEV, ENOENT.
int CheckBase(const State& state, const std::string& snapshot, const std::string& from, uint64_t& guid, bool& is_clone);
int Send(const std::string& snapshot, const std::string& from, int fd, Position resumed = {});
// Writes a stream to a file and checks its records; EINVAL, ECKSUM or ENODATA for one that is cut off.
int Spool(int fd, const std::string& file, Begin& begin);
// Keeps what came of a stream that was cut off.
int KeepPartial(const std::string& target, const std::string& file, const Begin& begin);
// Puts what is kept of a stream before what came now. ENOENT, or EINVAL when it is another's.
int JoinPartial(const std::string& target, const std::string& file, Begin& begin);
void DropPartial(const std::string& target);
// What a token says, by name; nothing when it is none.
Values ReadToken(const std::string& token);
// Makes `target` with a snapshot of what is in the file.
int ReceiveFile(const std::string& target, const std::string& snapshot, const std::string& file, const Begin& begin,
                const std::string& origin, bool force, const Values& properties);

}  // namespace standin
