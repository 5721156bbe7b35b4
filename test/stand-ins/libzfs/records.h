// The records of send streams, and files that do not outlive their use.
#pragma once

#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

namespace standin {

constexpr size_t kHeader = 312;
constexpr size_t kChecksumAt = 280;
constexpr uint64_t kMagic = 0x2F5BACBAC;
// The object that the archive is in: no real stream has one of this number.
constexpr uint64_t kArchive = 0x61726368697665;
// And the object that names the sockets, which no archive of tar holds: mode, owner, group, path and a zero byte.
constexpr uint64_t kSockets = kArchive + 1;
// The feature of a stream that goes on from where another was cut off.
constexpr uint64_t kResuming = uint64_t{1} << 26;
enum : uint32_t {
  kBegin,
  kObject,
  kFreeObjects,
  kWrite,
  kFree,
  kEnd,
  kByReference,
  kSpill,
  kEmbedded,
  kRange,
  kRedact
};

struct Record {
  std::array<uint8_t, kHeader> bytes = {};

  template <typename T>
  T Get(size_t at) const {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  }
  template <typename T>
  void Put(size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
};

// Bytes that follow a record.
inline uint64_t PayloadOf(const Record& record) {
  const auto padded = [](uint64_t size) { return (size + 7) / 8 * 8; };
  switch (record.Get<uint32_t>(0)) {
    case kBegin:
      return record.Get<uint32_t>(4);
    case kObject:
      return padded(record.Get<uint32_t>(36) != 0 ? record.Get<uint32_t>(36) : record.Get<uint32_t>(28));
    case kWrite:
      return record.bytes[50] != 0 ? record.Get<uint64_t>(96) : record.Get<uint64_t>(32);
    case kSpill:
      return record.Get<uint64_t>(40) != 0 ? record.Get<uint64_t>(40) : record.Get<uint64_t>(16);
    case kEmbedded:
      return padded(record.Get<uint32_t>(52));
    default:
      return 0;
  }
}

class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  ~Temporary() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace standin
