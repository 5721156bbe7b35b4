// A file that is decompressed on a thread of its own as it comes: input is given ahead, output taken when it is full.
#pragma once

#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

#include "codec/decompress.h"
#include "codec/stream.h"
#include "core/native_error.h"

namespace smartadm::codec {

// What became of one piece of output.
struct Filled {
  // Bytes of it.
  size_t given;
  // Pieces of input that have been used up meanwhile.
  size_t used;
  // There is no more input, and no more output of it.
  bool ended;
  // Nothing is outstanding: the file may end here.
  bool complete;
};

template <typename Stream>
class Unpacking {
 public:
  // Any thread may call these. Input stays where it is until it has been used up.
  void Give(Input piece) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(piece);
    changed_.notify_one();
  }

  void End() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_one();
  }

  // Who waits for input fails, as do all who come later.
  void Cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_one();
  }

  // Goes on as far as there is input at hand, which it waits for if there is none, or room in `output`. Throws for
  // damage, after which nothing more comes. One call at a time.
  Filled Fill(Output output) {
    Filled filled = {0, 0, false, complete_};
    while (filled.given < output.size() && !filled.ended) {
      // What did not fit into the output before is taken first.
      if (!full_ && piece_.empty()) {
        // Who gives has to know what has been used up, or might give no more.
        if (filled.given + filled.used > 0 && !HasInput()) break;
        filled.ended = !Next();
        continue;
      }
      const bool had_input = !piece_.empty();
      try {
        const Progress progress = stream_.Run(piece_, output.subspan(filled.given));
        piece_ = piece_.subspan(progress.taken);
        filled.given += progress.given;
        filled.complete = complete_ = progress.complete;
      } catch (...) {
        Cancel();
        throw;
      }
      full_ = filled.given == output.size();
      if (had_input && piece_.empty()) ++filled.used;
    }
    return filled;
  }

 private:
  bool HasInput() {
    const std::lock_guard lock(mutex_);
    return ended_ || !waiting_.empty();
  }

  // Waits for the next piece; false at the end of the input.
  bool Next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return cancelled_ || ended_ || !waiting_.empty(); });
    if (cancelled_) throw NativeError("codec", "fill", ECANCELED);
    if (waiting_.empty()) return false;
    piece_ = waiting_.front();
    waiting_.pop_front();
    return true;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Input> waiting_;
  bool ended_ = false;
  bool cancelled_ = false;

  // Of the thread that fills.
  Stream stream_;
  Input piece_;
  bool full_ = false;
  // Nothing at all is no file.
  bool complete_ = false;
};

}  // namespace smartadm::codec
