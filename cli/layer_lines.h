// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The layers of a transfer as lines of text, with docker's words.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "api/davit/v1/davit.pb.h"
#include "cli/terminal.h"

namespace davit::cli {

enum class Transfer : uint8_t { kPull, kPush, kLoad };

using LayerChanges = google::protobuf::RepeatedPtrField<::davit::v1::LayerProgress>;

// The bytes per second of the last three seconds.
class Rate {
 public:
  // `total` bytes were received at `now_ms`. A total that has fallen starts the measurement again.
  void Add(int64_t total, int64_t now_ms);
  // 0 before there is anything to measure.
  uint64_t BytesPerSecond(int64_t now_ms) const;

 private:
  struct Sample {
    int64_t at_ms;
    int64_t total;
  };
  std::deque<Sample> samples_;
};

// The layers as the messages of a transfer describe them. Not thread-safe.
class LayerLines {
 public:
  explicit LayerLines(Transfer transfer) : transfer_(transfer) {}

  // Applies the layers of a message. Returns the layers, by index, whose state has changed.
  std::vector<size_t> Apply(const LayerChanges& changes, int64_t now_ms);

  // One layer: "a1b2c3d4e5f6: Pull complete".
  std::string Plain(size_t layer) const;

  // All layers for a terminal of this size. A line has what fits: state, bytes, rate, a bar. If there are
  // more layers than rows, those in progress are shown and the last line counts the others.
  std::vector<std::string> ForTerminal(TerminalSize size, int64_t now_ms);

 private:
  struct Layer {
    ::davit::v1::LayerProgress progress;
    Rate rate;
  };

  std::string HeadOf(const Layer& layer) const;
  std::string LineOf(const Layer& layer, size_t columns, int64_t now_ms) const;

  const Transfer transfer_;
  std::vector<Layer> layers_;
};

}  // namespace davit::cli
