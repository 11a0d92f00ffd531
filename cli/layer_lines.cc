// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/layer_lines.h"

#include <algorithm>

#include "cli/live_block.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

using ::davit::v1::LayerProgress;

constexpr int64_t kWindowMs = 3'000;
constexpr int64_t kShortestMs = 500;  // a rate over less is noise
constexpr size_t kShortestBar = 10;
constexpr size_t kLongestBar = 50;

const char* WordFor(LayerProgress::State state, Transfer transfer) {
  bool push = transfer == Transfer::kPush;
  bool load = transfer == Transfer::kLoad;
  switch (state) {
    case LayerProgress::WAITING:
      return "Waiting";
    case LayerProgress::DOWNLOADING:
      return load ? "Loading layer" : "Downloading";
    case LayerProgress::UPLOADING:
      return load ? "Reading" : "Pushing";
    case LayerProgress::UNPACKING:
      return "Extracting";
    case LayerProgress::EXISTS:
      return push ? "Layer already exists" : "Already exists";
    case LayerProgress::MOUNTED:
      return "Mounted from another repository";
    case LayerProgress::SKIPPED:
      return "Skipped, may not be distributed";
    case LayerProgress::DONE:
      return push ? "Pushed" : load ? "Loaded" : "Pull complete";
    default:
      return "Unknown";
  }
}

bool InTransfer(const LayerProgress& layer) {
  return layer.state() == LayerProgress::DOWNLOADING || layer.state() == LayerProgress::UPLOADING;
}

bool InProgress(const LayerProgress& layer) {
  return InTransfer(layer) || layer.state() == LayerProgress::UNPACKING;
}

// "[=====>    ]" with `width` characters between the brackets.
std::string Bar(int64_t done, int64_t total, size_t width) {
  double share =
      total > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0) : 1.0;
  auto filled = static_cast<size_t>(share * static_cast<double>(width));
  std::string bar(filled, '=');
  if (filled < width) bar += '>';
  bar.resize(width, ' ');
  return "[" + bar + "]";
}

uint64_t Bytes(int64_t count) {
  return count < 0 ? 0 : static_cast<uint64_t>(count);
}

}  // namespace

void Rate::Add(int64_t total, int64_t now_ms) {
  if (!samples_.empty() && total < samples_.back().total) samples_.clear();
  samples_.push_back({now_ms, total});
  while (samples_.size() > 2 && samples_[1].at_ms <= now_ms - kWindowMs) samples_.pop_front();
}

uint64_t Rate::BytesPerSecond(int64_t now_ms) const {
  if (samples_.empty() || now_ms - samples_.back().at_ms >= kWindowMs) return 0;
  int64_t duration = now_ms - samples_.front().at_ms;
  if (duration < kShortestMs) return 0;
  return Bytes((samples_.back().total - samples_.front().total) * 1000 / duration);
}

std::vector<size_t> LayerLines::Apply(const LayerChanges& changes, int64_t now_ms) {
  std::vector<size_t> changed;
  for (const LayerProgress& layer : changes) {
    size_t index = layer.index();
    if (index > layers_.size()) continue;  // the first message has them all, in order
    // Another layer in this place: the pull has started over, with another manifest.
    if (index < layers_.size() && layers_[index].progress.digest() != layer.digest()) layers_.resize(index);
    bool is_new = index == layers_.size();
    if (is_new) layers_.emplace_back();
    if (is_new || layers_[index].progress.state() != layer.state()) changed.push_back(index);
    layers_[index].progress = layer;
    layers_[index].rate.Add(layer.received(), now_ms);
  }
  return changed;
}

std::string LayerLines::HeadOf(const Layer& layer) const {
  return Printable(ShortId(layer.progress.digest())) + ": " + WordFor(layer.progress.state(), transfer_);
}

std::string LayerLines::Plain(size_t layer) const {
  return HeadOf(layers_[layer]);
}

std::string LayerLines::LineOf(const Layer& layer, size_t columns, int64_t now_ms) const {
  const LayerProgress& progress = layer.progress;
  std::string head = HeadOf(layer);
  if (!InProgress(progress)) return head;
  bool of_known_size = progress.size() > 0;
  std::string bytes = SizeText(Bytes(progress.received()));
  if (of_known_size) bytes += "/" + SizeText(Bytes(progress.size()));
  std::string rate;
  if (InTransfer(progress)) rate = "  " + SizeText(layer.rate.BytesPerSecond(now_ms)) + "/s";
  size_t without_bar = head.size() + 2 + bytes.size() + rate.size() + 4;
  if (of_known_size && columns >= without_bar + kShortestBar) {
    size_t width = std::min(columns - without_bar, kLongestBar);
    return head + "  " + Bar(progress.received(), progress.size(), width) + "  " + bytes + rate;
  }
  std::string line = head + "  " + bytes;
  return line.size() + rate.size() <= columns ? line + rate : line;
}

std::vector<std::string> LayerLines::ForTerminal(TerminalSize size, int64_t now_ms) {
  size_t columns = size.columns > 1 ? size.columns - 1 : 1;  // as LiveBlock cuts them
  size_t most = LiveBlock::MostLines(size);
  std::vector<std::string> lines;
  bool all = layers_.size() <= most;
  size_t waiting = 0;
  size_t complete = 0;
  for (Layer& layer : layers_) {
    if (InProgress(layer.progress)) layer.rate.Add(layer.progress.received(), now_ms);
    bool fits = lines.size() + 1 < most;
    if (all || (fits && InProgress(layer.progress))) {
      lines.push_back(LineOf(layer, columns, now_ms));
    } else {
      bool to_come = InProgress(layer.progress) || layer.progress.state() == LayerProgress::WAITING;
      ++(to_come ? waiting : complete);
    }
  }
  if (!all) {
    lines.push_back(std::to_string(complete) + " layers complete, " + std::to_string(waiting) +
                    " more to come");
  }
  return lines;
}

}  // namespace davit::cli
