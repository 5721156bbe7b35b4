// How the programs beside a zone go on after whoever started them has gone.
#pragma once

#include <functional>
#include <string>

namespace smartadm {

// Runs `keep` in a process of its own, in the background: without the caller's session, folder, files and signals, with
// no descriptor but those it opens and `report`. Returns the first line that it wrote to `report`, what it threw as
// such a line, or nothing when it ended before it wrote one. Throws NativeError when there can be no such process.
std::string InBackground(const std::function<void(int report)>& keep);

}  // namespace smartadm
