// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/reactor.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <future>

#include "base/guarded.h"

namespace davit {

Result<std::unique_ptr<Reactor>> Reactor::Start() {
  EventLoop loop = TRY(EventLoop::Create());
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return SystemError("eventfd", "reactor");
  std::unique_ptr<Reactor> reactor(new Reactor(std::move(loop), std::move(wake)));
  TRY(reactor->loop_.Add(reactor->wake_.get(), EPOLLIN, [raw = reactor.get()](uint32_t) {
    uint64_t count;
    [[maybe_unused]] ssize_t n = read(raw->wake_.get(), &count, sizeof count);
  }));
  reactor->thread_ = std::thread(&Reactor::Run, reactor.get());
  return reactor;
}

Reactor::~Reactor() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  Wake();
  if (thread_.joinable()) thread_.join();
}

void Reactor::Post(std::function<void()> work) {
  {
    MutexLock lock(mutex_);
    posted_.push_back(std::move(work));
  }
  Wake();
}

void Reactor::Await(const std::function<void()>& work) {
  std::promise<void> done;
  Post([&] {
    RunGuarded("reactor", work);
    done.set_value();
  });
  done.get_future().wait();
}

void Reactor::Wake() {
  uint64_t one = 1;
  // A full counter means that a wake is pending already.
  [[maybe_unused]] ssize_t n = write(wake_.get(), &one, sizeof one);
}

void Reactor::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
    }
    bool failed = false;
    RunGuarded("reactor", [&] { failed = !loop_.RunOnce(/*timeout_ms=*/-1); });
    if (failed) return;
    RunPosted();
  }
}

void Reactor::RunPosted() {
  std::vector<std::function<void()>> work;
  {
    MutexLock lock(mutex_);
    work.swap(posted_);
  }
  for (auto& item : work) RunGuarded("reactor", item);
}

}  // namespace davit
