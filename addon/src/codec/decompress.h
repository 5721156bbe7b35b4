// The compressions of ZFS blocks. Each fills `output` exactly, or says false: the input is damaged, or holds less or
// more. Input past the end of the compressed data (padding) is ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace smartadm::codec {

using Input = std::span<const uint8_t>;
using Output = std::span<uint8_t>;

bool DecompressLz4(Input input, Output output);
bool DecompressZstd(Input input, Output output);
bool DecompressLzjb(Input input, Output output);
bool DecompressZle(Input input, Output output);

}  // namespace smartadm::codec
