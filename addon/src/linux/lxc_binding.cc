// What lxc.node exports: lxc.h as functions and handles.
#include <climits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/handle.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "linux/lxc.h"

namespace smartadm::lxc {
namespace {

using Info = Napi::CallbackInfo;

// The name of a zone, which becomes part of paths.
std::string ReadName(const Napi::Value& value) {
  std::string name = ReadString(value, "name", 255);
  if (name.empty() || name[0] == '.' || name.find('/') != std::string::npos) {
    throw Napi::TypeError::New(value.Env(), "name must be the name of a zone");
  }
  return name;
}

pid_t ReadPid(const Napi::Value& value) { return static_cast<pid_t>(ReadInteger(value, "pid", 1, INT_MAX)); }

Napi::Value ToJs(Napi::Env env, const Monitor& monitor) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", monitor.name);
  object.Set("monitor", smartadm::ToJs(env, monitor.monitor));
  object.Set("init", monitor.init == 0 ? env.Undefined() : smartadm::ToJs(env, monitor.init));
  object.Set("bootedAt", Napi::Number::New(env, static_cast<double>(monitor.booted_at)));
  object.Set("restarts", smartadm::ToJs(env, monitor.restarts));
  return object;
}

Napi::Value MonitorsBinding(const Info& info) {
  return RunWork(
      info.Env(), [path = ReadPath(info[0], "lxcPath")] { return Monitors(path); },
      [](Napi::Env env, const std::vector<Monitor>& list) {
        return smartadm::ToJs(env, list, [](Napi::Env e, const Monitor& monitor) { return ToJs(e, monitor); });
      });
}

Napi::Value FindMonitorBinding(const Info& info) {
  return RunWork(
      info.Env(), [path = ReadPath(info[0], "lxcPath"), name = ReadName(info[1])] { return FindMonitor(path, name); },
      [](Napi::Env env, const std::optional<Monitor>& monitor) {
        return monitor ? ToJs(env, *monitor) : env.Undefined();
      });
}

Napi::Value StopBinding(const Info& info) {
  return RunOnThread(
      info.Env(), [path = ReadPath(info[0], "lxcPath"), name = ReadName(info[1])] { return Stop(path, name); },
      [](Napi::Env env, bool stopped) { return smartadm::ToJs(env, stopped); });
}

Napi::Value OpenConsoleBinding(const Info& info) {
  struct Opened {
    std::shared_ptr<Console> console;
    UniqueFd terminal;
  };
  return RunOnThread(
      info.Env(),
      [path = ReadPath(info[0], "lxcPath"), name = ReadName(info[1])] {
        auto console = std::make_shared<Console>(path, name);
        UniqueFd terminal = console->Terminal();
        return Opened{std::move(console), std::move(terminal)};
      },
      [](Napi::Env env, Opened opened) {
        auto [object, handle] = NewHandle(env, std::move(opened.console));
        Export(object, "resize", [handle = handle](const Info& call) {
          const auto columns = ReadInteger<uint16_t>(call[0], "columns");
          const auto rows = ReadInteger<uint16_t>(call[1], "rows");
          handle->Get(call.Env())->Resize(columns, rows);
          return call.Env().Undefined();
        });
        object.Set("fd", Napi::Number::New(env, opened.terminal.release()));
        return object;
      });
}

Napi::Value SetHostnameBinding(const Info& info) {
  return RunWork(info.Env(), [pid = ReadPid(info[0]), hostname = ReadString(info[1], "hostname", 64)] {
    SetHostname(pid, hostname);
  });
}

// A path below /proc/sys, of which none leads elsewhere.
std::string ReadSetting(Napi::Env env, std::string file) {
  if (file.empty() || file[0] == '/' || file.find("..") != std::string::npos) {
    throw Napi::TypeError::New(env, "settings must be named by a path below /proc/sys");
  }
  return file;
}

Napi::Value LimitIpcBinding(const Info& info) {
  const pid_t pid = ReadPid(info[0]);
  const Napi::Object object = ReadObject(info[1], "settings");
  const Napi::Array names = object.GetPropertyNames();
  std::vector<std::pair<std::string, std::string>> settings;
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = ReadSetting(info.Env(), ReadString(names.Get(i), "setting", 128));
    settings.emplace_back(name, ReadString(object.Get(name), name, 128));
  }
  return RunWork(info.Env(), [pid, settings = std::move(settings)] { LimitIpc(pid, settings); });
}

// The name of a snapshot, which becomes that of a folder.
std::string ReadEntry(const Napi::Value& value) {
  std::string name = ReadString(value, "snapshot", 255);
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    throw Napi::TypeError::New(value.Env(), "snapshot must be the name of a snapshot");
  }
  return name;
}

Napi::Value ShowSnapshotBinding(const Info& info) {
  return RunWork(info.Env(), [pid = ReadPid(info[0]), root = ReadPath(info[1], "root"), name = ReadEntry(info[2]),
                              source = ReadPath(info[3], "source")] { ShowSnapshot(pid, root, name, source); });
}

Napi::Value LimitLockedMemoryBinding(const Info& info) {
  return RunWork(info.Env(),
                 [pid = ReadPid(info[0]), bytes = ReadByteCount(info[1], "bytes")] { LimitLockedMemory(pid, bytes); });
}

Napi::Object Init(Napi::Env, Napi::Object exports) {
  Export(exports, "monitors", MonitorsBinding);
  Export(exports, "findMonitor", FindMonitorBinding);
  Export(exports, "stop", StopBinding);
  Export(exports, "openConsole", OpenConsoleBinding);
  Export(exports, "setHostname", SetHostnameBinding);
  Export(exports, "limitIpc", LimitIpcBinding);
  Export(exports, "showSnapshot", ShowSnapshotBinding);
  Export(exports, "limitLockedMemory", LimitLockedMemoryBinding);
  return exports;
}

NODE_API_MODULE(lxc, Init)

}  // namespace
}  // namespace smartadm::lxc
