// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Runs ImageStore::CheckAfterStart in the background, again as long as images are to be restored later.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "base/thread_annotations.h"
#include "images/image_store.h"

namespace davit::images {

class StartCheck {
 public:
  // Called on the thread, after each check of all images.
  using Report = std::function<void(const StartFindings&)>;

  // Starts the check, on a thread with the lowest priority for processor and disk: pods start at the same
  // time. Only what it restores, pods may wait for: that has normal priority. The next check begins `pause`
  // after one that has postponed an image. `images` must outlive the object.
  StartCheck(ImageStore& images, Report report, std::chrono::milliseconds pause = std::chrono::minutes(10));
  // Ends the check, which is not reported then.
  ~StartCheck();
  StartCheck(const StartCheck&) = delete;
  StartCheck& operator=(const StartCheck&) = delete;

 private:
  void Run(ImageStore& images, const Report& report, std::chrono::milliseconds pause);
  // Returns false once the check is to end.
  bool Pause(std::chrono::milliseconds pause) EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar stopping_;
  std::atomic<bool> stop_ = false;  // set under the mutex
  std::thread thread_;
};

}  // namespace davit::images
