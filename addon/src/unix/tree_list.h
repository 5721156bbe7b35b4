// Lists of commands as JavaScript builds them, and how they are read.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>

#include "core/native_error.h"
#include "unix/tree.h"

namespace smartadm::tree {

// Numbers as in lib/host/zfs-stream/command-list.ts.
enum class Op : uint32_t {
  kFolder = 1,
  kCreate,
  kReopen,
  kEdit,
  kWrite,
  kPunch,
  kResize,
  kMakeFolder,
  kMoveIn,
  kLinkIn,
  kMoveOut,
  kLinkOut,
  kUnlink,
  kSymlink,
  kMakeNode,
  kOwner,
  kTimes,
  kAttribute,
  kClearAttributes,
  kSweep,
  kStage,
  kMakeFile,
  kSettle,
  kEnter,
  kClear,
  kLayFolder,
  kLinkTo,
  kWhiteout,
  kOpaque,
  kFolderTimes,
};

[[noreturn]] inline void Fail(const char* operation, const std::string& subject, int error = errno) {
  throw NativeError("libc", operation, error, subject);
}

[[noreturn]] inline void Malformed() { throw NativeError("tree", "run", EINVAL, "list of commands"); }

// Reads the fields of a command: 32-bit words of the machine. Wide numbers have two, the lower first; the last word of
// a block is filled up.
class Fields {
 public:
  explicit Fields(Bytes list) : list_(list) {}

  bool AtEnd() const { return list_.empty(); }

  template <typename T>
  T Number() {
    if (list_.size() < sizeof(T)) Malformed();
    T value;
    std::memcpy(&value, list_.data(), sizeof value);
    list_ = list_.subspan(sizeof value);
    return value;
  }

  Bytes Block() {
    const size_t size = Number<uint32_t>();
    const size_t filled = (size + 3) / 4 * 4;
    if (list_.size() < filled) Malformed();
    const Bytes block = list_.first(size);
    list_ = list_.subspan(filled);
    return block;
  }

  std::string Text() {
    const Bytes block = Block();
    std::string text(block.begin(), block.end());
    if (text.find('\0') != std::string::npos) Malformed();
    return text;
  }

  // One component of a path; empty stands for the folder itself where that makes sense.
  std::string Name() {
    std::string name = Text();
    if (name == "." || name == ".." || name.find('/') != std::string::npos) Malformed();
    return name;
  }

  // How an object is called in the stage.
  std::string Object() { return std::to_string(Number<uint64_t>()); }

  timespec Time() {
    timespec time = {};
    time.tv_sec = Number<int64_t>();
    time.tv_nsec = static_cast<long>(Number<uint32_t>());
    return time;
  }

 private:
  Bytes list_;
};

}  // namespace smartadm::tree
