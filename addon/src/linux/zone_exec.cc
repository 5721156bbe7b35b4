// zone-exec: runs one program inside a running zone, as its root.
//
// A program of its own, because liblxc forks the caller to get into the zone: done in Node, with its threads, the copy
// could wait for ever for a lock that a thread held.
//
// Usage: zone-exec LXCPATH NAME HOW FILE [ARGUMENT...]
//
//   HOW  a number     on the files 0, 1 and 2 it was given; killed after so many milliseconds (0: no limit), and when
//                     this program is told to end
//        "pipes"      on pipes that are joined to the files 0, 1 and 2, so that a zone never holds a file of the host
//        "terminal"   on a terminal of the zone's own, joined to the files 0 and 1; TERM of the environment is its kind
//
// Joined, the program gets the signals that this one gets, and SIGHUP when its parent ends. A terminal on file 0 has to
// be in raw mode already; its size is followed at each SIGWINCH.
//
// Writes to descriptor 3, when the program has ended, one line: "status N" (128 + signal where a signal ended it),
// "timeout", or "error REASON".

#include <fcntl.h>
#include <lxc/lxccontainer.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "core/native_error.h"
#include "core/owned.h"
#include "core/unique_fd.h"
#include "linux/exec_streams.h"

namespace smartadm {
namespace {

constexpr int kResult = 3;
// What the kernel sends us when our parent has ended.
const int kOrphaned = SIGRTMIN;
// A signal of the terminal reaches us and our parent, which passes it on: the second one is the same.
constexpr auto kSameSignal = std::chrono::milliseconds(300);

using Clock = std::chrono::steady_clock;
using Container = Owned<lxc_container, lxc_container_put>;

int Tell(const std::string& line) { return ::dprintf(kResult, "%s\n", line.c_str()) < 0 ? 1 : 0; }

void Silence() {
  struct lxc_log log = {};
  log.name = "zone-exec";
  log.file = "none";
  log.level = "FATAL";
  log.prefix = "zone-exec";
  log.quiet = true;
  lxc_log_init(&log);
}

struct Program {
  char** argv;
  ExecStreams* streams;
};

// Becomes the program, in the zone; says there why it cannot, and ends with the status that shells give.
int Become(void* argument) {
  const auto* program = static_cast<const Program*>(argument);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (program->streams->joined()) {
    // The host's terminal has no say in it.
    ::setsid();
    if (!program->streams->Enter()) return 126;
  }
  ::execvp(program->argv[0], program->argv);
  const int error = errno;
  ::dprintf(2, "cannot run %s: %s\n", program->argv[0], ::strerror(error));
  return error == ENOENT ? 127 : 126;
}

// To the program and, once it has one, its group.
void Signal(pid_t pid, int signal) {
  if (::kill(-pid, signal) != 0) ::kill(pid, signal);
}

// Passes signals on until the program has ended, or has been killed for its time being over. False then.
bool Await(pid_t pid, int timeout_ms, const UniqueFd& signals, ExecStreams& streams) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const auto until = Clock::now() + std::chrono::milliseconds(timeout_ms);
  Clock::time_point from_terminal[NSIG] = {};
  for (;;) {
    int left = -1;
    if (timeout_ms > 0) {
      const auto rest = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
      left = static_cast<int>(rest > 0 ? rest : 0);
    }
    struct pollfd watched[] = {{process.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
    const int ready = ::poll(watched, 2, left);
    if (ready < 0 && errno == EINTR) continue;
    if (ready > 0 && watched[0].revents != 0) return true;
    struct signalfd_siginfo info = {};
    const bool asked = ready > 0 && ::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info);
    const int signal = asked ? static_cast<int>(info.ssi_signo) : 0;
    if (!streams.joined()) {
      if (signal == SIGWINCH || signal == kOrphaned) continue;
      ::kill(pid, SIGKILL);
      return false;
    }
    if (signal == SIGWINCH) {
      streams.FollowSize();
    } else if (signal == kOrphaned) {
      Signal(pid, SIGHUP);
      ::_exit(0);
    } else if (signal > 0 && signal < NSIG) {
      const auto now = Clock::now();
      if (info.ssi_code == SI_KERNEL) {
        from_terminal[signal] = now;
      } else if (info.ssi_pid == static_cast<uint32_t>(::getppid()) && now - from_terminal[signal] < kSameSignal) {
        continue;
      }
      Signal(pid, signal);
    }
  }
}

int Main(const char* lxc_path, const char* name, const std::string& how, char** argv) {
  ::fcntl(kResult, F_SETFD, FD_CLOEXEC);
  ::closefrom(kResult + 1);
  const char* kind = how == "terminal" ? ::getenv("TERM") : nullptr;
  std::string term = kind == nullptr ? "" : std::string("TERM=") + kind;
  ::setenv("PATH", "/nonexistent", 1);
  Silence();
  const Container container(lxc_container_new(name, lxc_path));
  if (!container || !container->is_running(container.get())) return Tell("error it is not running");

  sigset_t watched;
  ::sigemptyset(&watched);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, kOrphaned}) {
    ::sigaddset(&watched, signal);
  }
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  const UniqueFd signals(::signalfd(-1, &watched, SFD_CLOEXEC));
  ExecStreams streams(how == "pipes"      ? ExecStreams::Kind::kPipes
                      : how == "terminal" ? ExecStreams::Kind::kTerminal
                                          : ExecStreams::Kind::kGiven);
  if (streams.joined()) ::prctl(PR_SET_PDEATHSIG, kOrphaned, 0, 0, 0);

  char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char home[] = "HOME=/root";
  char user[] = "USER=root";
  char logname[] = "LOGNAME=root";
  char* environment[] = {path, home, user, logname, term.empty() ? nullptr : term.data(), nullptr};
  lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
  options.env_policy = LXC_ATTACH_CLEAR_ENV;
  options.extra_env_vars = environment;
  char root[] = "/";
  options.initial_cwd = root;
  options.uid = 0;
  options.gid = 0;
  options.stdin_fd = streams.guest(0);
  options.stdout_fd = streams.guest(1);
  options.stderr_fd = streams.guest(2);
  Program program = {argv, &streams};
  pid_t pid = -1;
  if (container->attach(container.get(), Become, &program, &options, &pid) < 0) {
    return Tell("error liblxc cannot attach to it");
  }
  // A reader of ours that has gone is no reason to end before the program does.
  ::signal(SIGPIPE, SIG_IGN);
  const bool has_terminal = streams.Join([pid] { Signal(pid, SIGHUP); });
  const bool ended = Await(pid, streams.joined() ? 0 : std::atoi(how.c_str()), signals, streams);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  streams.Drain();
  if (!ended) return Tell("timeout");
  if (!has_terminal) {
    Tell("error it has no terminal to give: " + streams.reason());
  } else {
    Tell("status " + std::to_string(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)));
  }
  // Somebody may still read what is typed.
  ::_exit(0);
}

}  // namespace
}  // namespace smartadm

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: zone-exec LXCPATH NAME HOW FILE [ARGUMENT...]\n", stderr);
    return 2;
  }
  try {
    return smartadm::Main(argv[1], argv[2], argv[3], argv + 4);
  } catch (const smartadm::NativeError& error) {
    return smartadm::Tell(std::string("error ") + error.what());
  }
}
