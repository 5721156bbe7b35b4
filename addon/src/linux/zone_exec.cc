// zone-exec: runs one program inside a running zone, as its root, on the files 0, 1 and 2 it was given.
//
// A program of its own, because liblxc forks the caller to get into the zone: done in Node, with its threads, the copy
// could wait for ever for a lock that a thread held.
//
// Usage: zone-exec LXCPATH NAME TIMEOUT-MS FILE [ARGUMENT...]      (0: no limit of time)
//
// Writes to descriptor 3, when the program has ended, one line: "status N" (128 + signal where a signal ended it),
// "timeout", or "error REASON". A program that runs too long is killed, and so is one whose zone-exec is told to end.

#include <fcntl.h>
#include <lxc/lxccontainer.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/owned.h"
#include "core/unique_fd.h"

namespace smartadm {
namespace {

constexpr int kResult = 3;
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

// Becomes the program, in the zone; says there why it cannot, and ends with the status that shells give.
int Become(void* argument) {
  char** argv = static_cast<char**>(argument);
  ::execvp(argv[0], argv);
  const int error = errno;
  ::dprintf(2, "cannot run %s: %s\n", argv[0], ::strerror(error));
  return error == ENOENT ? 127 : 126;
}

int Main(const char* lxc_path, const char* name, int timeout_ms, char** argv) {
  ::fcntl(kResult, F_SETFD, FD_CLOEXEC);
  ::closefrom(kResult + 1);
  ::setenv("PATH", "/nonexistent", 1);
  Silence();
  const Container container(lxc_container_new(name, lxc_path));
  if (!container || !container->is_running(container.get())) return Tell("error it is not running");

  char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char home[] = "HOME=/root";
  char user[] = "USER=root";
  char logname[] = "LOGNAME=root";
  char* environment[] = {path, home, user, logname, nullptr};
  lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
  options.env_policy = LXC_ATTACH_CLEAR_ENV;
  options.extra_env_vars = environment;
  char root[] = "/";
  options.initial_cwd = root;
  options.uid = 0;
  options.gid = 0;
  pid_t pid = -1;
  if (container->attach(container.get(), Become, argv, &options, &pid) < 0) {
    return Tell("error liblxc cannot attach to it");
  }

  sigset_t ending;
  ::sigemptyset(&ending);
  ::sigaddset(&ending, SIGTERM);
  ::sigaddset(&ending, SIGINT);
  ::sigaddset(&ending, SIGHUP);
  ::sigprocmask(SIG_BLOCK, &ending, nullptr);
  const UniqueFd asked(::signalfd(-1, &ending, SFD_CLOEXEC));
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  struct pollfd watched[] = {{process.get(), POLLIN, 0}, {asked.get(), POLLIN, 0}};
  int ready;
  while ((ready = ::poll(watched, 2, timeout_ms > 0 ? timeout_ms : -1)) < 0 && errno == EINTR) continue;
  const bool ended = ready > 0 && (watched[0].revents & POLLIN) != 0;
  if (!ended) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (!ended) return Tell("timeout");
  return Tell("status " + std::to_string(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)));
}

}  // namespace
}  // namespace smartadm

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: zone-exec LXCPATH NAME TIMEOUT-MS FILE [ARGUMENT...]\n", stderr);
    return 2;
  }
  return smartadm::Main(argv[1], argv[2], std::atoi(argv[3]), argv + 4);
}
