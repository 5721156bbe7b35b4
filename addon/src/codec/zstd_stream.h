// A zstd file (RFC 8878) as it comes: frames, one behind another, skippable ones among them.
#pragma once

#include <zstd.h>

#include <cerrno>
#include <cstddef>
#include <new>

#include "codec/decompress.h"
#include "codec/stream.h"
#include "core/native_error.h"
#include "core/owned.h"

namespace smartadm::codec {

class ZstdStream {
 public:
  ZstdStream() : context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
  }

  // Goes on as far as there is input, or room. Throws for damage, and for windows larger than the library takes unasked
  // (128 MiB).
  Progress Run(Input input, Output output) {
    ZSTD_inBuffer in = {input.data(), input.size(), 0};
    ZSTD_outBuffer out = {output.data(), output.size(), 0};
    while (in.pos < in.size || !complete_) {
      const size_t taken = in.pos;
      const size_t given = out.pos;
      const size_t left = ZSTD_decompressStream(context_.get(), &out, &in);
      if (ZSTD_isError(left)) {
        throw NativeError("zstd", "ZSTD_decompressStream", "EBADMSG", EBADMSG, ZSTD_getErrorName(left));
      }
      complete_ = left == 0;
      if (out.pos == out.size || (in.pos == taken && out.pos == given)) break;
    }
    return {in.pos, out.pos, complete_};
  }

 private:
  Owned<ZSTD_DCtx, ZSTD_freeDCtx> context_;
  bool complete_ = true;
};

}  // namespace smartadm::codec
