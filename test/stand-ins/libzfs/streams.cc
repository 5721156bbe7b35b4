// Send streams: records with their checksums. What Send makes has real records around an archive of its own; real
// streams are checked record by record, and the program that `receiver` names makes files of them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "kernel.h"
#include "records.h"

namespace standin {
namespace {

constexpr size_t kPiece = 65536;

class Checksum {
 public:
  void Add(const uint8_t* bytes, size_t size) {
    for (size_t at = 0; at + 4 <= size; at += 4) {
      uint32_t word;
      std::memcpy(&word, bytes + at, 4);
      sums_[0] += word;
      sums_[1] += sums_[0];
      sums_[2] += sums_[1];
      sums_[3] += sums_[2];
    }
  }
  void Put(uint8_t* at) const { std::memcpy(at, sums_.data(), 32); }
  bool Is(const uint8_t* at) const { return std::memcmp(at, sums_.data(), 32) == 0; }

 private:
  std::array<uint64_t, 4> sums_ = {};
};

int WriteAll(int fd, const void* bytes, size_t size) {
  const auto* at = static_cast<const uint8_t*>(bytes);
  while (size > 0) {
    const ssize_t done = ::write(fd, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    at += done;
    size -= static_cast<size_t>(done);
  }
  return 0;
}

// 0, or ENODATA where it ends before.
int ReadAll(int fd, void* bytes, size_t size) {
  auto* at = static_cast<uint8_t*>(bytes);
  while (size > 0) {
    const ssize_t got = ::read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return ENODATA;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return 0;
}

class Writer {
 public:
  explicit Writer(int fd) : fd_(fd) {}

  int Put(Record record, const std::vector<uint8_t>& payload = {}) {
    if (record.Get<uint32_t>(0) == kEnd) sum_.Put(record.bytes.data() + 8);
    sum_.Add(record.bytes.data(), kChecksumAt);
    if (record.Get<uint32_t>(0) != kBegin) sum_.Put(record.bytes.data() + kChecksumAt);
    sum_.Add(record.bytes.data() + kChecksumAt, kHeader - kChecksumAt);
    sum_.Add(payload.data(), payload.size());
    const int error = WriteAll(fd_, record.bytes.data(), kHeader);
    return error != 0 ? error : WriteAll(fd_, payload.data(), payload.size());
  }

 private:
  int fd_;
  Checksum sum_;
};

Record WriteOf(uint64_t object, uint64_t offset, size_t size, uint64_t guid) {
  Record write;
  write.Put<uint32_t>(0, kWrite);
  write.Put<uint64_t>(8, object);
  write.Put<uint64_t>(24, offset);
  write.Put<uint64_t>(32, size);
  write.Put<uint64_t>(40, guid);
  return write;
}

std::string SocketsIn(const std::string& folder) {
  std::string sockets;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat found;
    if (::lstat(each.path().c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) continue;
    sockets += std::to_string(found.st_mode & 07777) + ' ' + std::to_string(found.st_uid) + ' ' +
               std::to_string(found.st_gid) + ' ' + each.path().string().substr(folder.size()) + '\0';
  }
  return sockets;
}

}  // namespace

int CheckBase(const State& state, const std::string& snapshot, const std::string& from, uint64_t& guid,
              bool& is_clone) {
  const auto [dataset, sent] = state.FindSnapshot(snapshot);
  if (sent == nullptr) return ENOENT;
  if (from.empty()) return 0;
  if (from.find('#') != std::string::npos) {
    const auto [owner, mark] = state.FindBookmark(from);
    if (mark == nullptr) return ENOENT;
    guid = mark->guid;
    is_clone = owner != dataset;
    if (owner == dataset) return mark->txg < sent->txg ? 0 : EXDEV;
    const auto [of, origin] = state.FindSnapshot(dataset->origin);
    return origin != nullptr && of == owner && mark->txg <= origin->txg ? 0 : EXDEV;
  }
  const Snapshot* base = state.FindSnapshot(from).second;
  if (base == nullptr) return ENOENT;
  guid = base->guid;
  // Of the dataset itself, or of those it descends from, before it branched off.
  const Dataset* at = dataset;
  for (uint64_t before = sent->txg; at != nullptr;) {
    const Snapshot* own = at->Find(base->name);
    if (own != nullptr && own->id == base->id) return base->txg < before || at != dataset ? 0 : EXDEV;
    const auto [owner, origin] = state.FindSnapshot(at->origin);
    if (origin == nullptr || base->txg > origin->txg) return EXDEV;
    is_clone = true;
    at = owner;
    before = origin->txg + 1;
  }
  return EXDEV;
}

int Send(const std::string& snapshot, const std::string& from, int fd, Position resumed) {
  const auto state = Look();
  const auto [dataset, sent] = state->FindSnapshot(snapshot);
  if (sent == nullptr) return ENOENT;
  uint64_t base = 0;
  bool is_clone = false;
  const int bad = CheckBase(*state, snapshot, from, base, is_clone);
  if (bad != 0) return bad;
  const Temporary archive(ZfsPath("send-" + std::to_string(::getpid()) + '-' + std::to_string(fd)));
  const int packed = Run({"tar", "--create", "--warning=none", "--sparse", "--xattrs", "--acls", "--numeric-owner",
                          "--directory", DataPath(sent->id), "--file", archive.path(), "."});
  if (packed != 0) return packed;
  Writer writer(fd);
  Record begin;
  begin.Put<uint64_t>(8, kMagic);
  const bool is_resumed = resumed.object != 0 || resumed.offset != 0;
  begin.Put<uint64_t>(16, 1 | (dataset->is_volume ? 0 : 4 << 2) | (is_resumed ? kResuming : 0));
  begin.Put<uint64_t>(24, sent->creation);
  begin.Put<uint32_t>(32, dataset->is_volume ? 3 : 2);
  begin.Put<uint32_t>(36, (is_clone ? 1 : 0) | 12);
  begin.Put<uint64_t>(40, sent->guid);
  begin.Put<uint64_t>(48, base);
  snapshot.copy(reinterpret_cast<char*>(begin.bytes.data()) + 56, 255);
  int error = writer.Put(begin);
  std::ifstream file(archive.path(), std::ios::binary);
  for (uint64_t offset = 0; error == 0 && file;) {
    std::vector<uint8_t> piece(kPiece);
    file.read(reinterpret_cast<char*>(piece.data()), kPiece);
    piece.resize(static_cast<size_t>(file.gcount()));
    if (piece.empty()) break;
    const bool is_there = resumed.object > kArchive || (resumed.object == kArchive && offset < resumed.offset);
    if (!is_there) error = writer.Put(WriteOf(kArchive, offset, piece.size(), sent->guid), piece);
    offset += piece.size();
  }
  // They are padded to words, as all payloads are.
  std::string sockets = SocketsIn(DataPath(sent->id));
  sockets.resize((sockets.size() + 7) / 8 * 8, '\0');
  if (error == 0 && !sockets.empty()) {
    error = writer.Put(WriteOf(kSockets, 0, sockets.size(), sent->guid), {sockets.begin(), sockets.end()});
  }
  Record end;
  end.Put<uint32_t>(0, kEnd);
  end.Put<uint64_t>(40, sent->guid);
  Note("send " + snapshot);
  return error != 0 ? error : writer.Put(end);
}

int Spool(int fd, const std::string& file, Begin& begin) {
  std::ofstream out(file, std::ios::binary);
  Checksum sum;
  bool in_package = false, is_first = true;
  std::vector<uint8_t> payload;
  for (;;) {
    Record record;
    const int error = ReadAll(fd, record.bytes.data(), kHeader);
    if (error != 0) return error;
    out.write(reinterpret_cast<const char*>(record.bytes.data()), kHeader);
    const uint32_t type = record.Get<uint32_t>(0);
    if (type > kRedact || (is_first && type != kBegin)) return EINVAL;
    const uint64_t size = PayloadOf(record);
    if (size > (16U << 20)) return EINVAL;
    if (type == kBegin) {
      if (record.Get<uint64_t>(8) != kMagic) return EINVAL;
      sum = Checksum();
      const bool is_package = (record.Get<uint64_t>(16) & 3) == 2;
      if (is_package && in_package) return EINVAL;
      if (!is_package) {
        const std::string name(reinterpret_cast<const char*>(record.bytes.data()) + 56,
                               ::strnlen(reinterpret_cast<const char*>(record.bytes.data()) + 56, 256));
        if (begin.guid == 0) begin.from = record.Get<uint64_t>(48);
        begin.guid = record.Get<uint64_t>(40);
        begin.creation = record.Get<uint64_t>(24);
        begin.is_volume = record.Get<uint32_t>(32) == 3;
        begin.full_name = name;
        begin.snapshot = Split(name).second;
        begin.is_resumed = (record.Get<uint64_t>(16) & kResuming) != 0;
        if (begin.snapshot.empty()) return EINVAL;
      }
      in_package = in_package || is_package;
    }
    is_first = false;
    const bool is_last = type == kEnd && in_package && record.Get<uint64_t>(40) == 0 && begin.guid != 0;
    if (type == kEnd && !is_last && !sum.Is(record.bytes.data() + 8)) return ECKSUM;
    sum.Add(record.bytes.data(), kChecksumAt);
    const bool has_sum =
        std::any_of(record.bytes.begin() + kChecksumAt, record.bytes.end(), [](uint8_t b) { return b; });
    if (type != kBegin && has_sum && !sum.Is(record.bytes.data() + kChecksumAt)) return ECKSUM;
    sum.Add(record.bytes.data() + kChecksumAt, kHeader - kChecksumAt);
    payload.resize(size);
    const int cut = ReadAll(fd, payload.data(), size);
    if (cut != 0) return cut;
    sum.Add(payload.data(), size);
    out.write(reinterpret_cast<const char*>(payload.data()), static_cast<std::streamsize>(size));
    if (type == kWrite && record.Get<uint64_t>(8) == kArchive) begin.is_own = true;
    begin.whole += kHeader + size;
    if (type == kBegin) begin.first = begin.whole;
    if (type == kWrite) begin.reached = {record.Get<uint64_t>(8), record.Get<uint64_t>(24) + size};
    if (type == kEnd && (!in_package || is_last)) return 0;
  }
}

}  // namespace standin
