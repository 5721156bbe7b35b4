// What streams that are decompressed piece by piece have in common.
#pragma once

#include <cstddef>

namespace smartadm::codec {

// How far one call came.
struct Progress {
  // Bytes of the input, and of the output.
  size_t taken;
  size_t given;
  // Nothing is outstanding: the file may end here.
  bool complete;
};

}  // namespace smartadm::codec
