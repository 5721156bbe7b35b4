#include "linux/background.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>

#include "core/native_error.h"
#include "core/unique_fd.h"

namespace smartadm {
namespace {

void Detach() {
  ::setsid();
  if (::chdir("/") != 0) std::abort();
  ::umask(022);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2; ++fd) ::dup2(null, fd);
  if (null > 2) ::close(null);
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  // The reader of the report may have gone.
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

std::string FirstLine(int fd) {
  std::string text;
  char buffer[512];
  while (text.find('\n') == std::string::npos) {
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    text.append(buffer, static_cast<size_t>(size));
  }
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::string InBackground(const std::function<void(int report)>& keep) {
  ::closefrom(3);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw NativeError("libc", "pipe", errno);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw NativeError("libc", "fork", errno);
  if (child == 0) {
    Detach();
    try {
      keep(writer.get());
    } catch (const std::exception& error) {
      const std::string line = std::string(error.what()) + "\n";
      [[maybe_unused]] const ssize_t written = ::write(writer.get(), line.data(), line.size());
    }
    ::_exit(0);
  }
  writer.reset();
  return FirstLine(reader.get());
}

}  // namespace smartadm
