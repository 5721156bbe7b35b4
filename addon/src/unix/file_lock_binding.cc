#include "unix/file_lock_binding.h"

#include <memory>
#include <optional>
#include <utility>

#include "boundary/arguments.h"
#include "boundary/handle.h"
#include "boundary/work.h"
#include "unix/file_lock.h"

namespace smartadm::posix {

Napi::Value LockFileBinding(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto work = [path = ReadPath(info[0], "path"), mode = static_cast<uint32_t>(ReadInteger(info[1], "mode", 0, 0777)),
               wait = ReadBoolean(info[2], "wait")] { return LockFile(path, mode, wait); };
  auto convert = [](Napi::Env e, std::optional<FileLock> lock) -> Napi::Value {
    if (!lock) return e.Undefined();
    return NewHandle(e, std::make_shared<FileLock>(std::move(*lock))).first;
  };
  if (info[2].As<Napi::Boolean>().Value()) return RunOnThread(env, std::move(work), convert, KeepAlive::kNo);
  return RunWork(env, std::move(work), convert);
}

}  // namespace smartadm::posix
