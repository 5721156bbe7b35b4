// What posix.node exports: posix.h as functions and handles.
#include <sys/mount.h>

#include <chrono>
#include <climits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/handle.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "linux/posix.h"
#include "linux/program_run.h"
#include "unix/file_lock_binding.h"

namespace smartadm::posix {
namespace {

using Info = Napi::CallbackInfo;

uint64_t ReadMountFlags(const Napi::Value& value) {
  static const std::map<std::string, uint64_t> kFlags = {
      {"ro", MS_RDONLY},       {"nosuid", MS_NOSUID},   {"nodev", MS_NODEV}, {"noexec", MS_NOEXEC},
      {"noatime", MS_NOATIME}, {"remount", MS_REMOUNT}, {"bind", MS_BIND},   {"rec", MS_REC},
      {"private", MS_PRIVATE}, {"slave", MS_SLAVE},     {"move", MS_MOVE},
  };
  uint64_t flags = 0;
  for (const std::string& name : ReadStrings(value, "flags")) {
    const auto flag = kFlags.find(name);
    if (flag == kFlags.end()) throw Napi::TypeError::New(value.Env(), "there is no mount flag " + name);
    flags |= flag->second;
  }
  return flags;
}

Napi::Value MountBinding(const Info& info) {
  return RunWork(info.Env(),
                 [source = ReadString(info[0], "source", PATH_MAX - 1), target = ReadPath(info[1], "target"),
                  type = ReadString(info[2], "type", 64), flags = ReadMountFlags(info[3]),
                  data = ReadString(info[4], "data", 4095)] { Mount(source, target, type, flags, data); });
}

Napi::Value UnmountBinding(const Info& info) {
  return RunWork(info.Env(), [target = ReadPath(info[0], "target"), detach = ReadBoolean(info[1], "detach")] {
    Unmount(target, detach);
  });
}

Napi::Value AttachLoopBinding(const Info& info) {
  return RunWork(
      info.Env(),
      [file = ReadPath(info[0], "file"), read_only = ReadBoolean(info[1], "readOnly")] {
        return AttachLoop(file, read_only);
      },
      [](Napi::Env env, LoopDevice device) {
        const std::string path = device.path;
        Napi::Object object = NewHandle(env, std::make_shared<LoopDevice>(std::move(device))).first;
        object.Set("path", path);
        return object;
      });
}

Napi::Value OpenProcessBinding(const Info& info) {
  const int pid = static_cast<int>(ReadInteger(info[0], "pid", 1, INT_MAX));
  auto [object, handle] = NewHandle(info.Env(), std::make_shared<Process>(pid));
  Export(object, "kill", [handle = handle](const Info& call) {
    handle->Get(call.Env())->Kill(static_cast<int>(ReadInteger(call[0], "signal", 0, 64)));
    return call.Env().Undefined();
  });
  Export(object, "waitForExit", [handle = handle](const Info& call) -> Napi::Value {
    const auto timeout = ReadOptional(call[0], [](const Napi::Value& value) {
      return static_cast<int>(ReadInteger(value, "timeoutMs", 0, INT_MAX));
    });
    return RunOnThread(
        call.Env(), [process = handle->Get(call.Env()), timeout] { return process->WaitForExit(timeout.value_or(-1)); },
        [](Napi::Env env, bool exited) { return ToJs(env, exited); });
  });
  // Closing wakes those who wait, or their threads would keep the program from ending.
  Export(object, "close", [handle = handle](const Info& call) {
    if (handle->IsOpen()) handle->Get(call.Env())->Cancel();
    handle->Close();
    return call.Env().Undefined();
  });
  return object;
}

Napi::Value RunProgramBinding(const Info& info) {
  // What the longest packet filter rules need, many times over.
  constexpr size_t kMostInput = size_t{4} << 20;
  constexpr size_t kMostOutput = size_t{16} << 20;
  return RunOnThread(
      info.Env(),
      [program = Program{ReadPath(info[0], "file"), ReadStrings(info[1], "args"), ReadStrings(info[2], "environment"),
                         ReadString(info[3], "input", kMostInput),
                         std::chrono::milliseconds(ReadInteger(info[4], "timeoutMs", 1, INT_MAX)), kMostOutput}] {
        return RunProgram(program);
      },
      [](Napi::Env env, const ProgramResult& result) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("status", ToJs(env, result.status));
        object.Set("stdout", ToJs(env, result.output));
        object.Set("stderr", ToJs(env, result.errors));
        return object;
      });
}

Napi::Object Init(Napi::Env, Napi::Object exports) {
  Export(exports, "lockFile", LockFileBinding);
  Export(exports, "mount", MountBinding);
  Export(exports, "unmount", UnmountBinding);
  Export(exports, "attachLoop", AttachLoopBinding);
  Export(exports, "openProcess", OpenProcessBinding);
  Export(exports, "runProgram", RunProgramBinding);
  return exports;
}

NODE_API_MODULE(posix, Init)

}  // namespace
}  // namespace smartadm::posix
