#include "codec/decompress.h"

#include <lz4.h>
#include <zstd.h>

#include <cstring>
#include <vector>

#include "core/owned.h"

namespace smartadm::codec {
namespace {

// The length that precedes lz4 and zstd data, big endian whatever the stream is.
bool TakeLength(Input& input, size_t header, size_t& length) {
  if (input.size() < header) return false;
  length = size_t{input[0]} << 24 | size_t{input[1]} << 16 | size_t{input[2]} << 8 | input[3];
  input = input.subspan(header);
  return length <= input.size();
}

}  // namespace

bool DecompressLz4(Input input, Output output) {
  size_t length = 0;
  if (!TakeLength(input, 4, length) || output.size() > LZ4_MAX_INPUT_SIZE) return false;
  const int done =
      LZ4_decompress_safe(reinterpret_cast<const char*>(input.data()), reinterpret_cast<char*>(output.data()),
                          static_cast<int>(length), static_cast<int>(output.size()));
  return done >= 0 && static_cast<size_t>(done) == output.size();
}

bool DecompressZstd(Input input, Output output) {
  // Version and level follow the length.
  size_t length = 0;
  if (!TakeLength(input, 8, length)) return false;
  // The frame is stored without its magic number.
  static constexpr uint8_t kMagic[] = {0x28, 0xb5, 0x2f, 0xfd};
  static thread_local std::vector<uint8_t> frame;
  static thread_local const Owned<ZSTD_DCtx, ZSTD_freeDCtx> context(ZSTD_createDCtx());
  if (!context) return false;
  frame.resize(sizeof kMagic + length);
  std::memcpy(frame.data(), kMagic, sizeof kMagic);
  if (length > 0) std::memcpy(frame.data() + sizeof kMagic, input.data(), length);
  const size_t done = ZSTD_decompressDCtx(context.get(), output.data(), output.size(), frame.data(), frame.size());
  return !ZSTD_isError(done) && done == output.size();
}

bool DecompressLzjb(Input input, Output output) {
  size_t in = 0;
  size_t out = 0;
  while (out < output.size()) {
    if (in == input.size()) return false;
    const unsigned control = input[in++];
    for (unsigned bit = 0; bit < 8 && out < output.size(); ++bit) {
      if ((control >> bit & 1) == 0) {
        if (in == input.size()) return false;
        output[out++] = input[in++];
        continue;
      }
      if (input.size() - in < 2) return false;
      size_t length = (input[in] >> 2) + 3U;
      const size_t distance = (size_t{input[in]} << 8 | input[in + 1]) & 0x3ff;
      in += 2;
      if (distance == 0 || distance > out) return false;
      for (; length > 0 && out < output.size(); --length, ++out) output[out] = output[out - distance];
    }
  }
  return true;
}

bool DecompressZle(Input input, Output output) {
  constexpr size_t kLiterals = 64;
  size_t in = 0;
  size_t out = 0;
  while (out < output.size()) {
    if (in == input.size()) return false;
    const size_t code = input[in++];
    const size_t length = code < kLiterals ? code + 1 : code - kLiterals + 1;
    if (length > output.size() - out) return false;
    if (code < kLiterals) {
      if (length > input.size() - in) return false;
      std::memcpy(output.data() + out, input.data() + in, length);
      in += length;
    } else {
      std::memset(output.data() + out, 0, length);
    }
    out += length;
  }
  return true;
}

}  // namespace smartadm::codec
