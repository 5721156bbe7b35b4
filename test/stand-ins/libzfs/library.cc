// Handles, errors and names of libzfs.
#include "library.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace standin {
namespace {

struct Code {
  int number;
  const char* name;
  const char* text;
};

// clang-format off
constexpr Code kCodes[] = {
#define CODE(name, text) {name, #name, text},
    CODE(EZFS_NOMEM, "out of memory")
    CODE(EZFS_BADPROP, "invalid property value")
    CODE(EZFS_PROPREADONLY, "read-only property")
    CODE(EZFS_PROPTYPE, "property doesn't apply to datasets of this type")
    CODE(EZFS_PROPNONINHERIT, "property cannot be inherited")
    CODE(EZFS_PROPSPACE, "invalid quota or reservation")
    CODE(EZFS_PROPCACHED, "property not cached")
    CODE(EZFS_BADTYPE, "operation not applicable to datasets of this type")
    CODE(EZFS_BUSY, "pool or dataset is busy")
    CODE(EZFS_EXISTS, "pool or dataset exists")
    CODE(EZFS_NOENT, "no such pool or dataset")
    CODE(EZFS_BADSTREAM, "invalid backup stream")
    CODE(EZFS_DSREADONLY, "dataset is read-only")
    CODE(EZFS_VOLTOOBIG, "volume size exceeds limit for this system")
    CODE(EZFS_INVALIDNAME, "invalid name")
    CODE(EZFS_BADRESTORE, "unable to restore to destination")
    CODE(EZFS_BADBACKUP, "backup failed")
    CODE(EZFS_POOLUNAVAIL, "pool is unavailable")
    CODE(EZFS_CROSSTARGET, "operation crosses datasets or pools")
    CODE(EZFS_ZONED, "dataset in use by local zone")
    CODE(EZFS_MOUNTFAILED, "mount failed")
    CODE(EZFS_UMOUNTFAILED, "umount failed")
    CODE(EZFS_UNSHARENFSFAILED, "unshare(1M) failed")
    CODE(EZFS_SHARENFSFAILED, "share(1M) failed")
    CODE(EZFS_PERM, "permission denied")
    CODE(EZFS_NOSPC, "out of space")
    CODE(EZFS_FAULT, "bad address")
    CODE(EZFS_IO, "I/O error")
    CODE(EZFS_INTR, "signal received")
    CODE(EZFS_RECURSIVE, "recursive dataset dependency")
    CODE(EZFS_NAMETOOLONG, "dataset name is too long")
    CODE(EZFS_BADVERSION, "unsupported version")
    CODE(EZFS_NOTSUP, "operation not supported on this dataset")
    CODE(EZFS_REFTAG_RELE, "no such tag on this dataset")
    CODE(EZFS_REFTAG_HOLD, "tag already exists on this dataset")
    CODE(EZFS_TAGTOOLONG, "tag too long")
    CODE(EZFS_POOLREADONLY, "pool is read-only")
    CODE(EZFS_WRONG_PARENT, "invalid parent dataset")
    CODE(EZFS_IOC_NOTSUPPORTED, "operation not supported by zfs kernel module")
    CODE(EZFS_UNKNOWN, "unknown error")
#undef CODE
};
// clang-format on

// The code and text that libzfs has for an errno.
std::pair<int, std::string> OfErrno(int error) {
  switch (error) {
    case EPERM:
    case ECANCELED:
      return {EZFS_PERM, "permission denied"};
    case EIO:
      return {EZFS_IO, "I/O error"};
    case EINTR:
      return {EZFS_INTR, "signal received"};
    case ENXIO:
    case ENODEV:
    case ENOENT:
      return {EZFS_NOENT, "dataset does not exist"};
    case ENOSPC:
    case EDQUOT:
      return {EZFS_NOSPC, "out of space"};
    case EEXIST:
      return {EZFS_EXISTS, "dataset already exists"};
    case EBUSY:
      return {EZFS_BUSY, "dataset is busy"};
    case EROFS:
      return {EZFS_POOLREADONLY, "pool is read-only"};
    case ENAMETOOLONG:
      return {EZFS_NAMETOOLONG, "dataset name is too long"};
    case ENOTSUP:
      return {EZFS_BADVERSION, "unsupported version"};
    case EAGAIN:
      return {EZFS_POOLUNAVAIL, "pool I/O is currently suspended"};
    case EXDEV:
      return {EZFS_CROSSTARGET, "operation crosses datasets or pools"};
    case ENOMEM:
      return {EZFS_NOMEM, "out of memory"};
    default:
      return {EZFS_UNKNOWN, std::strerror(error)};
  }
}

libzfs_handle_t* Live(libzfs_handle_t* library, const char* function) {
  if (library == nullptr || library->mark != kAliveMark) Die(std::string(function) + " on a library that is closed");
  return library;
}

}  // namespace

