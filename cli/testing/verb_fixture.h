// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test fixture: verbs against a daemon that runs nothing (fake_cri.h).
#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <filesystem>
#include <string>

#include "cli/testing/fake_cri.h"
#include "cli/testing/test_support.h"
#include "cli/verbs.h"

namespace davit::cli {

// Has the image "busybox". Docker's configuration is in a scratch directory.
class VerbFixture : public ::testing::Test {
 protected:
  VerbFixture() {
    setenv("DOCKER_CONFIG", docker_config().c_str(), /*replace=*/1);
    cri_.images().Add("busybox");
  }
  ~VerbFixture() override { unsetenv("DOCKER_CONFIG"); }

  template <typename Options>
  Result<int> Do(const Options& options) {
    Session session{daemon_, console_.console(), interrupt_};
    return Perform(session, options);
  }

  // Of a verb that must succeed: what it printed.
  template <typename Options>
  std::string Answer(const Options& options, OutputFormat format = OutputFormat::kTable) {
    CapturedConsole console(format);
    Session session{daemon_, console.console(), interrupt_};
    Result<int> status = Perform(session, options);
    EXPECT_TRUE(status) << status.error().ToString();
    return console.Out();
  }

  void Press() { eventfd_write(interrupt_.fd(), 1); }
  std::string docker_config() const { return dir_.path() + "/docker"; }

  TempDir dir_;
  std::string socket_ = dir_.path() + "/cri.sock";
  FakeCri cri_{socket_};
  Interrupt interrupt_{UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))};
  Daemon daemon_ = Daemon::Connect("unix://" + socket_, interrupt_).value();
  CapturedConsole console_;
};

}  // namespace davit::cli
