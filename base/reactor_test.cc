// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/reactor.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <stdexcept>

namespace davit {
namespace {

class ReactorTest : public ::testing::Test {
 protected:
  ReactorTest() : reactor_(Reactor::Start().value()) {}

  // A descriptor that is ready from the beginning and stays ready.
  void WatchReady(const UniqueFd& fd, EventLoop::Callback callback) {
    reactor_->Await(
        [&] { EXPECT_TRUE(reactor_->loop().Add(fd.get(), EPOLLIN, std::move(callback)).has_value()); });
  }
  // Waits until the reactor has looked at its descriptors.
  void AwaitTurn() {
    for (int i = 0; i < 3; ++i) reactor_->Await([] {});
  }

  std::unique_ptr<Reactor> reactor_;
};

TEST_F(ReactorTest, AClosureThatThrowsStopsNeitherTheNextOneNorTheThread) {
  bool ran = false;
  reactor_->Post([] { throw std::runtime_error("thrown by a test"); });
  reactor_->Await([] { throw std::runtime_error("thrown by a test"); });
  reactor_->Await([&ran] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST_F(ReactorTest, ACallbackThatThrowsEndsItsOwnWatchOnly) {
  UniqueFd throwing(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd other(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  int thrown = 0;
  int called = 0;
  WatchReady(throwing, [&thrown](uint32_t) {
    ++thrown;
    throw std::runtime_error("thrown by a test");
  });
  AwaitTurn();
  WatchReady(other, [&called](uint32_t) { ++called; });
  AwaitTurn();
  reactor_->Await([&] {
    EXPECT_EQ(thrown, 1);
    EXPECT_GE(called, 1);
    reactor_->loop().Remove(throwing.get());
    reactor_->loop().Remove(other.get());
  });
}

}  // namespace
}  // namespace davit