Call::Call(libzfs_handle_t* library, const char* function) : library_(Live(library, function)), function_(function) {
  const std::thread::id self = std::this_thread::get_id();
  std::thread::id nobody = {};
  is_outer_ = library_->inside.compare_exchange_strong(nobody, self);
  if (!is_outer_ && nobody != self) Die(std::string(function) + " while another thread is in this libzfs");
}

Call::Call(zfs_handle_t* handle, const char* function)
    : Call(handle != nullptr && handle->mark == kAliveMark ? handle->library : nullptr, function) {}

Call::Call(zpool_handle_t* handle, const char* function)
    : Call(handle != nullptr && handle->mark == kAliveMark ? handle->library : nullptr, function) {}

Call::~Call() {
  if (is_outer_) library_->inside = std::thread::id();
}

int Call::Fault(const std::string& action) {
  const std::string fault = FaultFor(function_);
  if (fault.empty()) return 0;
  const int code = CodeOf(fault);
  if (code != 0) return Error(library_, code, action);
  const int error = ErrnoOf(fault);
  if (error == 0) Die(fault + " is neither an errno nor a code of libzfs");
  return ErrnoError(library_, error, action);
}

int CodeOf(const std::string& name) {
  for (const Code& code : kCodes) {
    if (name == code.name) return code.number;
  }
  return 0;
}

int Error(libzfs_handle_t* library, int code, const std::string& action, const std::string& detail) {
  library->error = code;
  library->action = action;
  library->description = detail;
  for (const Code& each : kCodes) {
    if (detail.empty() && each.number == code) library->description = each.text;
  }
  if (library->prints) {
    std::fprintf(stderr, "%s: %s\n", library->action.c_str(), library->description.c_str());
    if (code == EZFS_UNKNOWN) std::abort();
    if (code == EZFS_NOMEM) std::exit(1);
  }
  return -1;
}

int ErrnoError(libzfs_handle_t* library, int error, const std::string& action, const std::string& detail) {
  const auto [code, text] = OfErrno(error);
  return Error(library, code, action, detail.empty() ? text : detail);
}

zfs_handle_t* NewHandle(libzfs_handle_t* library, const std::string& name, zfs_type_t type) {
  auto* handle = new zfs_handle;
  handle->library = library;
  handle->name = name;
  handle->type = type;
  return handle;
}

zfs_type_t TypeOf(const Dataset& dataset) { return dataset.is_volume ? ZFS_TYPE_VOLUME : ZFS_TYPE_FILESYSTEM; }
bool IsSnapshot(const zfs_handle_t* handle) { return handle->type == ZFS_TYPE_SNAPSHOT; }
bool Matches(int types, zfs_type_t type) { return (types & type) != 0; }

std::string NameProblem(const std::string& name, int types) {
  if (name.find('#') != std::string::npos) return "bookmark delimiter '#' is not expected here";
  const int error = CheckName(name);
  if (error == ENAMETOOLONG) return "name is too long";
  if (error != 0) return "invalid character or component in name";
  const bool is_snapshot = name.find('@') != std::string::npos;
  if (is_snapshot && !Matches(types, ZFS_TYPE_SNAPSHOT)) return "snapshot delimiter '@' is not expected here";
  if (!is_snapshot && types == ZFS_TYPE_SNAPSHOT) return "missing '@' delimiter in snapshot name";
  return {};
}

}  // namespace standin

using standin::Call;

