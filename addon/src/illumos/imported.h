// A function of a library of the system, found by name when the library is opened.
#pragma once

#include <dlfcn.h>

#include <cerrno>
#include <string>
#include <utility>

#include "core/native_error.h"

namespace smartadm {

// Opens `file`, or throws NativeError with ENOENT.
inline void* OpenSystemLibrary(const char* library, const char* file) {
  void* opened = ::dlopen(file, RTLD_LAZY | RTLD_LOCAL);
  if (opened == nullptr) throw NativeError(library, "dlopen", "ENOENT", ENOENT, ::dlerror());
  return opened;
}

template <typename Function>
class ImportedFunction {
 public:
  // `opened` is a handle of dlopen.
  ImportedFunction(void* opened, const char* library, const char* name)
      : function_(reinterpret_cast<Function*>(::dlsym(opened, name))), library_(library), name_(name) {}

  // Throws ENOSYS where this system's library lacks it.
  template <typename... Arguments>
  auto operator()(Arguments&&... arguments) const {
    if (function_ == nullptr) {
      throw NativeError(library_, name_, "ENOSYS", ENOSYS,
                        std::string("this system's lib") + library_ + " has no " + name_);
    }
    return function_(std::forward<Arguments>(arguments)...);
  }

  bool IsMissing() const { return function_ == nullptr; }

 private:
  Function* function_;
  const char* library_;
  const char* name_;
};

}  // namespace smartadm
