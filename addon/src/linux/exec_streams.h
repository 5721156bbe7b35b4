// What a program inside a zone reads and writes, and how that is joined to the files 0, 1 and 2 of zone-exec.
#pragma once

#include <sys/ioctl.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/unique_fd.h"

namespace smartadm {

// Made before the zone is entered, used on both sides of the fork. None of the host's own files gets into the zone, but
// with kGiven.
class ExecStreams {
 public:
  enum class Kind { kGiven, kPipes, kTerminal };

  // Throws NativeError.
  explicit ExecStreams(Kind kind);
  ~ExecStreams();
  ExecStreams(const ExecStreams&) = delete;
  ExecStreams& operator=(const ExecStreams&) = delete;

  bool joined() const { return kind_ != Kind::kGiven; }

  // Descriptor that the program begins with as its file 0, 1 or 2.
  int guest(int file) const;

  // In the zone, in a session of its own: takes a terminal, if that is wanted. False when there is none to be had.
  bool Enter();

  // On the host: begins to pass on what comes. `hang_up` is called when nobody reads any more what a terminal says.
  // False when the program has got no terminal.
  bool Join(const std::function<void()>& hang_up);

  // Why not.
  std::string reason() const;

  // Gives the terminal the size of the one on file 0 or 1.
  void FollowSize();

  // After the program has ended: passes on what it still has said. Others that it left behind are not waited for.
  void Drain();

 private:
  void Copy(int from, int to, const std::function<void()>& refused);

  const Kind kind_;
  // By file: the program's ends, and ours.
  UniqueFd guest_[3];
  UniqueFd host_[3];
  // Both ends of the way by which the terminal, made inside, comes out.
  UniqueFd inside_;
  UniqueFd outside_;
  int error_ = 0;
  bool has_size_ = false;
  struct winsize size_ = {};
  UniqueFd ended_;
  std::vector<std::thread> outputs_;
};

}  // namespace smartadm
