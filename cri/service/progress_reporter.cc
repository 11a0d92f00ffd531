// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/progress_reporter.h"

#include <chrono>
#include <utility>

#include "base/guarded.h"

namespace davit::cri {
namespace {

namespace api = ::davit::v1;
using images::LayerProgress;

constexpr std::chrono::milliseconds kInterval{100};

api::LayerProgress::State StateOf(LayerProgress::State state) {
  switch (state) {
    case LayerProgress::State::kWaiting:
      return api::LayerProgress::WAITING;
    case LayerProgress::State::kDownloading:
      return api::LayerProgress::DOWNLOADING;
    case LayerProgress::State::kUnpacking:
      return api::LayerProgress::UNPACKING;
    case LayerProgress::State::kUploading:
      return api::LayerProgress::UPLOADING;
    case LayerProgress::State::kExists:
      return api::LayerProgress::EXISTS;
    case LayerProgress::State::kMounted:
      return api::LayerProgress::MOUNTED;
    case LayerProgress::State::kSkipped:
      return api::LayerProgress::SKIPPED;
    case LayerProgress::State::kDone:
      return api::LayerProgress::DONE;
  }
  return api::LayerProgress::STATE_UNSPECIFIED;
}

void Fill(const LayerProgress& layer, size_t index, api::LayerProgress& message) {
  message.set_digest(layer.digest);
  message.set_state(StateOf(layer.state));
  message.set_received(layer.transferred);
  message.set_size(layer.size);
  message.set_index(static_cast<uint32_t>(index));
}

}  // namespace

ProgressReporter::ProgressReporter(Send send)
    : send_(std::move(send)), thread_([this] { RunGuarded("progress", [this] { Run(); }); }) {}

void ProgressReporter::Follow(std::shared_ptr<const images::TransferProgress> progress) {
  MutexLock lock(mutex_);
  progress_ = std::move(progress);
}

void ProgressReporter::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stopped_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void ProgressReporter::Run() {
  bool stopping = false;
  while (!stopping) {
    std::shared_ptr<const images::TransferProgress> progress;
    {
      MutexLock lock(mutex_);
      if (!stopping_) stopped_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kInterval);
      stopping = stopping_;
      progress = progress_;
    }
    if (progress != nullptr) Report(progress);
  }
}

void ProgressReporter::Report(const std::shared_ptr<const images::TransferProgress>& progress) {
  if (sent_of_ != progress) sent_.clear();
  sent_of_ = progress;
  std::vector<LayerProgress> layers = progress->Read();
  if (layers.size() != sent_.size()) sent_.clear();  // others than before
  Layers changed;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (i >= sent_.size() || layers[i] != sent_[i]) Fill(layers[i], i, *changed.Add());
  }
  sent_ = std::move(layers);
  if (!changed.empty()) send_(std::move(changed));
}

}  // namespace davit::cri
