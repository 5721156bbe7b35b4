// Libraries of the system, opened when they are first needed, with their functions found by name.
#pragma once

#include <dlfcn.h>

#include <cerrno>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/native_error.h"

namespace smartadm {

// A library. What derives from it has a member for each function that is called, by SMARTADM_IMPORT.
class SystemLibrary {
 public:
  // `name` is what errors call it. Throws NativeError with ENOENT when there is no such file.
  SystemLibrary(const char* name, const char* file) : name_(name), opened_(::dlopen(file, RTLD_LAZY | RTLD_LOCAL)) {
    if (opened_ == nullptr) throw NativeError(name, "dlopen", "ENOENT", ENOENT, ::dlerror());
  }
  SystemLibrary(const SystemLibrary&) = delete;
  SystemLibrary& operator=(const SystemLibrary&) = delete;

  const char* name() const { return name_; }
  // Those of the members that this system's library lacks.
  const std::vector<std::string>& missing() const { return missing_; }

  // Null, and noted, when it is not there. What the library itself needs is looked through, too.
  void* Find(const char* function) {
    void* found = ::dlsym(opened_, function);
    if (found == nullptr) missing_.emplace_back(function);
    return found;
  }

 private:
  const char* name_;
  void* opened_;
  std::vector<std::string> missing_;
};

template <typename Function>
class ImportedFunction {
 public:
  ImportedFunction(SystemLibrary& library, const char* name)
      : function_(reinterpret_cast<Function*>(library.Find(name))), library_(library.name()), name_(name) {}

  // Throws ENOSYS where this system's library lacks it.
  template <typename... Arguments>
  auto operator()(Arguments&&... arguments) const {
    Require();
    return function_(std::forward<Arguments>(arguments)...);
  }

  // Throws as a call would. For what is called where nothing may be thrown any more, to end what others begin.
  void Require() const {
    if (function_ != nullptr) return;
    throw NativeError(library_, name_, "ENOSYS", ENOSYS,
                      std::string("this system's lib") + library_ + " has no " + name_);
  }

 private:
  Function* function_;
  const char* library_;
  const char* name_;
};

// A member of the same name for a function that is declared by the system's headers.
#define SMARTADM_IMPORT(name) ::smartadm::ImportedFunction<decltype(::name)> name{*this, #name};

// The one of its kind in this process: left behind at exit, when threads of ours or its own may still be in it.
template <typename Library>
const Library& Opened() {
  static const Library& library = *new Library;
  return library;
}

// Held by those who call into a library that is not made for several threads.
template <typename Library>
std::mutex& MutexOf() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}

}  // namespace smartadm
