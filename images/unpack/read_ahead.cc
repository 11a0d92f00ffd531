// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/read_ahead.h"

#include <array>
#include <string>
#include <thread>

#include "base/guarded.h"
#include "base/thread_annotations.h"

namespace davit::images {
namespace {

class ReadAheadStream : public ChunkStream {
 public:
  explicit ReadAheadStream(ChunkStream& input) : input_(input), producer_([this] { Produce(); }) {}

  ~ReadAheadStream() override {
    {
      MutexLock lock(mutex_);
      abandoned_ = true;
      changed_.NotifyAll();
    }
    producer_.join();
  }

  // A block belongs to the consumer from the moment it is handed out until the next call.
  Result<std::string_view> Next() override {
    MutexLock lock(mutex_);
    if (handed_out_) {
      handed_out_ = false;
      ++taken_;
      changed_.NotifyAll();
    }
    while (filled_ == taken_ && !ended_) changed_.Wait(mutex_);
    if (filled_ != taken_) {
      handed_out_ = true;
      return std::string_view(blocks_[taken_ % blocks_.size()]);
    }
    if (error_) return std::unexpected(*error_);
    return std::string_view();
  }

 private:
  void Produce() {
    while (true) {
      // Without the lock: this is the work that goes on in parallel.
      auto piece = Guarded("read", "layer", [&] { return input_.Next(); });
      if (!piece || piece->empty()) return End(std::move(piece));
      std::string* block = FreeBlock();
      if (!block) return;
      block->assign(*piece);
      MutexLock lock(mutex_);
      ++filled_;
      changed_.NotifyAll();
    }
  }

  // The block after the filled ones, which is the producer's alone; null when nobody wants more.
  std::string* FreeBlock() {
    MutexLock lock(mutex_);
    while (filled_ - taken_ == blocks_.size() && !abandoned_) changed_.Wait(mutex_);
    return abandoned_ ? nullptr : &blocks_[filled_ % blocks_.size()];
  }

  void End(Result<std::string_view> last) {
    MutexLock lock(mutex_);
    if (!last) error_ = std::make_unique<Error>(std::move(last).error());
    ended_ = true;
    changed_.NotifyAll();
  }

  ChunkStream& input_;
  std::array<std::string, 4> blocks_;  // each belongs to one side at a time, as the counts say

  Mutex mutex_;
  CondVar changed_;
  size_t filled_ GUARDED_BY(mutex_) = 0;  // blocks ever filled; those in [taken_, filled_) are the consumer's
  size_t taken_ GUARDED_BY(mutex_) = 0;
  bool handed_out_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  bool abandoned_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<Error> error_ GUARDED_BY(mutex_);

  std::thread producer_;  // last: it starts when everything else is there
};

}  // namespace

std::unique_ptr<ChunkStream> ReadAhead(ChunkStream& input) {
  return std::make_unique<ReadAheadStream>(input);
}

}  // namespace davit::images
