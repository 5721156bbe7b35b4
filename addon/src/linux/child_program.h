// Programs of the system run from programs of ours: argument vectors, a fixed search path and environment.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace smartadm {

// Path of a program; empty where there is none of that name.
std::string FindProgram(const char* name);

// Starts the program in the file `path` as a child process, with no signal blocked. `prepare` is called in there before
// it is executed, and keeps it from that by returning false. Returns its pid, or -1.
pid_t StartProgram(
    const std::string& path, const std::vector<std::string>& arguments,
    const std::function<bool()>& prepare = [] { return true; });

// Waits until it has ended.
void WaitForProgram(pid_t pid);

}  // namespace smartadm
