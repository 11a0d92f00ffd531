// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/read_ahead.h"

#include <array>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace davit {
namespace {

class ReadAheadStream : public ChunkStream {
 public:
  explicit ReadAheadStream(ChunkStream& input) : input_(input), producer_([this] { Produce(); }) {}

  ~ReadAheadStream() override {
    {
      std::lock_guard lock(mutex_);
      abandoned_ = true;
    }
    changed_.notify_all();
    producer_.join();
  }

  // A block belongs to the consumer from the moment it is handed out until the next call.
  Result<std::string_view> Next() override {
    std::unique_lock lock(mutex_);
    if (handed_out_) {
      handed_out_ = false;
      ++taken_;
      changed_.notify_all();
    }
    changed_.wait(lock, [this] { return filled_ != taken_ || ended_; });
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
      auto piece = input_.Next();  // without the lock: this is the work that goes on in parallel
      if (!piece || piece->empty()) return End(std::move(piece));
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return filled_ - taken_ < blocks_.size() || abandoned_; });
      if (abandoned_) return;
      std::string& block = blocks_[filled_ % blocks_.size()];
      lock.unlock();
      block.assign(*piece);
      lock.lock();
      ++filled_;
      changed_.notify_all();
    }
  }

  void End(Result<std::string_view> last) {
    std::lock_guard lock(mutex_);
    if (!last) error_ = std::make_unique<Error>(std::move(last).error());
    ended_ = true;
    changed_.notify_all();
  }

  ChunkStream& input_;
  std::array<std::string, 4> blocks_;

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t filled_ = 0;  // blocks ever filled; those in [taken_, filled_) are the consumer's
  size_t taken_ = 0;
  bool handed_out_ = false;
  bool ended_ = false;
  bool abandoned_ = false;
  std::unique_ptr<Error> error_;

  std::thread producer_;  // last: it starts when everything else is there
};

}  // namespace

std::unique_ptr<ChunkStream> ReadAhead(ChunkStream& input) { return std::make_unique<ReadAheadStream>(input); }

}  // namespace davit
