// What the emulator of a zone of brand kvm does beside its guest.
#pragma once

#include <string>

namespace standin {

// A socket that listens at `path`; -1 when that cannot be.
int ListenAt(const std::string& path);

// Serves the monitor and the first serial line of the machine whose zone has `root`, by what `/startvm` there was
// given, on threads of their own. Its guest heeds the power button, and the process ends then, unless `root` holds a
// file `deaf`. False when there is nothing to be started.
bool StartMachine(const std::string& root);

}  // namespace standin
