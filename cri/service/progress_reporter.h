// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sends the progress of a transfer to a client.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "api/davit/v1/davit.pb.h"
#include "base/thread_annotations.h"
#include "images/transfer_progress.h"

namespace davit::cri {

// A thread reads the latest progress ten times per second and sends what has changed. It may block in a
// write: the transfer runs on another thread and does not notice a client that does not read.
class ProgressReporter {
 public:
  using Layers = google::protobuf::RepeatedPtrField<::davit::v1::LayerProgress>;
  // Receives the layers that have changed.
  using Send = std::function<void(Layers changed)>;

  // `send` is called on the thread, until Stop returns.
  explicit ProgressReporter(Send send);
  ~ProgressReporter() { Stop(); }
  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;

  // From now on reports this transfer. Thread-safe.
  void Follow(std::shared_ptr<const images::TransferProgress> progress) EXCLUDES(mutex_);
  // Sends the last changes and ends. Blocks while the client does not read, until its call ends. Idempotent.
  void Stop() EXCLUDES(mutex_);

 private:
  void Run() EXCLUDES(mutex_);
  void Report(const std::shared_ptr<const images::TransferProgress>& progress);

  const Send send_;
  Mutex mutex_;
  CondVar stopped_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<const images::TransferProgress> progress_ GUARDED_BY(mutex_);

  // Used by the thread only.
  std::shared_ptr<const images::TransferProgress> sent_of_;
  std::vector<images::LayerProgress> sent_;

  std::thread thread_;
};

}  // namespace davit::cri
