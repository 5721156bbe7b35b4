// zone-start: starts a zone's container and stays as its monitor until the zone has stopped.
//
// A program of its own, because liblxc's monitor is a fork of its caller: forked from Node it would keep all of Node's
// memory for as long as the zone runs. And it stays in charge between two runs of the zone, which liblxc's own daemon
// does not: a reboot from inside starts anew from the configuration on disk, not from the one in the monitor's memory.
//
// Usage: zone-start LXCPATH NAME ZONEPATH
//
// Files in LXCPATH/NAME:
//   config      what liblxc reads, at every start
//   monitor     locked (fcntl) by the monitor as long as it lives; holds "INIT-PID BOOTED-AT-MS INIT-RESTARTS",
//               pid 0 while there is no init
//   halting     as long as it exists, nothing is started (made by who halts the zone, before it kills)
//   ipc         limits of System V IPC, a line each: file below /proc/sys, blank, value
//   sources     what the zone has mounted of the host (zone_sources.h); mounted below sources.d, as 0, 1 and so on
//   emulator    what the zone of a hardware virtual machine runs instead of an init (emulator.h), in a root made for it
//   at
//               rootfs, with the zone's /tmp at temporary
//   leases      vnics that get their address from somebody else's server, a line each: the arguments of zone-lease
//               after the first, with tabs between
//   routes      what the zone has beside the routes of its addresses (zone_routes.h)
//   snapshots   those that the zone sees (zone_snapshots.h)
//   no-restart  init that ends is not started again (attribute restart-init=false)
//   log         what liblxc complains of
//
// Ends with status 0 once init runs. Otherwise with 1 and one line on standard output that says why.

#include <fcntl.h>
#include <lxc/lxccontainer.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/native_error.h"
#include "core/owned.h"
#include "core/unique_fd.h"
#include "linux/background.h"
#include "linux/emulator.h"
#include "linux/ipc_settings.h"
#include "linux/zone_command.h"
#include "linux/zone_routes.h"
#include "linux/zone_snapshots.h"
#include "linux/zone_sources.h"

namespace smartadm {
namespace {

using Clock = std::chrono::steady_clock;
using Container = Owned<lxc_container, lxc_container_put>;

// An init that ends sooner than this is not healthy: it gets a pause, and only a few more tries.
constexpr auto kQuick = std::chrono::seconds(1);
constexpr int kQuickEnds = 5;
constexpr auto kPoll = std::chrono::milliseconds(20);
constexpr auto kStartPoll = std::chrono::microseconds(500);

struct Zone {
  std::string lxc_path;
  std::string name;
  std::string zonepath;

