// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Shows the progress of a pull while it runs.
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

class PullDisplay {
 public:
  // Thread-safe. Errors of writing to the descriptor are ignored: the pull is more important.
  explicit PullDisplay(int fd);
  // Draws the last state; the cursor is below it.
  ~PullDisplay();
  PullDisplay(const PullDisplay&) = delete;
  PullDisplay& operator=(const PullDisplay&) = delete;

  void Apply(const ::davit::v1::PullImageResponse& message);

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