extern "C" {

libzfs_handle_t* libzfs_init(void) {
  const int fault = standin::ErrnoFaultFor("libzfs_init");
  if (fault != 0) {
    errno = fault;
    return nullptr;
  }
  auto library = std::make_unique<libzfs_handle>();
  // Like the real one, without close-on-exec.
  library->descriptors[0] = ::open((standin::Root() + "/dev/zfs").c_str(), O_RDWR);
  if (library->descriptors[0] < 0) return nullptr;
  library->descriptors[1] = ::open("/dev/null", O_RDONLY);
  const int error = libzfs_core_init();
  if (error != 0) {
    for (const int fd : library->descriptors) ::close(fd);
    errno = error;
    return nullptr;
  }
  return library.release();
}

void libzfs_fini(libzfs_handle_t* library) {
  { const Call call(library, "libzfs_fini"); }
  for (const int fd : library->descriptors) ::close(fd);
  libzfs_core_fini();
  library->mark = kClosedMark;
  delete library;
}

void libzfs_print_on_error(libzfs_handle_t* library, boolean_t prints) { library->prints = prints != B_FALSE; }
int libzfs_errno(libzfs_handle_t* library) {
  const Call call(library, "libzfs_errno");
  return library->error;
}
const char* libzfs_error_action(libzfs_handle_t* library) {
  const Call call(library, "libzfs_error_action");
  return library->action.c_str();
}
const char* libzfs_error_description(libzfs_handle_t* library) {
  const Call call(library, "libzfs_error_description");
  return library->description.empty() ? "no error" : library->description.c_str();
}
void libzfs_mnttab_cache(libzfs_handle_t*, boolean_t) {}

zfs_handle_t* zfs_open(libzfs_handle_t* library, const char* given, int types) {
  Call call(library, "zfs_open");
  const std::string name = given;
  const std::string action = "cannot open '" + name + "'";
  if (call.Fault(action) != 0) return nullptr;
  const std::string problem = standin::NameProblem(name, ZFS_TYPE_DATASET);
  if (!problem.empty() && name.find('#') == std::string::npos) {
    standin::Error(library, EZFS_INVALIDNAME, action, problem);
    return nullptr;
  }
  const auto state = standin::Look();
  if (name.find('#') != std::string::npos && standin::Matches(types, ZFS_TYPE_BOOKMARK)) {
    if (state->FindBookmark(name).second != nullptr) return standin::NewHandle(library, name, ZFS_TYPE_BOOKMARK);
    standin::Error(library, EZFS_NOENT, action, "dataset does not exist");
    return nullptr;
  }
  const auto [dataset, snapshot] = state->FindSnapshot(name);
  const bool wants_snapshot = name.find('@') != std::string::npos;
  if (dataset == nullptr || (wants_snapshot && snapshot == nullptr)) {
    standin::Error(library, EZFS_NOENT, action, "dataset does not exist");
    return nullptr;
  }
  const zfs_type_t type = wants_snapshot ? ZFS_TYPE_SNAPSHOT : standin::TypeOf(*dataset);
  if (!standin::Matches(types, type)) {
    standin::Error(library, EZFS_BADTYPE, action);
    return nullptr;
  }
  return standin::NewHandle(library, name, type);
}

void zfs_close(zfs_handle_t* handle) {
  { const Call call(handle, "zfs_close"); }
  nvlist_free(handle->user_properties);
  handle->mark = kClosedMark;
  delete handle;
}

zfs_type_t zfs_get_type(const zfs_handle_t* handle) { return handle->type; }
const char* zfs_get_name(const zfs_handle_t* handle) { return handle->name.c_str(); }
libzfs_handle_t* zfs_get_handle(zfs_handle_t* handle) { return handle->library; }

zpool_handle_t* zfs_get_pool_handle(const zfs_handle_t* handle) {
  auto& pool = handle->library->pools[standin::PoolOf(handle->name)];
  if (!pool) {
    pool = std::make_unique<zpool_handle>();
    pool->library = handle->library;
    pool->name = standin::PoolOf(handle->name);
  }
  return pool.get();
}

boolean_t zfs_dataset_exists(libzfs_handle_t* library, const char* name, zfs_type_t types) {
  const Call call(library, "zfs_dataset_exists");
  if (!standin::NameProblem(name, types).empty()) return B_FALSE;
  const auto state = standin::Look();
  const auto [dataset, snapshot] = state->FindSnapshot(name);
  if (dataset == nullptr) return B_FALSE;
  const bool wants_snapshot = std::strchr(name, '@') != nullptr;
  if (wants_snapshot) return snapshot != nullptr && standin::Matches(types, ZFS_TYPE_SNAPSHOT) ? B_TRUE : B_FALSE;
  return standin::Matches(types, standin::TypeOf(*dataset)) ? B_TRUE : B_FALSE;
}

boolean_t zfs_bookmark_exists(const char* name) {
  return standin::Look()->FindBookmark(name).second != nullptr ? B_TRUE : B_FALSE;
}

int zfs_name_valid(const char* name, zfs_type_t type) {
  if (type == ZFS_TYPE_BOOKMARK) {
    std::string as_snapshot = name;
    const size_t hash = as_snapshot.find('#');
    if (hash == std::string::npos) return 0;
    as_snapshot[hash] = '@';
    return standin::NameProblem(as_snapshot, ZFS_TYPE_SNAPSHOT).empty() ? -1 : 0;
  }
  return standin::NameProblem(name, type).empty() ? -1 : 0;
}

}  // extern "C"
