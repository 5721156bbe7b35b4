#include "linux/program_run.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <utility>

#include "core/native_error.h"
#include "core/unique_fd.h"
#include "linux/child_program.h"

namespace smartadm::posix {
namespace {

using Clock = std::chrono::steady_clock;

void Check(int error, const char* operation, const std::string& subject) {
  if (error != 0) throw NativeError("libc", operation, error, subject);
}

// Two ends, the second of which is for the program. For its input a socket, which, unlike a pipe, can be written to
// without a signal when nobody reads any more.
std::pair<UniqueFd, UniqueFd> OpenStream(bool is_input, const std::string& subject) {
  int ends[2];
  const int opened = is_input ? ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) : ::pipe2(ends, O_CLOEXEC);
  if (opened != 0) throw NativeError("libc", is_input ? "socketpair" : "pipe2", errno, subject);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

class FileActions {
 public:
  FileActions() { Check(::posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init", {}); }
  FileActions(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  void Duplicate(const UniqueFd& from, int to) {
    Check(::posix_spawn_file_actions_adddup2(&actions_, from.get(), to), "posix_spawn_file_actions_adddup2", {});
  }
  void ChangeFolder(const char* path) {
    Check(::posix_spawn_file_actions_addchdir_np(&actions_, path), "posix_spawn_file_actions_addchdir_np", {});
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// All signals as a program expects them: none blocked, none ignored.
class Attributes {
 public:
  Attributes() {
    Check(::posix_spawnattr_init(&attributes_), "posix_spawnattr_init", {});
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    sigset_t all;
    ::sigfillset(&all);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  Attributes(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// A child process that is killed unless somebody has waited for its end.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  ~Child() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    Wait();
  }
  int Wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
};

int MillisecondsUntil(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX));
}

// Appends what is there. Closes the stream at its end.
void ReadSome(UniqueFd& stream, std::string& text, const Program& program) {
  char buffer[16384];
  const ssize_t size = ::read(stream.get(), buffer, sizeof buffer);
  if (size < 0 && errno == EINTR) return;
  if (size <= 0) return stream.reset();
  text.append(buffer, static_cast<size_t>(size));
  if (text.size() > program.most_bytes) throw NativeError("libc", "read", EFBIG, program.file);
}

// A program that does not read its input is judged by its status.
void WriteSome(UniqueFd& stream, const std::string& text, size_t& written) {
  const ssize_t size = ::send(stream.get(), text.data() + written, text.size() - written, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (size >= 0)
    written += static_cast<size_t>(size);
  else if (errno != EINTR && errno != EAGAIN)
    return stream.reset();
  if (written == text.size()) stream.reset();
}

}  // namespace

ProgramResult RunProgram(const Program& program) {
  const auto deadline = Clock::now() + program.timeout;
  const std::string path =
      program.file.find('/') == std::string::npos ? FindProgram(program.file.c_str()) : program.file;
  if (path.empty()) throw NativeError("libc", "posix_spawn", ENOENT, program.file);
  std::array streams = {OpenStream(true, path), OpenStream(false, path), OpenStream(false, path)};
  FileActions actions;
  for (int fd = 0; fd < 3; ++fd) actions.Duplicate(streams[static_cast<size_t>(fd)].second, fd);
  actions.ChangeFolder("/");
  const Attributes attributes;
  std::vector<std::string> arguments = program.arguments;
  arguments.insert(arguments.begin(), program.file);
  pid_t pid = -1;
  Check(::posix_spawn(&pid, path.c_str(), actions.get(), attributes.get(), Pointers(arguments).data(),
                      Pointers(program.environment).data()),
        "posix_spawn", path);
  Child child(pid);
  for (auto& stream : streams) stream.second.reset();
  auto& [input, output, errors] = streams;
  ProgramResult result = {};
  size_t written = 0;
  if (program.input.empty()) input.first.reset();
  while (output.first || errors.first) {
    std::array<struct pollfd, 3> polled = {
        {{input.first.get(), POLLOUT, 0}, {output.first.get(), POLLIN, 0}, {errors.first.get(), POLLIN, 0}}};
    const int left = MillisecondsUntil(deadline);
    if (left == 0) throw NativeError("libc", "poll", ETIMEDOUT, program.file);
    if (::poll(polled.data(), polled.size(), left) < 0 && errno != EINTR) {
      throw NativeError("libc", "poll", errno, program.file);
    }
    if (polled[0].revents != 0) WriteSome(input.first, program.input, written);
    if (polled[1].revents != 0) ReadSome(output.first, result.output, program);
    if (polled[2].revents != 0) ReadSome(errors.first, result.errors, program);
  }
  // It may have closed its streams and go on.
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  struct pollfd ended = {process.get(), POLLIN, 0};
  while (process && ended.revents == 0) {
    const int left = MillisecondsUntil(deadline);
    if (left == 0) throw NativeError("libc", "poll", ETIMEDOUT, program.file);
    ::poll(&ended, 1, left);
  }
  result.status = child.Wait();
  return result;
}

}  // namespace smartadm::posix
