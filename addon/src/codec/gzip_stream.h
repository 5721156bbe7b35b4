// A gzip file (RFC 1952) as it comes: members, one behind another.
#pragma once

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "codec/decompress.h"
#include "codec/stream.h"
#include "core/native_error.h"

namespace smartadm::codec {

class GzipStream {
 public:
  GzipStream() { BeginMember(); }

  // Goes on as far as there is input, or room. Throws for damage. What follows a member and is none is ignored, as
  // gzip(1) does.
  Progress Run(Input input, Output output) {
    const size_t size = input.size();
    const size_t room = output.size();
    while (!input.empty() || inside_) {
      if (!inside_) {
        LookForMember(input);
        continue;
      }
      const size_t left = input.size() + output.size();
      Inflate(input, output);
      if (inside_ && (output.empty() || input.size() + output.size() == left)) break;
    }
    return {size - input.size(), room - output.size(), !inside_};
  }

 private:
  static constexpr uint8_t kMagic[] = {0x1f, 0x8b};

  void BeginMember() {
    ::isal_inflate_init(state_.get());
    ::isal_gzip_header_init(&header_);
    state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
    inside_ = in_header_ = true;
    matched_ = 0;
  }

  // Takes one byte, or all if no member can follow any more.
  void LookForMember(Input& input) {
    if (ended_ || input[0] != kMagic[matched_]) {
      ended_ = true;
      input = {};
      return;
    }
    input = input.subspan(1);
    if (++matched_ < sizeof kMagic) return;
    BeginMember();
    Input magic(kMagic);
    Output nothing;
    Inflate(magic, nothing);
  }

  void Inflate(Input& input, Output& output) {
    constexpr size_t kMost = std::numeric_limits<uint32_t>::max();
    const size_t size = std::min(input.size(), kMost);
    const size_t room = std::min(output.size(), kMost);
    // The library reads it only.
    state_->next_in = const_cast<uint8_t*>(input.data());
    state_->avail_in = static_cast<uint32_t>(size);
    state_->next_out = output.data();
    state_->avail_out = static_cast<uint32_t>(room);
    // isal_inflate would read the header as well, but forgets what it has seen of one that comes in pieces.
    int status = in_header_ ? ::isal_read_gzip_header(state_.get(), &header_) : ISAL_DECOMP_OK;
    if (status == ISAL_DECOMP_OK) {
      in_header_ = false;
      status = ::isal_inflate(state_.get());
    }
    // Positive ones want more input.
    if (status < 0) throw NativeError("isal", "isal_inflate", "EBADMSG", EBADMSG, Describe(status));
    input = input.subspan(size - state_->avail_in);
    output = output.subspan(room - state_->avail_out);
    inside_ = in_header_ || state_->block_state != ISAL_BLOCK_FINISH;
  }

  static const char* Describe(int status) {
    switch (status) {
      case ISAL_INVALID_BLOCK:
        return "invalid block type";
      case ISAL_INVALID_SYMBOL:
        return "invalid code";
      case ISAL_INVALID_LOOKBACK:
        return "invalid distance too far back";
      case ISAL_INVALID_WRAPPER:
        return "incorrect header check";
      case ISAL_UNSUPPORTED_METHOD:
        return "unknown compression method";
      case ISAL_INCORRECT_CHECKSUM:
        return "incorrect data check";
      default:
        return "invalid data";
    }
  }

  std::unique_ptr<inflate_state> state_ = std::make_unique<inflate_state>();
  isal_gzip_header header_ = {};
  // In a member, not behind one.
  bool inside_ = true;
  bool in_header_ = true;
  // Bytes of the magic number of the next one that have been seen.
  size_t matched_ = 0;
  bool ended_ = false;
};

}  // namespace smartadm::codec