  std::string File(const char* file) const { return lxc_path + "/" + name + "/" + file; }
  bool Has(const char* file) const { return ::access(File(file).c_str(), F_OK) == 0; }
};

// The line in the file `monitor`. Always of the same length and written at once, so that a reader never sees half of
// it.
void WriteRecord(int fd, pid_t init, int restarts) {
  char line[64];
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto booted_at = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const int size = std::snprintf(line, sizeof line, "%d %lld %d", static_cast<int>(init),
                                 init == 0 ? 0LL : static_cast<long long>(booted_at), restarts);
  std::memset(line + size, ' ', sizeof line - static_cast<size_t>(size));
  line[sizeof line - 1] = '\n';
  [[maybe_unused]] const ssize_t written = ::pwrite(fd, line, sizeof line, 0);
}

// Takes the lock that says: this zone has a monitor. A classic record lock, since it tells others our pid.
UniqueFd LockMonitorFile(const Zone& zone) {
  UniqueFd fd(::open(zone.File("monitor").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (fd && ::fcntl(fd.get(), F_SETLK, &lock) != 0) fd.reset();
  return fd;
}

// The first error in liblxc's log, which is the one that caused the others: the text behind its place in the source.
std::string FirstError(const Zone& zone) {
  std::ifstream log(zone.File("log"));
  for (std::string line; std::getline(log, line);) {
    const size_t level = line.find(" ERROR ");
    const size_t module = level == std::string::npos ? level : line.find(" - ", level);
    const size_t text = module == std::string::npos ? module : line.find(" - ", module + 3);
    if (text != std::string::npos) return line.substr(text + 3);
  }
  return "liblxc gives no reason";
}

// SECONDS.MICROSECONDS STATUS, as zoneadmd(8) leaves it: -1 for a halt, otherwise the wait status of init.
void WriteLastExited(const Zone& zone, int status) {
  struct timeval now = {};
  ::gettimeofday(&now, nullptr);
  const std::string file = zone.zonepath + "/lastexited";
  const std::string fresh = file + ".new";
  ::unlink(fresh.c_str());
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd) return;
  const int size = ::dprintf(fd.get(), "%lld.%06ld %d\n", static_cast<long long>(now.tv_sec),
                             static_cast<long>(now.tv_usec), status);
  if (size > 0) ::rename(fresh.c_str(), file.c_str());
}

void Report(int pipe, const std::string& text) {
  [[maybe_unused]] const ssize_t written = ::write(pipe, text.data(), text.size());
}

// Does what the file `ipc` says. liblxc could not: it would do so as the zone's root, which kernels before 6.9 refuse.
void LimitIpc(const Zone& zone, pid_t init) {
  std::ifstream file(zone.File("ipc"));
  std::vector<std::pair<std::string, std::string>> settings;
  std::string name;
  std::string value;
  while (file >> name && std::getline(file >> std::ws, value)) settings.emplace_back(name, value);
  if (settings.empty()) return;
  try {
    WriteIpcSettings(init, settings);
  } catch (const NativeError&) {
    // Its init has ended already, or the kernel knows no such limit: no reason not to run.
  }
}

// Where the programs that belong to this one lie.
std::string ProgramFolder() {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  const std::string file(path, size > 0 ? static_cast<size_t>(size) : 0);
  return file.substr(0, file.rfind('/') + 1);
}

// Starts the DHCP clients that the file `leases` asks for. Each goes on by itself until `init` has ended; one that
// cannot be started is no reason not to run: who booted the zone hears of it when it asks for the lease.
void StartClients(const Zone& zone, pid_t init) {
  std::ifstream file(zone.File("leases"));
  const std::string program = ProgramFolder() + "zone-lease";
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> arguments = {program, std::to_string(init)};
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, '\t');) arguments.push_back(field);
    std::vector<char*> argv;
    for (std::string& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::execv(program.c_str(), argv.data());
      ::_exit(127);
    }
    while (pid > 0 && ::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  }
}

// Waits, in a process of its own, until the container's init runs: start() only returns when it has ended. The process
// is our sibling, so that it does not stay as a zombie while start() blocks. Returns a descriptor of it.
UniqueFd StartWatcher(const Zone& zone, int host, int record, int restarts, int report) {
  const pid_t monitor = ::getpid();
  int process = -1;
  const long pid = ::syscall(SYS_clone, CLONE_PARENT | CLONE_PIDFD | SIGCHLD, nullptr, &process, nullptr, 0);
  if (pid != 0) return UniqueFd(process);
  const Container container(lxc_container_new(zone.name.c_str(), zone.lxc_path.c_str()));
  while (container && ::kill(monitor, 0) == 0) {
    // Refused until liblxc has its socket; then answered as soon as init has been started.
    if (std::strcmp(container->state(container.get()), "RUNNING") == 0) {
      const pid_t init = container->init_pid(container.get());
      if (init > 0) {
        WriteRecord(record, init, restarts);
        LimitIpc(zone, init);
        AddZoneRoutes(zone.File("routes"), {netlink::Namespace::Kind::kPid, init});
        // They outlive this process, and are to see the host's files, not those that the zone's start was left with.
        if (::setns(host, CLONE_NEWNS) == 0) StartClients(zone, init);
        ShowSnapshots(init, zone.zonepath + "/root", zone.File("snapshots"), host);
        Report(report, "running\n");
      }
      break;
    }
    std::this_thread::sleep_for(kStartPoll);
  }
  ::_exit(0);
}

// Ends the watcher if it still waits, so that it cannot write into the record any more.
void StopWatcher(const UniqueFd& watcher) {
  if (!watcher) return;
  ::syscall(SYS_pidfd_send_signal, watcher.get(), SIGKILL, nullptr, 0);
  struct pollfd ended = {watcher.get(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) continue;
}

enum class End { kFailed, kHalted, kReboot, kInitEnded };

// Mounts, and opens, what the zone gets from the host, which is looked up anew, in the host's namespace, at each start.
std::optional<Emulator> Provide(const Zone& zone, int host) {
  if (::setns(host, CLONE_NEWNS) != 0) throw NativeError("libc", "setns", errno, zone.name);
  if (!zone.Has("emulator")) {
    MountSources(zone.File("sources"), zone.File("sources.d"), zone.zonepath);
    return std::nullopt;
  }
  std::optional<Emulator> emulator(zone.File("emulator"));
  const std::string root = zone.zonepath + "/root";
  emulator->Open(root);
  emulator->MakeRoot(root, zone.File("rootfs"), zone.File("temporary"), ProgramFolder() + "zone-emulator");
  return emulator;
}

// One run of the zone, from start to end.
End RunOnce(const Zone& zone, std::optional<Emulator>& emulator, int host, int record, int restarts, int report) {
  const Container container(lxc_container_new(zone.name.c_str(), zone.lxc_path.c_str()));
  if (!container || !container->is_defined(container.get())) return End::kFailed;
  container->want_daemonize(container.get(), false);
  ZoneCommand command(zone.File("command"));
  if (!command.Configure(container.get())) return End::kFailed;
  const UniqueFd watcher = StartWatcher(zone, host, record, restarts, report);
  std::vector<char*> arguments;
  if (emulator) arguments = emulator->Arguments();
  if (command) arguments = command.Arguments();
  const bool ran = container->start(container.get(), 0, arguments.empty() ? nullptr : arguments.data());
  StopWatcher(watcher);
  WriteRecord(record, 0, restarts);
  if (!ran) return End::kFailed;
  // liblxc gives init's exit as a wait status, but its death by a signal in the form that wait(2) uses for a stop.
  int status = container->error_num;
  if (WIFSTOPPED(status)) status = WSTOPSIG(status);
  // The kernel ends the init of a pid namespace that calls reboot(2) by these two signals, and by no other way may it
  // get them: neither has an effect on an init unless it wants them.
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  const bool asked = signal == SIGHUP || signal == SIGINT || zone.Has("halting");
  WriteLastExited(zone, asked ? -1 : status);
  if (zone.Has("halting")) return End::kHalted;
  if (signal == SIGHUP) return End::kReboot;
  if (signal == SIGINT) return End::kHalted;
  return End::kInitEnded;
}

void OpenLog(const Zone& zone) {
  const std::string file = zone.File("log");
  ::unlink(file.c_str());
  struct lxc_log log = {};
  log.name = zone.name.c_str();
  log.lxcpath = zone.lxc_path.c_str();
  log.file = file.c_str();
  log.level = "ERROR";
  log.prefix = "zone-start";
  log.quiet = true;
  lxc_log_init(&log);
}

void Monitor(const Zone& zone, int report) {
  const UniqueFd record = LockMonitorFile(zone);
  if (!record) return Report(report, "it has a monitor already, or its state cannot be written\n");
  WriteRecord(record.get(), 0, 0);
  OpenLog(zone);
  const UniqueFd host(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  int restarts = 0;
  int quick_ends = 0;
  while (!zone.Has("halting")) {
    const auto began = Clock::now();
    std::optional<Emulator> emulator;
    try {
      emulator = Provide(zone, host.get());
    } catch (const NativeError& error) {
      return Report(report, std::string(error.what()) + "\n");
    }
    const End end = RunOnce(zone, emulator, host.get(), record.get(), restarts, report);
    if (end == End::kFailed) return Report(report, FirstError(zone) + "\n");
    if (end == End::kHalted) return;
    if (end == End::kReboot) {
      restarts = 0;
      quick_ends = 0;
      continue;
    }
    if (zone.Has("no-restart")) return;
    ++restarts;
    quick_ends = Clock::now() - began < kQuick ? quick_ends + 1 : 0;
    if (quick_ends == kQuickEnds) return;
    if (quick_ends > 0) {
      for (const auto until = Clock::now() + kQuick; Clock::now() < until && !zone.Has("halting");) {
        std::this_thread::sleep_for(kPoll);
      }
    }
  }
}

int Main(const Zone& zone) {
  // Without newuidmap on the path liblxc, as root, writes the id map itself; with it, /etc/subuid would have to know
  // the range of every zone.
  ::setenv("PATH", "/nonexistent", 1);
  const std::string outcome = InBackground([&zone](int report) { Monitor(zone, report); });
  if (outcome == "running") return 0;
  // A zone may end before anybody saw it run: halted at once, or an init that has nothing to do.
  std::printf("%s\n", outcome.empty() ? "its init ended at once" : outcome.c_str());
  return 1;
}

}  // namespace
}  // namespace smartadm

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: zone-start LXCPATH NAME ZONEPATH\n", stdout);
    return 2;
  }
  try {
    return smartadm::Main({argv[1], argv[2], argv[3]});
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
