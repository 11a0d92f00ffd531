// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Shows the progress of a transfer while it runs: on a terminal a line per layer that is drawn again and
// again, elsewhere a line per change of a layer's state.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/davit/v1/davit.pb.h"
#include "cli/layer_lines.h"
#include "cli/live_block.h"

namespace davit::cli {

class TransferDisplay {
 public:
  // Thread-safe. Errors of writing to the descriptor are ignored: the transfer is more important.
  TransferDisplay(int fd, Transfer transfer);
  // Draws the last state; the cursor is below it.
  ~TransferDisplay();
  TransferDisplay(const TransferDisplay&) = delete;
  TransferDisplay& operator=(const TransferDisplay&) = delete;

  void Apply(const LayerChanges& changes);
  bool on_terminal() const { return on_terminal_; }

 private:
  void DrawUntilStopped();
  void Draw();

  const int fd_;
  const bool on_terminal_;
  std::mutex mutex_;  // guards the members below
  std::condition_variable stopped_;
  bool stopping_ = false;
  LayerLines layers_;
  LiveBlock block_;
  std::vector<std::string> drawn_;
  TerminalSize drawn_for_;
  std::thread painter_;  // on a terminal: rates fall and sizes change also without messages
};

}  // namespace davit::cli
