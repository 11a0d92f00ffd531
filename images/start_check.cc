// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/start_check.h"

#include <algorithm>
#include <utility>

#include "base/guarded.h"
#include "base/priority.h"

namespace davit::images {

StartCheck::StartCheck(ImageStore& images, Report report, std::chrono::milliseconds pause)
    : thread_([this, &images, report = std::move(report), pause] {
        RunGuarded("start check", [&] { Run(images, report, pause); });
      }) {}

StartCheck::~StartCheck() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    stopping_.NotifyAll();
  }
  thread_.join();
}

void StartCheck::Run(ImageStore& images, const Report& report, std::chrono::milliseconds pause) {
  SetThreadPriority(gettid(), Priority::kIdle);
  Interrupt wanted([this] { return !stop_; });
  const std::chrono::milliseconds longest = 36 * pause;
  while (true) {
    StartFindings findings = images.CheckAfterStart(wanted);
    if (stop_) return;
    report(findings);
    if (findings.postponed.empty() || !Pause(pause)) return;
    pause = std::min(2 * pause, longest);
  }
}

bool StartCheck::Pause(std::chrono::milliseconds pause) {
  auto end = std::chrono::steady_clock::now() + pause;
  MutexLock lock(mutex_);
  while (!stop_ && std::chrono::steady_clock::now() < end) stopping_.WaitUntil(mutex_, end);
  return !stop_;
}

}  // namespace davit::images
