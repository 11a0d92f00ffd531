// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/stop_signal.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

TEST(StopSignal, TheRequestWinsOverTheImageAndTermIsTheDefault) {
  EXPECT_EQ(*StopSignalOf(v1::SIGNAL_RUNTIME_DEFAULT, ""), SIGTERM);
  EXPECT_EQ(*StopSignalOf(v1::SIGNAL_RUNTIME_DEFAULT, "SIGQUIT"), SIGQUIT);
  EXPECT_EQ(*StopSignalOf(v1::SIGNAL_RUNTIME_DEFAULT, "USR1"), SIGUSR1);
  EXPECT_EQ(*StopSignalOf(v1::SIGNAL_RUNTIME_DEFAULT, "3"), SIGQUIT);
  EXPECT_EQ(*StopSignalOf(v1::SIGNAL_SIGUSR2, "SIGQUIT"), SIGUSR2);
}

TEST(StopSignal, AnImageMayWriteItInLowerCase) {
  for (const char* text : {"sigquit", "quit", "SigQuit", "Quit"}) {
    auto signal = StopSignalOf(v1::SIGNAL_RUNTIME_DEFAULT, text);
    ASSERT_TRUE(signal) << text;
    EXPECT_EQ(*signal, SIGQUIT) << text;
  }
  EXPECT_EQ(StopSignalOf(v1::SIGNAL_RUNTIME_DEFAULT, "sigrtmin+3").value_or(0), 37);
  EXPECT_EQ(StopSignalOf(v1::SIGNAL_RUNTIME_DEFAULT, "rtmax-1").value_or(0), 63);
}

TEST(StopSignal, RealTimeSignalsCountFromTheCLibrarysFirst) {
  EXPECT_EQ(*StopSignalOf(v1::SIGNAL_SIGRTMINPLUS3, ""), 37);
  EXPECT_EQ(*StopSignalOf(v1::SIGNAL_SIGRTMAXMINUS1, ""), 63);
  EXPECT_EQ(*StopSignalOf(v1::SIGNAL_RUNTIME_DEFAULT, "SIGRTMIN+3"), 37);
}

TEST(StopSignal, RefusesWhatLinuxDoesNotHave) {
  for (const char* text : {"SIGNOPE", "0", "65", "-1", "9x", "RTMIN+40", "RTMAX-", "SIGRTMIN-1"}) {
    EXPECT_FALSE(StopSignalOf(v1::SIGNAL_RUNTIME_DEFAULT, text)) << text;
  }
}

TEST(StopSignal, EveryCriSignalHasANumberAndComesBackAsTheSameNumber) {
  for (int value = v1::Signal_MIN + 1; value <= v1::Signal_MAX; ++value) {
    auto number = StopSignalOf(static_cast<v1::Signal>(value), "");
    ASSERT_TRUE(number) << v1::Signal_Name(static_cast<v1::Signal>(value));
    EXPECT_EQ(*StopSignalOf(SignalToCri(*number), ""), *number);
  }
}

}  // namespace
}  // namespace davit::cri
