// Runs a program to its end and collects what it prints, without what Node needs for that.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace smartadm::posix {

struct Program {
  // A path, or a name that is looked for where the system has its programs.
  std::string file;
  std::vector<std::string> arguments;
  // KEY=VALUE, all of it.
  std::vector<std::string> environment;
  std::string input;
  std::chrono::milliseconds timeout;
  // Of each stream.
  size_t most_bytes;
};

struct ProgramResult {
  // Exit status, or 128 and the signal that ended it.
  int status;
  std::string output;
  std::string errors;
};

// Its folder is `/`. Throws ENOENT when there is no such program, and, having killed it, ETIMEDOUT or EFBIG.
ProgramResult RunProgram(const Program& program);

}  // namespace smartadm::posix
