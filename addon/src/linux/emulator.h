// What runs in the zone of a hardware virtual machine: an emulator in a root that is made for it at each start.
//
// Nothing of the host is in there but the programs and data that it runs from, read-only, and the zone's own /tmp. What
// it works on it inherits: disks and taps are opened here, by root, and have ends in no name space of the zone.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "core/unique_fd.h"

namespace smartadm {

// Read from a file with a line for each thing, a word and its fields with tabs between:
//
//   bind SOURCE TARGET       a file or folder of the host, seen in the zone as TARGET, read-only
//   own PATH TARGET          likewise, of the zone's own root on disk; no link is followed in PATH
//   open FD MODE BASE PATH   a file to inherit as FD; MODE is ro or rw. No link is followed in PATH below BASE; with
//   BASE
//                            empty, none at its end
//   tap FD NAME BRIDGE MTU   a new tap to inherit as FD; MTU 0 leaves it as it comes
//   device PATH UID          a character device of the host, for user UID of the host's
//   argument TEXT            of the command line, in order, the program first
//
// Every function throws NativeError.
class Emulator {
 public:
  explicit Emulator(const std::string& list);

  // Opens what is inherited, under numbers that nothing else gets, not closed by exec. Standard output and error become
  // the zone's log, ROOT/tmp/vm.log, whose predecessors are kept as vm.log.0 to vm.log.9.
  void Open(const std::string& root);

  // Assembles the zone's root at `folder`, from what ROOT has, in a mount namespace of the caller's own, and shows the
  // zone's /tmp at `temporary`. `starter` is the program zone-emulator.
  void MakeRoot(const std::string& root, const std::string& folder, const std::string& temporary,
                const std::string& starter) const;

  // For exec, of zone-emulator first; valid as long as this is.
  std::vector<char*> Arguments();

 private:
  struct Bind {
    bool own;
    std::string source;
    std::string target;
  };
  struct File {
    int number;
    bool writable;
    std::string base;
    std::string path;
  };
  struct Tap {
    int number;
    std::string name;
    std::string bridge;
    int mtu;
  };

  void OpenLog(const std::string& root) const;
  void Inherit(UniqueFd fd, int number);

  std::vector<Bind> binds_;
  std::vector<File> files_;
  std::vector<Tap> taps_;
  std::vector<std::pair<std::string, uid_t>> devices_;
  std::vector<std::string> arguments_;
  std::vector<UniqueFd> inherited_;
};

}  // namespace smartadm
