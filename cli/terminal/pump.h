// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Copies one direction of a session.
#pragma once

#include <poll.h>

#include <functional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace davit::cli {

// Never blocks, although the standard streams of the process may be blocking ones that it shares with others.
// Between pipes and files it moves pages (splice(2)) and copies nothing.
class Pump {
 public:
  // Returns what to write for what was read.
  using Filter = std::function<std::string(std::string_view)>;

  // The caller keeps both open. A pump that was made without arguments has ended.
  Pump() = default;
  Pump(int from, int to, Filter filter = nullptr);
  // Owns the end that is the container's; it is closed at the end.
  static Pump FromOwned(UniqueFd from, int to);
  static Pump ToOwned(int from, UniqueFd to);

  // What to wait for; the descriptor is -1 once it has ended.
  pollfd Wait() const;
  // Call it when the descriptor of Wait() is ready.
  void Step();
  // The source has ended and all of it was written, or the sink takes nothing more.
  bool ended() const { return from_ < 0; }
  // It has ended because the sink takes nothing more.
  bool broken() const { return broken_; }
  // Drops what is not written yet.
  void End();
  // Copies what the source has now, as far as the sink takes it at once; ends if that is everything. Call it
  // again when Wait() is ready.
  void EndAfterRest();

 private:
  void Splice();
  void Read();
  void Write();

  int from_ = -1;
  int to_ = -1;
  UniqueFd owned_;
  Filter filter_;
  bool splices_ = false;
  bool to_blocks_ = false;
  bool waits_for_room_ = false;
  bool starved_ = false;  // the last step found nothing to read
  bool at_end_ = false;   // of the source; `rest_` is still to be written
  bool broken_ = false;
  std::string rest_;
};

}  // namespace davit::cli
