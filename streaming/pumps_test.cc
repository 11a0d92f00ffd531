// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/pumps.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace davit::streaming {
namespace {

// The pipe's other holder is the shim, whose container may read on for ever after the client is gone.
TEST(InputPump, NoLongerWatchesADescriptorThatSomebodyElseHolds) {
  EventLoop loop = EventLoop::Create().value();
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  UniqueFd reader(ends[0]);
  UniqueFd shared(fcntl(ends[1], F_DUPFD_CLOEXEC, 0));
  InputPump pump(loop, InputPump::AtEnd::kClose, [] {}, [] {});
  pump.Connect(UniqueFd(ends[1]));
  pump.Push(std::string(1 << 20, 'x'));
  ASSERT_TRUE(pump.congested()) << "more than the pipe takes";

  pump.Connect(UniqueFd());

  // The loop takes a descriptor once.
  ASSERT_EQ(dup3(shared.get(), ends[1], O_CLOEXEC), ends[1]);
  UniqueFd again(ends[1]);
  EXPECT_TRUE(loop.Add(again.get(), EPOLLOUT, [](uint32_t) {}));
}

}  // namespace
}  // namespace davit::streaming
