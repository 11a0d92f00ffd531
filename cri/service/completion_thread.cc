// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/completion_thread.h"

#include <utility>

#include "base/guarded.h"

namespace davit::cri {

void CompletionThread::Stop() {
  if (std::exchange(stopped_, true)) return;
  {
    MutexLock lock(mutex_);
    while (calls_ > 0) changed_.Wait(mutex_);
  }
  queue_->Shutdown();
  if (thread_.joinable())
    thread_.join();
  else
    Run();
}

void CompletionThread::Count(int change) {
  MutexLock lock(mutex_);
  calls_ += change;
  changed_.NotifyAll();
}

void CompletionThread::Start() {
  thread_ = std::thread(&CompletionThread::Run, this);
}

void CompletionThread::Run() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok))
    RunGuarded("asynchronous calls", [&] { static_cast<Completion*>(tag)->OnComplete(ok); });
}

}  // namespace davit::cri
