// What the parts of the stand-in for libzfs share.
#pragma once

#include <libzfs.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kernel.h"

constexpr uint64_t kAliveMark = 0x6c69627a667301;
constexpr uint64_t kClosedMark = 0xdeaddeaddeaddead;

struct zpool_handle {
  uint64_t mark = kAliveMark;
  libzfs_handle_t* library = nullptr;
  std::string name;
};

struct libzfs_handle {
  uint64_t mark = kAliveMark;
  int error = 0;
  std::string action, description, detail;
  bool prints = false;
  int descriptors[2] = {-1, -1};
  // The real library is not made for two threads in one handle; this one ends the process.
  std::atomic<std::thread::id> inside = {};
  // Of zfs_get_pool_handle: they live as long as this.
  std::map<std::string, std::unique_ptr<zpool_handle>> pools;
};

struct zfs_handle {
  uint64_t mark = kAliveMark;
  libzfs_handle_t* library = nullptr;
  std::string name;
  zfs_type_t type = ZFS_TYPE_FILESYSTEM;
  nvlist_t* user_properties = nullptr;
};

namespace standin {

// A call of the library: the handle must be open, and no other thread in it.
class Call {
 public:
  Call(libzfs_handle_t* library, const char* function);
  Call(zfs_handle_t* handle, const char* function);
  Call(zpool_handle_t* handle, const char* function);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call();

  // What a test wants it to fail with: -1 when the error is set.
  int Fault(const std::string& action);

 private:
  libzfs_handle_t* library_;
  const char* function_;
  bool is_outer_;
};

// They set the error and give -1. `detail` takes the place of the text that a code has.
int Error(libzfs_handle_t* library, int code, const std::string& action, const std::string& detail = {});
int ErrnoError(libzfs_handle_t* library, int error, const std::string& action, const std::string& detail = {});
// 0 or the number of a `EZFS_…`.
int CodeOf(const std::string& name);

zfs_handle_t* NewHandle(libzfs_handle_t* library, const std::string& name, zfs_type_t type);
zfs_type_t TypeOf(const Dataset& dataset);
bool IsSnapshot(const zfs_handle_t* handle);
bool Matches(int types, zfs_type_t type);
// Why a name is none: empty when it is one.
std::string NameProblem(const std::string& name, int types);

enum class Kind { kNumber, kSize, kIndex, kText };

struct PropertyRow {
  const char* name;
  Kind kind;
  // ZFS_TYPE_* that have it.
  int types;
  bool read_only, inheritable, once;
  const char* standard;
  // Values split by blanks; `*` for whatever may follow.
  const char* values;
};
constexpr int kNotHere = -1;
// The row of a number; null when it is none that users see.
const PropertyRow* RowOf(zfs_prop_t property);
zfs_prop_t NumberOf(const std::string& name);

struct Found {
  std::string value;
  zprop_source_t source;
  std::string from;
};
// Nothing when it does not apply.
std::optional<Found> Read(const State& state, const zfs_handle_t* handle, const PropertyRow& row);
std::optional<Found> ReadSet(const State& state, const Dataset& dataset, const std::string& name, bool is_inheritable);
// Where a filesystem is to be mounted.
std::string MountpointOf(const State& state, const Dataset& dataset);

// Checks settings and brings them into their one form: -1 when the error is set.
int Normalize(libzfs_handle_t* library, zfs_type_t type, nvlist_t* list, bool is_new, const std::string& action,
              Values& values);
bool ParseSize(const std::string& text, uint64_t& bytes);
uint64_t ReservationOf(uint64_t volsize, uint64_t block, uint64_t copies);

// 0 or an errno
int Mount(const std::string& name, bool overlay);
int Unmount(const std::string& name);
void RemoveMountpoint(const std::string& name);
bool IsMountable(const State& state, const Dataset& dataset);

}  // namespace standin
