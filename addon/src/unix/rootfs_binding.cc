// What rootfs.node exports: rootfs.h as functions.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "unix/rootfs.h"

namespace smartadm::rootfs {
namespace {

using Info = Napi::CallbackInfo;

// A path as the zone sees it, `/etc/hosts`, or the same without the leading slash.
std::string ReadInner(const Napi::Value& value) {
  const std::string path = ReadPath(value, "path");
  const size_t start = path.find_first_not_of('/');
  if (start == std::string::npos) throw Napi::TypeError::New(value.Env(), "path must name something below the root");
  return path.substr(start);
}

mode_t ReadMode(const Napi::Value& value) { return static_cast<mode_t>(ReadInteger(value, "mode", 0, 07777)); }

std::optional<std::string> Word(Kind kind) {
  switch (kind) {
    case Kind::kMissing:
      return std::nullopt;
    case Kind::kFile:
      return "file";
    case Kind::kDirectory:
      return "directory";
    case Kind::kSymlink:
      return "symlink";
    case Kind::kOther:
      break;
  }
  return "other";
}

Napi::Value KindOfBinding(const Info& info) {
  return RunWork(
      info.Env(), [root = ReadPath(info[0], "root"), path = ReadInner(info[1])] { return Word(KindOf(root, path)); },
      [](Napi::Env env, const std::optional<std::string>& word) { return ToJs(env, word); });
}

Napi::Value ReadFileBinding(const Info& info) {
  return RunWork(
      info.Env(),
      [root = ReadPath(info[0], "root"), path = ReadInner(info[1]), limit = ReadByteCount(info[2], "limit")] {
        return ReadFile(root, path, limit);
      },
      [](Napi::Env env, const std::optional<std::vector<uint8_t>>& data) -> Napi::Value {
        if (!data) return env.Undefined();
        return Napi::Buffer<uint8_t>::Copy(env, data->data(), data->size());
      });
}

Napi::Value WriteFileBinding(const Info& info) {
  return RunWork(info.Env(),
                 [root = ReadPath(info[0], "root"), path = ReadInner(info[1]), data = ReadBytes(info[2], "data"),
                  mode = ReadMode(info[3])] { WriteFile(root, path, data, mode); });
}

Napi::Value MakeDirectoryBinding(const Info& info) {
  return RunWork(info.Env(), [root = ReadPath(info[0], "root"), path = ReadInner(info[1]), mode = ReadMode(info[2])] {
    MakeDirectory(root, path, mode);
  });
}

Napi::Value RemoveDirectoryBinding(const Info& info) {
  return RunWork(info.Env(),
                 [root = ReadPath(info[0], "root"), path = ReadInner(info[1])] { RemoveDirectory(root, path); });
}

Napi::Object Init(Napi::Env, Napi::Object exports) {
  Export(exports, "kindOf", KindOfBinding);
  Export(exports, "readFile", ReadFileBinding);
  Export(exports, "writeFile", WriteFileBinding);
  Export(exports, "makeDirectory", MakeDirectoryBinding);
  Export(exports, "removeDirectory", RemoveDirectoryBinding);
  return exports;
}

NODE_API_MODULE(rootfs, Init)

}  // namespace
}  // namespace smartadm::rootfs
